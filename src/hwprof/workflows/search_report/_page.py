"""The search's page: plots and pictures inlined, nothing fetched."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import groupby
from statistics import fmean

from hwprof.workflows.pages import render
from hwprof.workflows.search_report import _plots
from hwprof.workflows.search_report._agreement import agreement
from hwprof.workflows.search_report._values import Detector, Drawing, SearchReport


def render_page(report: SearchReport) -> str:
    """The report as HTML: no scripts, no requests; all text is escaped."""
    compared = agreement(report.trials, report.budget_us)
    framed = [row for row in report.detectors if row.frame]
    return render(
        "search_report.html",
        package=__package__,
        report=report,
        best=headline(report),
        tried=_plots.tried(report),
        found=_plots.found(report),
        compared=compared,
        ranks=_plots.ranks(report, compared) if compared else None,
        framed=framed,
        frames=_plots.frames(framed) if framed else None,
        drawings=_by_picture(report.drawings),
        training_s=fmean(report.cost.training_s) if report.cost.training_s else None,
    )


def headline(report: SearchReport) -> Detector | None:
    """The winner of the first rule among those that meet the budget on the board.

    The pictures that are reported on choose nothing, so that the headline is no lucky row.
    """
    limit = float("inf") if report.budget_us is None else report.budget_us
    meeting = (row for row in report.winners if row.board.latency_us <= limit)
    return next(meeting, None)


def _by_picture(drawings: Sequence[Drawing]) -> list[tuple[str, list[tuple[Drawing, str]]]]:
    """Pictures in their order, each with its drawings and their bytes as text."""
    return [
        (name, [(one, base64.b64encode(one.jpeg).decode("ascii")) for one in group])
        for name, group in groupby(drawings, key=lambda one: one.picture)
    ]
