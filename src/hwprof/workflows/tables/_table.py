"""A comma-separated file as rows of cells, bounded in every direction."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path

from hwprof.errors import StoreError
from hwprof.workflows.tables._columns import KNOWN, TIMES

MAX_BYTES = 64 << 20
MAX_ROWS = 200_000
MAX_COLUMNS = 256
MAX_CELL_CHARACTERS = 1000

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_MOST = 1e15  # cycles of eleven days at 1 GHz


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        line: where its last cell ends in the file, from 1.
        cells: what is not empty, by column.
    """

    table: str
    line: int
    cells: Mapping[str, str]

    def get(self, column: str) -> str:
        """The cell's text, empty where the table does not say."""
        return self.cells.get(column, "")

    def number(self, column: str, default: float, *, least: float = 0.0) -> float:
        """A number that is ``least`` or more.

        Raises:
            StoreError: the cell holds something else.
        """
        text = self.get(column)
        if not text:
            return default
        value = float(text) if _NUMBER.fullmatch(text) else -inf
        if not (isfinite(value) and least <= value <= _MOST):
            raise self.fault(
                f"column {column} holds numbers from {least:g} to {_MOST:g}",
                f"{column} {text[:40]!r}",
            )
        return value

    def whole(self, column: str, default: int, *, least: int = 0) -> int:
        """A whole number that is ``least`` or more.

        Raises:
            StoreError: the cell holds something else.
        """
        value = self.number(column, default, least=least)
        if value != int(value):
            raise self.fault(
                f"column {column} holds whole numbers", f"{column} {self.get(column)!r}"
            )
        return int(value)

    def fault(
        self, rule: str, got: str, way_out: str = "correct the line or take it out"
    ) -> StoreError:
        """The sentence about this line: rule, what it has, way out."""
        return StoreError(f"{rule}; line {self.line} of {self.table} has {got}; {way_out}.")


def read_table(path: Path) -> tuple[tuple[str, ...], list[Row]]:
    """Columns and rows of a table; empty lines are passed over.

    Raises:
        StoreError: it cannot be read, is no UTF-8, is larger than the bounds, has no rows, or
            lacks columns that say what ran and how long it took.
    """
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    lines = _lines(reader, path.name)
    columns = _columns(next(lines, []), path.name)
    rows = [_row(reader, columns, cells, path.name) for cells in lines if any(cells)]
    if not rows:
        raise StoreError(
            f"a table has a header and a line for each measurement; {path.name} has no lines "
            "behind its header; add them."
        )
    return columns, rows


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise StoreError(
            f"a table is a file that can be read; {path}: {error.strerror}; name another."
        ) from error
    if len(data) > MAX_BYTES:
        raise StoreError(
            f"a table has at most {MAX_BYTES >> 20} MiB; {path.name} is larger; split it."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise StoreError(
            f"a table is UTF-8 text; line {line} of {path.name} has byte "
            f"{data[error.start]:#04x}; save it as CSV in UTF-8."
        ) from error


def _lines(reader: Iterator[list[str]], name: str) -> Iterator[list[str]]:
    line = 0
    try:
        for number, cells in enumerate(reader):
            line = number + 1
            if number > MAX_ROWS:
                raise StoreError(
                    f"a table has at most {MAX_ROWS:,} lines; {name} has more; split it."
                )
            yield [cell.strip() for cell in cells]
    except csv.Error as error:
        raise StoreError(
            f"a table is comma-separated text as RFC 4180 has it; {name} is not, behind record "
            f"{line} ({error}); export it as CSV again."
        ) from error


def _columns(header: Sequence[str], name: str) -> tuple[str, ...]:
    columns = tuple(cell.lower() for cell in header)
    if len(columns) > MAX_COLUMNS or len(set(columns)) < len(columns) or "" in columns[:-1]:
        twice = next((cell for cell in columns if columns.count(cell) > 1), "")
        raise StoreError(
            f"the first line of a table names its columns, at most {MAX_COLUMNS}, each once; "
            f"line 1 of {name} has {len(columns)} columns"
            + (f", {twice!r} more than once" if twice else "")
            + "; rename or remove some."
        )
    missing = [
        text
        for text, present in (
            ("block_key or op", {"block_key", "op"} & set(columns)),
            (" or ".join(TIMES), set(TIMES) & set(columns)),
        )
        if not present
    ]
    if missing:
        got = ", ".join(columns[:12])[:200] or "none"
        raise StoreError(
            "a table has comma-separated columns that say what ran and how long it took; "
            f"{' and '.join(missing)} is missing in {name}, which has {got}; docs/FORMATS.md lists "
            "the columns."
        )
    return columns


def _row(reader: object, columns: tuple[str, ...], cells: list[str], name: str) -> Row:
    line: int = getattr(reader, "line_num", 0)
    row = Row(name, line, {c: cell for c, cell in zip(columns, cells, strict=False) if c and cell})
    if len(cells) != len(columns):
        raise row.fault(f"a line has a cell for each of {len(columns)} columns", f"{len(cells)}")
    longest = max(row.cells.values(), key=len, default="")
    if len(longest) > MAX_CELL_CHARACTERS:
        raise row.fault(
            f"a cell has at most {MAX_CELL_CHARACTERS} characters", f"one of {len(longest)}"
        )
    return row


def extras(row: Row) -> dict[str, str]:
    """Cells of columns that hwprof does not know, to be kept as they are."""
    return {column: text for column, text in row.cells.items() if column not in KNOWN}
