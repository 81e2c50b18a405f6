"""The evaluation report: what a workspace's surrogates are worth, as one page, JSON and CSV."""

from __future__ import annotations

from hwprof.workflows.report._evaluation import Evaluation, NetworkRow, evaluate_workspace
from hwprof.workflows.report._page import render_page
from hwprof.workflows.report._write import ReportFiles, write_report

__all__ = [
    "Evaluation",
    "NetworkRow",
    "ReportFiles",
    "evaluate_workspace",
    "render_page",
    "write_report",
]
