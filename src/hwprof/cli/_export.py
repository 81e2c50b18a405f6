"""``hwprof export``: measurements as CSV."""

from __future__ import annotations

from pathlib import Path

import click

from hwprof.cli import _options
from hwprof.workspace import Workspace


@click.command()
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path), required=False)
@_options.workspace
def export(output: Path | None, workspace: Workspace) -> None:
    """Write the workspace's measurements to OUTPUT, or to standard output.

    Columns and their units are in docs/FORMATS.md, "Measurement store".
    """
    from hwprof.profiler.store import MeasurementStore

    with MeasurementStore(workspace.store) as store:
        frame = store.frame()
    text = frame.to_csv(index=False, lineterminator="\n")
    if output is None:
        click.echo(text, nl=False)
        return
    with _options.writable(output) as file:
        file.write(text)
    click.echo(f"{len(frame)} rows written to {output}", err=True)
