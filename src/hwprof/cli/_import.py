"""``hwprof import``: measurements of any board, from a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.measurement import BOARD_DEFAULT, CACHE_STATES, Placement
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.workflows.tables import ImportReport


@click.command("import")
@click.argument("table", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--target", default="", help="Name of the board, where no column says it.")
@click.option("--clock-hz", type=int, default=0, help="Core clock, where no column says it.")
@click.option("--kernels", default="", help="Kernel library [default: simd].")
@click.option("--scheme", default="", help="Quantisation scheme [default: tflite].")
@click.option(
    "--placement",
    type=_options.PlacementType(),
    default=BOARD_DEFAULT,
    show_default="not known",
    help="Memory of each part, as activations=sram,weights=flash,scratch=dtcm,code=flash.",
)
@click.option(
    "--cache-state",
    type=click.Choice(CACHE_STATES),
    default=None,
    show_default="not known",
    help="How runs began.",
)
@click.option(
    "--timing-model", default="", help="Model of modelled numbers [default: measured on silicon]."
)
@_options.workspace
@_options.as_json
def import_(
    *,
    table: Path,
    target: str,
    clock_hz: int,
    kernels: str,
    scheme: str,
    placement: Placement,
    cache_state: str | None,
    timing_model: str,
    workspace: Workspace,
    as_json: bool,
) -> None:
    """Bring the measurements of TABLE, a CSV file, into the workspace.

    A row is an operator or a block: its shapes, and its time in cycles, latency_us or latency_ms.
    Columns are in docs/FORMATS.md, "Measurement tables"; options say what holds for every row.
    Afterwards 'hwprof fit --target NAME' and 'hwprof predict MODEL --target NAME' work.
    """
    from hwprof.workflows.tables import TableDefaults, import_table

    defaults = TableDefaults(
        target=target,
        clock_hz=clock_hz,
        kernels=kernels,
        scheme=scheme,
        placement=placement,
        cache_state=cache_state or "",
        timing_model=timing_model,
    )
    report = import_table(table, workspace, defaults)
    if as_json:
        print_json(report.to_json())
    else:
        _print(report)


def _print(report: ImportReport) -> None:
    from hwprof.surrogates.fit import FitOptions
    from hwprof.surrogates.rows import describe

    needed = FitOptions().min_rows
    print_table(
        ("block type", "blocks", "for a model of its own"),
        [
            (kind, n, "enough" if n >= needed else f"{needed - n} more needed")
            for kind, n in sorted(report.blocks.items())
        ],
    )
    stored, context = report.stored, report.origin.context
    click.echo(
        f"\n{report.lines} lines of {context.kind} numbers: {stored.added} blocks new, "
        f"{stored.unchanged} there already, {stored.replaced} replaced\n{describe(context)}"
    )
    for reason, n in report.left_out.items():
        click.echo(f"left out: {n} lines, {reason}")
    if report.extra_columns:
        click.echo(f"kept without being read: {', '.join(report.extra_columns)}")
