"""Names and bounds of an artefact's files (docs/FORMATS.md, "Surrogate artefact")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

FORMAT = "hwprof-surrogate"
FORMAT_VERSION = 2
READABLE_VERSIONS = (1, 2)
LUT_FILE = "lut.json"
HEAD_FILE = "artefact.json"
ARRAYS_FILE = "arrays.bin"
MAX_HEAD_BYTES = 4 << 20
MAX_ARRAYS_BYTES = 64 << 20
DTYPES = {"float64": "<f8", "int32": "<i4"}


def artefact_folders(roots: Sequence[Path]) -> Iterator[Path]:
    """Folders below the roots that hold an artefact, earlier roots first, then by name."""
    return chain.from_iterable(
        sorted(path.parent for path in root.glob(f"*/{HEAD_FILE}")) for root in roots
    )
