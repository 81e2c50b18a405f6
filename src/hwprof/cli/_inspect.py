"""``hwprof inspect``: where a model's work, time and memory go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup
    from hwprof.workflows.inspection import Inspection, Share

# FLOPs (two for each MAC, in millions) that NXP's lecture prints for the person detector at
# 256 x 320; published numbers, shown beside ours and never used.
_PUBLISHED_MFLOPS = {"backbone": 97.9, "head": 58.4, "total": 156.4}
_PUBLISHED_FOR = "person_detector"


@click.command()
@click.argument("model", default="person-detector")
@click.option(
    "--group",
    default="auto",
    type=click.Choice(["auto", "layer", "block", "part"]),
    show_default=True,
    help="What the second table adds up.",
)
@_options.bench_setup
@_options.as_json
def inspect(
    model: str,
    *,
    group: str,
    setup: Setup,
    as_json: bool,
) -> None:
    """Show what each layer of MODEL costs, and which one to look at first.

    MODEL is an ONNX or int8 TFLite file, or a named architecture such as
    person-detector:k=5,g=1,c=96. Latencies come from running it on the target; on a virtual board
    they are modelled.
    """
    from hwprof.models import resolve_model
    from hwprof.profiler.bench import Bench
    from hwprof.workflows.inspection import inspect_model

    resolved = resolve_model(model)
    with Bench(setup) as bench:
        program = bench.lower(resolved.graph)
        footprint = bench.footprint(program)
        row = bench.measure(program, block_type="network", block_key=model)
    found = inspect_model(resolved, row, footprint.report, group)
    if as_json:
        print_json(
            {
                **_as_json(model, found),
                "memory": footprint.document(),
                "notes": list(resolved.notes),
            }
        )
        return
    _print_shares("layer", found.layers)
    click.echo()
    if found.grouping != "layer":
        _print_shares(found.grouping, found.groups)
        click.echo()
    _print_summary(model, found)
    for line in (*footprint.lines(), *resolved.notes):
        click.echo(line)


def _print_shares(heading: str, shares: Iterable[Share]) -> None:
    print_table(
        (heading, "op", "MACs", "% MACs", "us", "% us", "", "weights bytes", "RAM bytes"),
        [
            (
                share.name,
                share.op,
                share.macs,
                share.macs_percent,
                share.latency_us,
                share.latency_percent,
                "*" if share.slow_for_its_macs else " ",
                share.weights_bytes,
                share.peak_ram_bytes,
            )
            for share in shares
        ],
    )


def _print_summary(model: str, found: Inspection) -> None:
    row, worst = found.row, found.bottleneck
    context = row.origin.context
    click.echo(
        f"* takes a larger share of the time than of the MACs\n"
        f"bottleneck: {worst.name} ({worst.op}), {worst.latency_percent:.1f} % of the latency "
        f"with {worst.macs_percent:.1f} % of the MACs\n"
        f"{model}: {row.latency_us / 1000:.2f} ms {context.kind} on {row.origin.target}, timing "
        f"{context.timing_model}; {row.macs:,} MACs; peak RAM {row.peak_ram_bytes:,} bytes; "
        f"flash {row.flash_bytes:,} bytes"
    )
    published = _published(model, found)
    if published:
        click.echo("\nMFLOPs = 2 x convolution MACs, ours beside NXP's lecture (published)")
        print_table(("part", "ours", "published"), published)


def _published(model: str, found: Inspection) -> list[tuple[str, float, float]]:
    named = model.replace("-", "_").partition(":")[0] == _PUBLISHED_FOR
    ours = {share.name: 2e-6 * share.macs for share in found.groups}
    ours["total"] = 2e-6 * found.row.macs
    if not named or not set(_PUBLISHED_MFLOPS) <= set(ours):
        return []
    return [(part, ours[part], value) for part, value in _PUBLISHED_MFLOPS.items()]


def _as_json(model: str, found: Inspection) -> dict[str, object]:
    context = found.row.origin.context
    return {
        "model": model,
        "target": found.row.origin.target,
        "kind": context.kind,
        "timing_model": context.timing_model,
        "latency_us": found.row.latency_us,
        "macs": found.row.macs,
        "peak_ram_bytes": found.row.peak_ram_bytes,
        "flash_bytes": found.row.flash_bytes,
        "bottleneck": found.bottleneck.name,
        "layers": [asdict(share) for share in found.layers],
        "grouping": found.grouping,
        "groups": [asdict(share) for share in found.groups],
        "published_mflops": {part: value for part, _, value in _published(model, found)},
    }
