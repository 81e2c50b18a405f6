"""The report of a search for a detector: one page, JSON, tables, and the winners as files."""

from __future__ import annotations

from hwprof.workflows.search_report._agreement import Agreement, agreement
from hwprof.workflows.search_report._drawings import Box, ScoredBox, draw
from hwprof.workflows.search_report._page import render_page
from hwprof.workflows.search_report._values import (
    Cost,
    Detector,
    Drawing,
    FramePart,
    FrontPoint,
    Interval,
    Kind,
    Prediction,
    Protocol,
    Role,
    Run,
    Saving,
    SearchReport,
    Trial,
)
from hwprof.workflows.search_report._write import SearchReportFiles, write_search_report

__all__ = [
    "Agreement",
    "Box",
    "Cost",
    "Detector",
    "Drawing",
    "FramePart",
    "FrontPoint",
    "Interval",
    "Kind",
    "Prediction",
    "Protocol",
    "Role",
    "Run",
    "Saving",
    "ScoredBox",
    "SearchReport",
    "SearchReportFiles",
    "Trial",
    "agreement",
    "draw",
    "render_page",
    "write_search_report",
]
