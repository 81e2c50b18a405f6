"""One HTML page that needs nothing but itself."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from hwprof.surrogates.rows import describe
from hwprof.workflows.pages import render
from hwprof.workflows.report import _plots

if TYPE_CHECKING:
    from hwprof.workflows.report._evaluation import Evaluation

_MOST_NETWORKS = 300  # rows of the page's table; JSON has all


def render_page(evaluation: Evaluation) -> str:
    """The report as HTML: plots inlined, no scripts, no requests; all text is escaped."""
    types = evaluation.fit.types
    networks = sorted(evaluation.networks, key=lambda row: -abs(row.error_percent))
    return render(
        "report.html",
        package=__package__,
        evaluation=evaluation,
        context=describe(evaluation.fit.context),
        level_percent=100 * evaluation.artefact.interval_level,
        rows=sum(report.n for report in types),
        median_mape=median(report.scores.mape_percent for report in types),
        worst=max(types, key=lambda report: report.scores.mape_percent),
        coverage=sum(r.coverage_percent * r.n for r in types) / sum(r.n for r in types),
        networks=networks[:_MOST_NETWORKS],
        more_networks=max(len(networks) - _MOST_NETWORKS, 0),
        parity=_plots.parity(evaluation),
        errors=_plots.errors(evaluation),
        calibration=_plots.calibration(evaluation),
        network_plot=_plots.networks(evaluation) if networks else None,
        learning=_plots.learning(evaluation.learning) if evaluation.learning else None,
    )
