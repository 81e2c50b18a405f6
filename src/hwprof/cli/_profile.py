"""``hwprof profile``: a model's layers measured, or all samples of the workspace."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwprof.cli import _campaign, _options
from hwprof.cli._adaptive import adaptive_budget, print_sampled
from hwprof.cli._output import print_json, print_table
from hwprof.measurement import Measurement, OperatorMeasurement
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.graph import Graph
    from hwprof.profiler.bench import Setup
    from hwprof.profiler.footprint import Footprint
    from hwprof.profiler.layer_counts import LayerCounts
    from hwprof.workflows.adaptive_sampling import Budget


@click.command()
@click.argument("model", required=False)
@_options.campaign_setup
@click.option("--repeats", type=click.IntRange(1, 1000), default=1, show_default=True)
@click.option(
    "--networks",
    type=click.IntRange(0, 10_000),
    default=0,
    help="Measure this many random networks instead of samples: 'hwprof fit' corrects by them.",
)
@click.option(
    "--block",
    "blocks",
    multiple=True,
    help="Block type to measure; may be repeated [default: all].",
)
@adaptive_budget
@click.option(
    "--plan", is_flag=True, help="Say what would be measured and how long it takes; end there."
)
@_options.seed
@_options.workers
@_options.record
@_options.workspace
@_options.as_json
def profile(
    model: str | None,
    *,
    setup: Setup,
    repeats: int,
    networks: int,
    blocks: tuple[str, ...],
    budget: Budget | None,
    plan: bool,
    seed: int,
    workers: int | None,
    record: Path | None,
    workspace: Workspace,
    as_json: bool,
) -> None:
    """Measure MODEL layer by layer, or without MODEL every sample that has no row yet.

    MODEL is an ONNX or int8 TFLite file, or a named architecture such as
    person-detector:k=5,g=1,c=96. On a virtual board the cycles are modelled, and every output says
    so.

    Ctrl-C pauses; the same command goes on from there. --target may be repeated: boards of one
    kind share what is to measure.

    With --adaptive no 'hwprof sample' is needed: hwprof chooses twenty blocks of each type, then
    ten at a time where what is measured leaves the surrogate least sure. Rows are kept as they
    come; the same command goes on where it was stopped, and a larger N adds to what is there:

        hwprof profile --adaptive 60 --block conv --until-error 2
    """
    from hwprof.models import resolve_model

    setup = replace(setup, repeats=repeats, record=record)
    workers = _options.worker_count(workers, record)
    _refuse_two_subjects(model, networks, blocks, budget)
    _refuse_several_lines(record, budget, plan=plan)
    _refuse_what_is_no_campaign(setup, model, budget, plan=plan)
    subject = _campaign.Subject(networks, seed, blocks)
    if plan:
        _campaign.print_plan(subject, workspace, setup, workers, as_json=as_json)
        return
    if budget is not None:
        from hwprof.workflows.adaptive_sampling import sample_adaptively

        sampled = sample_adaptively(workspace, setup, blocks, budget, workers=workers, seed=seed)
        if as_json:
            print_json({"adaptive": [kind.to_json() for kind in sampled]})
        else:
            print_sampled(sampled)
        return
    if model is None:
        _campaign.run(subject, workspace, setup, workers)
        return
    resolved = resolve_model(model)
    row, counts, footprint = _measured(model, resolved.graph, setup)
    if as_json:
        print_json(
            {
                **model_report(model, row, counts),
                "memory": footprint.document(),
                "notes": list(resolved.notes),
            }
        )
    else:
        _print_layers(model, row, counts)
        for line in (*footprint.lines(), *resolved.notes):
            click.echo(line)
    if row.error:
        raise click.ClickException(f"not a data point: {row.error}")


def _refuse_several_lines(record: Path | None, budget: Budget | None, *, plan: bool) -> None:
    if record is not None and (plan or budget is not None):
        who = "a plan" if plan else "adaptive sampling"
        raise click.UsageError(
            f"{who} opens the line again and again, and {record} holds one; leave out --record."
        )


def _refuse_what_is_no_campaign(
    setup: Setup, model: str | None, budget: Budget | None, *, plan: bool
) -> None:
    if model is not None and setup.also:
        raise click.UsageError(
            f"one board runs {model}; got {' and '.join((setup.target, *setup.also))}; leave out "
            "all but one --target."
        )
    subject = model or ("--adaptive" if budget is not None else "")
    if plan and subject:
        raise click.UsageError(
            f"--plan is of samples or --networks; leave out either it or {subject}."
        )


def _refuse_two_subjects(
    model: str | None, networks: int, blocks: tuple[str, ...], budget: Budget | None
) -> None:
    """A model, random networks, and blocks are measured one kind at a time."""
    asked = {
        str(model): model is not None,
        "--networks": networks > 0,
        "--block": bool(blocks),
        "--adaptive": budget is not None,
    }
    named = [name for name, is_asked in asked.items() if is_asked]
    if len(named) > 1 and named != ["--block", "--adaptive"]:
        raise click.UsageError(
            f"one thing is measured at a time; got {' and '.join(named)}; leave out all but one."
        )


def _measured(
    model: str, graph: Graph, setup: Setup
) -> tuple[Measurement, tuple[LayerCounts, ...], Footprint]:
    from hwprof.profiler.bench import Bench

    with Bench(setup) as bench:
        program = bench.lower(graph)
        row = bench.measure(program, block_type="network", block_key=model)
        return row, bench.layer_counts(program), bench.footprint(program)


def model_report(
    model: str, row: Measurement, counts: tuple[LayerCounts, ...] = ()
) -> dict[str, object]:
    """The documented JSON object of one profiled model; ``counts`` are those of a virtual board."""
    context = row.origin.context
    counted = {layer.name: asdict(layer) for layer in counts}
    return {
        "model": model,
        "target": row.origin.target,
        "board": context.board,
        "clock_hz": context.clock_hz,
        "kernels": context.kernels,
        "scheme": context.scheme,
        "placement": asdict(context.placement),
        "kind": context.kind,
        "cycles": row.cycles,
        "latency_us": row.latency_us,
        "macs": row.macs,
        "peak_ram_bytes": row.peak_ram_bytes,
        "flash_bytes": row.flash_bytes,
        "firmware_sha256": row.origin.firmware_sha256,
        "timing_model": context.timing_model,
        "cache_state": context.cache_state,
        "error": row.error,
        "layers": [
            {
                "name": layer.name,
                "op": layer.op,
                "macs": layer.macs,
                "cycles": layer.cycles,
                "latency_us": context.cycles_to_us(layer.cycles),
                **counted.get(layer.name, {}),
            }
            for layer in row.operators
        ],
    }


def _print_layers(model: str, row: Measurement, counts: tuple[LayerCounts, ...]) -> None:
    context = row.origin.context
    counted = {layer.name: layer for layer in counts}
    print_table(
        (
            *("layer", "op", "MACs", "cycles", "us", "% of latency"),
            *("cycles/MAC", "instructions", "% waiting"),
        ),
        [
            (
                layer.name,
                layer.op,
                layer.macs,
                layer.cycles,
                context.cycles_to_us(layer.cycles),
                100.0 * layer.cycles / row.cycles,
                layer.cycles / layer.macs if layer.macs else "",
                *_counted(layer, counted.get(layer.name)),
            )
            for layer in row.operators
        ],
    )
    click.echo(
        f"\n{model}: {row.latency_us / 1000:.2f} ms {context.kind} ({row.cycles:,} cycles, "
        f"{row.macs:,} MACs, {row.cycles / max(row.macs, 1):.2f} cycles per MAC"
        f"{_pace(row, counts)})\n"
        f"{row.origin.target} at {context.clock_hz / 1e6:g} MHz, {context.kernels} kernels, "
        f"{context.placement}, timing {context.timing_model}, caches {context.cache_state}\n"
        f"peak RAM {row.peak_ram_bytes:,} bytes, flash {row.flash_bytes:,} bytes; every layer's "
        "output verified against the host's int8 reference"
    )


def _pace(row: Measurement, counts: tuple[LayerCounts, ...]) -> str:
    if not counts:
        return ""
    instructions = sum(layer.instructions for layer in counts)
    return f", {instructions / row.cycles:.2f} instructions per cycle"


def _counted(layer: OperatorMeasurement, counts: LayerCounts | None) -> tuple[object, object]:
    """Instructions, and the share of a layer's cycles that the core waited for memory."""
    if counts is None:
        return "", ""
    return counts.instructions, 100.0 * counts.stall_cycles / max(layer.cycles, 1)
