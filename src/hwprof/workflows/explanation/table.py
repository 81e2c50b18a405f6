"""A per-layer table measured elsewhere: TensorFlow Lite Micro's profiler, or plain columns.

TFLM's MicroProfiler (tensorflow/tflite-micro, tensorflow/lite/micro/micro_profiler.cc) prints

- ``LogCsv``: a header of Event, Tag and Ticks, some ports with further columns behind, and a line
  for each operator executed: its number, name and ticks;
- ``LogTicksPerTagCsv``: a header of two columns, a line for each name with its ticks in all, and a
  line with the total number of ticks;
- ``Log``: lines as ``CONV_2D took 1234 ticks (1 ms).``

On a serial console other lines stand around them; those are passed over.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hwprof.errors import StoreError
from hwprof.files import FileKind

TABLE = FileKind(
    noun="a table of layers",
    most_bytes=8 << 20,
    error=StoreError,
    shrink="leave the rows of one or a few inferences",
)
MOST_ROWS = 100_000
_LARGEST = 1e15  # cycles of eleven days at 1 GHz
_LONGEST_LINE = 1_000  # patterns try every start in a line
_TIMES = {"cycles": 1.0, "ticks": 1.0, "latency_us": 1.0, "latency_ms": 1000.0}
_NAMES, _TAGS = ("name", "layer"), ("op", "tag", "operator")
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_EVENT = re.compile(r"\s*(\d{1,6})\s*,\s*([A-Za-z][\w ]*?)\s*,\s*(\d{1,12})\s*(?:,.*)?", re.ASCII)
_EVENT_HEADER = re.compile(r'\s*"Event"\s*,\s*"Tag"\s*,\s*"Ticks"', re.IGNORECASE)
_TOTAL_HEADER = re.compile(r'\s*"Unique (Tag|Ops)', re.IGNORECASE)
_TOTAL = re.compile(r"\s*([A-Za-z][\w]*)\s*,\s*(\d{1,12})\s*", re.ASCII)
_LOGGED = re.compile(r".*?\b([A-Z][A-Z0-9_]*) took (\d{1,12}) (?:ticks|cycles)\b.*", re.ASCII)


class Unit(StrEnum):
    """What a table's numbers are."""

    CYCLES = "cycles"
    MICROSECONDS = "us"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table.

    Attributes:
        name: of the layer; empty where the table has none.
        tag: what the operator is called; empty where the table does not say.
        value: in the table's unit.
    """

    name: str
    tag: str
    value: float


@dataclass(frozen=True, slots=True)
class LayerTable:
    """What was measured.

    Attributes:
        is_total: whether a line is all layers of one operator together.
        in_order: whether lines stand in the order of execution, each operator of a TFLite file
            with a line of its own.
    """

    source: str
    unit: Unit
    lines: tuple[Line, ...]
    is_total: bool = False
    in_order: bool = False


def read_layer_table(path: Path) -> LayerTable:
    """Read a table of any of the forms above, or with columns of docs/EXPLAIN.md.

    Raises:
        StoreError: it cannot be read, or has none of these forms.
    """
    try:
        text = TABLE.read(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StoreError(
            f"a table of layers is UTF-8 text; {path.name} is not, at byte {error.start}; save it "
            "as CSV in UTF-8."
        ) from error
    lines = text.splitlines()
    for reader in _READERS:
        table = reader(lines, path.name)
        if table is not None:
            return _checked(table)
    raise StoreError(
        "a table of layers is what TFLM's profiler prints, or CSV with a column name or op and one "
        f"of {', '.join(_TIMES)}; {path.name} starts with {lines[0][:60] if lines else ''!r}; see "
        "docs/EXPLAIN.md."
    )


def _checked(table: LayerTable) -> LayerTable:
    if len(table.lines) > MOST_ROWS or not any(line.value for line in table.lines):
        raise StoreError(
            f"a table has 1 to {MOST_ROWS:,} lines, some of them with a time; {table.source} has "
            f"{len(table.lines):,}; leave the lines of one or a few inferences."
        )
    return table


def _events(lines: Sequence[str], source: str) -> LayerTable | None:
    return _matched(_behind(lines, _EVENT_HEADER), (_EVENT, 2, 3), source)


def _totals(lines: Sequence[str], source: str) -> LayerTable | None:
    table = _matched(_behind(lines, _TOTAL_HEADER), (_TOTAL, 1, 2), source)
    return table and LayerTable(source, table.unit, table.lines, is_total=True)


def _logged(lines: Sequence[str], source: str) -> LayerTable | None:
    return _matched(lines, (_LOGGED, 1, 2), source)


def _behind(lines: Sequence[str], header: re.Pattern[str]) -> Iterator[str]:
    """Lines behind each header; what stands before the first belongs to something else."""
    started = False
    for line in lines:
        is_header = header.match(line) is not None
        started = started or is_header
        if started and not is_header:
            yield line


def _matched(
    lines: Iterable[str], form: tuple[re.Pattern[str], int, int], source: str
) -> LayerTable | None:
    pattern, tag, ticks = form
    short = (line for line in lines if len(line) <= _LONGEST_LINE)
    found = [match for line in short if (match := pattern.fullmatch(line))]
    parsed = tuple(Line("", match[tag], float(match[ticks])) for match in found)
    return LayerTable(source, Unit.CYCLES, parsed, in_order=True) if parsed else None


def _columns(lines: Sequence[str], source: str) -> LayerTable | None:
    rows = [[cell.strip() for cell in cells] for cells in _cells(lines, source) if any(cells)]
    header = [cell.lower() for cell in rows[0]] if rows else []
    times = [column for column in _TIMES if column in header]
    name = next((column for column in _NAMES if column in header), "")
    tag = next((column for column in _TAGS if column in header), "")
    if not times or not (name or tag):
        return None
    column, width = times[0], len(header)
    if any(len(cells) != width for cells in rows[1:]):
        raise StoreError(
            f"every line of a table has as many cells as its header; {source} has a header of "
            f"{width} and other lines; export it as CSV again."
        )
    odd = next((cell for cells in rows for cell in cells if not cell.isprintable()), None)
    if odd is not None:
        raise StoreError(
            f"names in a table print; {source} has {odd[:40]!r}; export it as CSV again."
        )
    named = [dict(zip(header, cells, strict=True)) for cells in rows[1:]]
    parsed = tuple(
        Line(row.get(name, ""), row.get(tag, ""), _TIMES[column] * _value(row[column], source))
        for row in named
    )
    return LayerTable(source, Unit.MICROSECONDS if "latency" in column else Unit.CYCLES, parsed)


def _cells(lines: Sequence[str], source: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, strict=True)
    except csv.Error as error:
        raise StoreError(
            f"a table is comma-separated text as RFC 4180 has it; {source} is not ({error}); "
            "export it as CSV again."
        ) from error


def _value(text: str, source: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else -1.0
    if not 0 <= value <= _LARGEST:
        raise StoreError(
            f"a layer's time is a number from 0 to {_LARGEST:g}; {source} has {text[:40]!r}; "
            "correct it or take the line out."
        )
    return value


_READERS: tuple[Callable[[Sequence[str], str], LayerTable | None], ...] = (
    _events,
    _totals,
    _logged,
    _columns,
)
