"""``hwprof explain``: why a table measured elsewhere is not what the virtual board says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup
    from hwprof.workflows.explanation import Explanation


@click.command()
@click.argument("table", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--model", required=True, help="What was measured: .tflite, .onnx, or a network.")
@click.option(
    "--ticks-hz",
    type=click.IntRange(1_000, 4_000_000_000),
    default=None,
    show_default="the core's clock",
    help="Rate of the table's ticks.",
)
@_options.bench_setup
@_options.as_json
def explain(*, table: Path, model: str, ticks_hz: int | None, setup: Setup, as_json: bool) -> None:
    """Name the likeliest cause of the difference between TABLE and the virtual board.

    TABLE is what TensorFlow Lite Micro's profiler prints, or CSV with a column name or op and a
    time (docs/EXPLAIN.md). Its lines are aligned with the model's layers; the model is run on the
    virtual board with caches off, other kernels, other memories and another clock, and each is held
    against the table.
    """
    from hwprof.models import resolve_model
    from hwprof.workflows import explanation

    resimulator = explanation.Resimulator(resolve_model(model), setup)
    found = explanation.explain(
        table,
        resimulator,
        ticks_hz=ticks_hz or 0,
        say=lambda name: click.echo(f"running: {name}", err=True),
    )
    if as_json:
        print_json(found.to_json())
        return
    _print(found)


def _print(found: Explanation) -> None:
    click.echo(f"{found.sentence}\n")
    print_table(
        ("hypothesis", "off %", "bias %", "spread %"),
        [(j.name, j.off_percent, j.bias_percent, j.spread_percent) for j in
         sorted(found.verdict.judgements, key=lambda j: j.off_percent)],
    )  # fmt: skip
    click.echo()
    print_table(
        ("layer", f"measured {found.unit}", "modelled", "ratio", "explained", "ratio "),
        [
            (e.label, e.measured, e.modelled, e.ratio, e.explained, e.explained_ratio)
            for e in found.layers
        ],
    )
    for name, reason in found.not_run:
        click.echo(f"not run: {name}: {reason}")
    if found.left_out:
        click.echo(f"without a layer: {', '.join(found.left_out)}")
