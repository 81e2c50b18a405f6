"""Names and bounds of an artefact's files (docs/FORMATS.md, "Surrogate artefact")."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

FORMAT = "hwprof-surrogate"
FORMAT_VERSION = 2
READABLE_VERSIONS = (1, 2)
LUT_FILE = "lut.json"
HEAD_FILE = "artefact.json"
ARRAYS_FILE = "arrays.bin"
MAX_HEAD_BYTES = 4 << 20
MAX_ARRAYS_BYTES = 64 << 20
DTYPES = {"float64": "<f8", "int32": "<i4"}
SEAL = "sha256"
"""Field of the head that holds the hash of the others."""


def head_sha256(head: Mapping[str, Any]) -> str:
    """Hash of a head's fields but its seal; neither order nor blanks are part of it."""
    fields = {name: value for name, value in head.items() if name != SEAL}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def artefact_folders(roots: Sequence[Path]) -> Iterator[Path]:
    """Folders below the roots that hold an artefact, earlier roots first, then by name."""
    return chain.from_iterable(
        sorted(path.parent for path in root.glob(f"*/{HEAD_FILE}")) for root in roots
    )
