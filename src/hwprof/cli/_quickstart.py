"""``hwprof quickstart``: the whole pipeline, small."""

from __future__ import annotations

import os

import click

from hwprof.cli import _options
from hwprof.cli._fit import print_fit_report
from hwprof.cli._search_output import print_search
from hwprof.workspace import Workspace


@click.command()
@_options.timing
@_options.workers
@_options.workspace
def quickstart(*, timing: str, workers: int | None, workspace: Workspace) -> None:
    """Sample, profile, fit, predict and search on the virtual RT1170; needs no hardware."""
    from hwprof.workflows.quickstart import quickstart as run_quickstart

    done = run_quickstart(
        workspace,
        workers=workers or os.cpu_count() or 1,
        timing=timing,
        say=lambda text: click.secho(text, bold=True, err=True),
    )
    click.echo(f"\nprofile: {done.campaign}\n\nheld-out errors of the surrogates")
    print_fit_report(done.fitted.report)
    row, prediction = done.seed_row, done.seed_prediction
    click.echo(
        f"\nperson detector: {prediction.latency_us / 1000:.2f} ms predicted, "
        f"{row.latency_us / 1000:.2f} ms modelled on {row.origin.target}, timing "
        f"{row.origin.context.timing_model}\n"
    )
    print_search(done.search)
    steps = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in done.seconds.items())
    click.echo(f"\n{sum(done.seconds.values()):.0f} s in all: {steps}\nkept in {workspace.root}")
