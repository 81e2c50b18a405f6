"""What every HTML page of hwprof shares: its frame and style, its plots, how it is written."""

from __future__ import annotations

from hwprof.workflows.pages._figures import COLOURS, INK, Plot, figure, plain_ticks, plot
from hwprof.workflows.pages._files import table_text, write_files
from hwprof.workflows.pages._render import render

__all__ = [
    "COLOURS",
    "INK",
    "Plot",
    "figure",
    "plain_ticks",
    "plot",
    "render",
    "table_text",
    "write_files",
]
