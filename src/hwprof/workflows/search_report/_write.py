"""The report's files: the page, the same as JSON, and its two tables as CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from hwprof.errors import ConfigurationError
from hwprof.workflows.pages import table_text, write_files
from hwprof.workflows.search_report._agreement import agreement
from hwprof.workflows.search_report._page import render_page
from hwprof.workflows.search_report._values import Detector, Interval, SearchReport, Trial

TRIAL_COLUMNS = ("trial", "arch", "latency_us", "kind", "ap50_float", "ap50_int8", "on_front")
DETECTOR_COLUMNS = (
    "label", "role", "arch", "k", "g", "c", "height", "width", "ap50_float", "ap50_float_low",
    "ap50_float_high", "ap50_int8", "ap50_int8_low", "ap50_int8_high", "against_seed",
    "against_seed_low", "against_seed_high", "against_baseline", "against_baseline_low",
    "against_baseline_high", "predicted_us", "predicted_low_us", "predicted_high_us",
    "board_us", "board_kind", "error_percent", "chance_to_meet_budget",
    "peak_ram_bytes", "flash_bytes", "saved_by_input", "saved_by_head", "frame_us",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SearchReportFiles:
    """Where a search's report was written."""

    page: Path
    document: Path
    trials: Path
    detectors: Path


def write_search_report(report: SearchReport, folder: Path) -> SearchReportFiles:
    """Write ``report.html`` and ``.json``, ``trials.csv`` and ``detectors.csv`` into a folder.

    Raises:
        ConfigurationError: the folder cannot be made, or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"a report is written into a folder; {folder} cannot be made ({error.strerror}); "
            "choose another."
        ) from error
    files = SearchReportFiles(
        folder / "report.html",
        folder / "report.json",
        folder / "trials.csv",
        folder / "detectors.csv",
    )
    document = json.dumps(to_json(report), indent=1, allow_nan=False)
    write_files(
        {
            files.page: render_page(report),
            files.document: document + "\n",
            files.trials: table_text(TRIAL_COLUMNS, map(_trial, enumerate(report.trials))),
            files.detectors: table_text(DETECTOR_COLUMNS, map(_detector, report.detectors)),
        }
    )
    return files


def to_json(report: SearchReport) -> dict[str, object]:
    """The object of ``report.json``: everything of the page but the pictures' bytes."""
    document = asdict(report)
    document["drawings"] = [
        {name: value for name, value in drawing.items() if name != "jpeg"}
        for drawing in document["drawings"]
    ]
    for row, written in zip(report.detectors, document["detectors"], strict=True):
        written |= {
            "error_percent": row.error_percent,
            "frame_us": row.frame_us or None,
            "worst_frame_us": row.worst_frame_us or None,
        }
        if row.saving is not None:
            saved = row.saving
            written["saving"] |= {
                "share": saved.share, "by_input": saved.by_input, "by_head": saved.by_head,
            }  # fmt: skip
    compared = agreement(report.trials, report.budget_us)
    document["float_int8"] = compared and asdict(compared) | {
        "winner_changes": compared.winner_changes
    }
    return {"hwprof": version("hwprof"), **document}


def _trial(numbered: tuple[int, Trial]) -> tuple[object, ...]:
    number, one = numbered
    values = (one.latency_us, one.kind, _text(one.ap50_float), one.ap50_int8, one.on_front)
    return number, one.arch, *values


def _detector(row: Detector) -> tuple[object, ...]:
    predicted, saving = row.predicted, row.saving
    return (
        row.label, row.role, row.arch, *row.head, *row.input_size,
        *_interval(row.ap50_float), *_interval(row.ap50_int8), *_interval(row.against_seed),
        *_interval(row.against_baseline),
        predicted.latency_us, predicted.low_us, predicted.high_us,
        row.board.latency_us, row.board.kind, row.error_percent, _text(row.chance),
        row.board.peak_ram_bytes, row.board.flash_bytes,
        saving.by_input if saving else "", saving.by_head if saving else "",
        _text(row.frame_us or None),
    )  # fmt: skip


def _interval(value: Interval | None) -> Iterator[object]:
    yield from ("", "", "") if value is None else (value.value, value.low, value.high)


def _text(value: float | None) -> object:
    return "" if value is None else value
