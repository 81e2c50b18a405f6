"""``hwprof fit``: surrogates from what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup
    from hwprof.surrogates.correction import NetworkReport
    from hwprof.surrogates.reports import FitReport, TypeReport


@click.command()
@_options.bench_setup
@_options.workers
@_options.record
@_options.seed
@_options.workspace
@_options.as_json
def fit(
    *,
    setup: Setup,
    workers: int | None,
    record: Path | None,
    seed: int,
    workspace: Workspace,
    as_json: bool,
) -> None:
    """Fit one surrogate for each block type; samples without a row are profiled first.

    Errors are of held-out rows (5-fold), beside what simple guesses reach on the same rows.
    """
    from hwprof.workflows.fit_workspace import fit_workspace

    fitted, folder = fit_workspace(
        workspace,
        replace(setup, record=record),
        workers=_options.worker_count(workers, record),
        seed=seed,
    )
    if as_json:
        print_json(fitted.report.to_json())
        return
    print_fit_report(fitted.report)
    click.echo(f"\nsaved to {folder}")


def print_fit_report(report: FitReport) -> None:
    """Each block type's winner, then the baselines on the same rows."""
    print_table(
        ("block type", "model", "n", "MAPE %", "within 5 %", "within 10 %", "Spearman", "Kendall"),
        [row for kind in report.types for row in _rows(kind)],
    )
    for kind, n in report.skipped.items():
        click.echo(f"{kind}: {n} rows are too few for a model of its own")
    for reason, n in report.excluded.items():
        click.echo(f"left out: {n} rows, {reason}")
    for row in report.outliers:
        click.echo(
            f"outlier: {row.block_key} took {row.cycles:,.0f} cycles, others of its type say "
            f"{row.likely_cycles:,.0f}"
        )
    click.echo(_network_line(report.networks))


def _network_line(networks: NetworkReport | None) -> str:
    if networks is None:
        return (
            "networks: too few measured to correct the sum over blocks; on a board within reach "
            "'hwprof profile --networks 48' measures some"
        )
    return (
        f"networks: {networks.n} measured, held-out MAPE {networks.scores.mape_percent:.2f} %, "
        f"sum of blocks alone {networks.summed.mape_percent:.2f} %; median interval "
        f"±{networks.interval_percent:.1f} %, covers {networks.coverage_percent:.0f} %"
    )


def _rows(kind: TypeReport) -> Iterator[tuple[object, ...]]:
    named = {kind.model: kind.scores, **{f"  {n}": s for n, s in kind.baselines.items()}}
    for position, (model, scores) in enumerate(named.items()):
        yield (
            kind.block_type if position == 0 else "",
            model,
            kind.n,
            scores.mape_percent,
            scores.within_5_percent,
            scores.within_10_percent,
            f"{scores.spearman:.4f}",
            f"{scores.kendall:.4f}",
        )
