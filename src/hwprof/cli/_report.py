"""``hwprof report``: one page on how far to trust the predictions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    show_default="report.html in the workspace",
    help="The page; JSON and CSV of the same name are written beside it.",
)
@_options.bench_setup
@_options.workers
@_options.seed
@_options.workspace
@_options.as_json
def report(
    *,
    output: Path | None,
    setup: Setup,
    workers: int | None,
    seed: int,
    workspace: Workspace,
    as_json: bool,
) -> None:
    """Fit the workspace's rows and write a page on how well they are predicted.

    Held-out predictions against the board, errors by block type, calibration of the intervals,
    whole networks, learning curves and provenance, in one HTML file that needs no network.
    """
    from hwprof.workflows.report import evaluate_workspace, write_report

    evaluation = evaluate_workspace(
        workspace, setup, workers=workers or os.cpu_count() or 1, seed=seed
    )
    files = write_report(evaluation, output or workspace.root / "report.html")
    if as_json:
        print_json(evaluation.to_json())
        return
    click.echo(f"page: {files.page}\nJSON: {files.document}\nrows: {files.rows}")
