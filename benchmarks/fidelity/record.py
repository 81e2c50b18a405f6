"""Writes what the comparison found into the board files and the README."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Protocol

from hwprof.firmware_stub.virtual.board_files import BOARDS

README = Path(__file__).resolve().parent.parent.parent / "README.md"
BEGIN, END = "<!-- benchmarks/fidelity: begin -->", "<!-- benchmarks/fidelity: end -->"
_TABLE = re.compile(r"\n\[fidelity\]\n(?:[^\[\n][^\n]*\n)*")


class Compared(Protocol):
    """A row of the comparison."""

    @property
    def id(self) -> str: ...
    @property
    def board(self) -> str: ...
    @property
    def kernels(self) -> str: ...
    @property
    def scheme(self) -> str: ...
    @property
    def published_ms(self) -> float: ...
    @property
    def modelled_ms(self) -> float: ...
    @property
    def error(self) -> float: ...


def record(rows: Sequence[Compared], verdicts: Sequence[str]) -> None:
    """Replace the [fidelity] table of every board with a row, and the table in the README."""
    today = datetime.now(UTC).date().isoformat()
    for board in dict.fromkeys(row.board for row in rows):
        errors = [abs(row.error) for row in rows if row.board == board]
        _record_board(BOARDS / f"{board}.toml", errors, today)
    _record_readme(rows, verdicts, today)


def _record_board(path: Path, errors: Sequence[float], today: str) -> None:
    text = _TABLE.sub("", path.read_text(encoding="utf-8")).rstrip("\n")
    table = (
        f"\n\n[fidelity]\nrows = {len(errors)}\n"
        f"median_error_percent = {100 * median(errors):.1f}\n"
        f'worst_error_percent = {100 * max(errors):.1f}\ndate = "{today}"\n'
    )
    path.write_text(text + table, encoding="utf-8")


def _record_readme(rows: Sequence[Compared], verdicts: Sequence[str], today: str) -> None:
    lines = ["| row | board | kernels, scheme | published ms | modelled ms | error |"]
    lines.append("| --- | --- | --- | ---: | ---: | ---: |")
    lines += [
        f"| {row.id} | {row.board} | {row.kernels}, {row.scheme} | {row.published_ms:g} "
        f"| {row.modelled_ms:.1f} | {row.error:+.1%} |"
        for row in rows
    ]
    table = "\n".join([BEGIN, f"Of {today}.", "", *lines, "", *verdicts, END])
    text = README.read_text(encoding="utf-8")
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    README.write_text(re.sub(pattern, lambda _: table, text, flags=re.DOTALL), encoding="utf-8")
