"""The report's files: the page, the same as JSON, and every held-out row as CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError
from hwprof.workflows.pages import table_text, write_files
from hwprof.workflows.report._page import render_page

if TYPE_CHECKING:
    from hwprof.workflows.report._evaluation import Evaluation

COLUMNS = (
    "block_type", "block_key", "model", "cycles", "predicted_cycles", "low_cycles", "high_cycles",
    "error_percent",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where a report was written."""

    page: Path
    document: Path
    rows: Path


def write_report(evaluation: Evaluation, page: Path) -> ReportFiles:
    """Write the page, and beside it the same name with ``.json`` and ``.csv``.

    Raises:
        ConfigurationError: a file cannot be written, or the page would be one of the others.
    """
    if page.suffix.lower() in {".json", ".csv"}:
        raise ConfigurationError(
            f"a report is a page with JSON and CSV of its name beside it; got {page}; "
            "name it report.html."
        )
    files = ReportFiles(page, page.with_suffix(".json"), page.with_suffix(".csv"))
    document = json.dumps(evaluation.to_json(), indent=1, allow_nan=False)
    write_files(
        {
            files.page: render_page(evaluation),
            files.document: document + "\n",
            files.rows: table_text(COLUMNS, _rows(evaluation)),
        }
    )
    return files


def _rows(evaluation: Evaluation) -> Iterator[tuple[object, ...]]:
    for report in evaluation.fit.types:
        held_out = report.held_out
        low, high = evaluation.interval(report)
        error = 100 * (held_out.predicted / held_out.measured - 1)
        columns = (held_out.keys, held_out.measured, held_out.predicted, low, high, error)
        for key, *numbers in zip(*(column.tolist() for column in columns), strict=True):
            yield (report.block_type, key, report.model, *(f"{number:.6g}" for number in numbers))
