"""Tables and JSON on standard output; progress on standard error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click


def print_json(value: object) -> None:
    """One JSON object, indented, NaN refused."""
    click.echo(json.dumps(value, indent=2, allow_nan=False, default=_plain))


def _plain(value: Any) -> object:
    to_list = getattr(value, "tolist", None)  # numpy scalars and arrays
    if to_list is None:
        raise TypeError(f"{type(value).__name__} has no place in JSON.")
    return to_list()


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns padded to their widest cell; numbers to the right, words to the left."""
    rows = list(rows)
    cells = [list(headings), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
    right = [all(_is_number(row[i]) for row in rows) for i in range(len(headings))]
    for row in cells:
        padded = [
            cell.rjust(width) if numeric else cell.ljust(width)
            for cell, width, numeric in zip(row, widths, right, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())


def _is_number(cell: object) -> bool:
    return isinstance(cell, int | float) or cell in ("", "-")


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
