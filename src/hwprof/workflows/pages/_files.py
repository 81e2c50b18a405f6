"""The files of a page: texts and bytes to their places, tables as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hwprof.errors import ConfigurationError


def table_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows under their columns as CSV with plain line ends."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    return text.getvalue()


def write_files(contents: Mapping[Path, str | bytes]) -> None:
    """Write each file; texts are UTF-8.

    Raises:
        ConfigurationError: one cannot be written.
    """
    for path, content in contents.items():
        data = content.encode() if isinstance(content, str) else content
        try:
            path.write_bytes(data)
        except OSError as error:
            raise ConfigurationError(
                f"cannot write {path}: {error.strerror}; choose another --output or make room."
            ) from error
