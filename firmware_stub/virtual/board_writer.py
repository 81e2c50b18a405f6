"""A board file's content as TOML, for boards that a program makes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def board_toml(data: Mapping[str, Any]) -> str:
    """The text of a board file; ``tomllib`` reads the same content from it.

    Args:
        data: as ``board_data`` gives it: scalars, lists of scalars, tables, lists of tables.
    """
    return "\n".join(_lines(data, "")) + "\n"


def _lines(table: Mapping[str, Any], path: str) -> Iterator[str]:
    """Scalars of a table first: behind a header they would belong to another."""
    for key, value in table.items():
        if not _is_nested(value):
            yield f"{key} = {_scalar(value)}"
    for key, value in table.items():
        if not _is_nested(value):
            continue
        name = f"{path}.{key}" if path else key
        header = f"[{name}]" if isinstance(value, Mapping) else f"[[{name}]]"
        for entry in [value] if isinstance(value, Mapping) else value:
            yield ""
            yield header
            yield from _lines(entry, name)


def _is_nested(value: Any) -> bool:
    is_list = isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)
    return isinstance(value, Mapping) or is_list


def _scalar(value: Any) -> str:
    """JSON's texts, numbers and booleans are TOML's too."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False)
