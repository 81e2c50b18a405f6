"""A lookup table: what one metric is for each block key, in one context.

Format (docs/FORMATS.md, "Lookup table"): one JSON object with ``format``, ``version``,
``context``, ``metric``, ``unit``, ``provenance``, ``values``, a map from block key to number, and
the seal, a hash of the others.
Latency in cycles today, another metric of a block tomorrow: one format.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

from hwprof.documents import SEAL, as_context, as_text, fields_sha256, is_unbroken
from hwprof.errors import ArtefactError, ConfigurationError
from hwprof.measurement import Context

FORMAT = "hwprof-lut"
FORMAT_VERSION = 1
SUFFIXES = (".lut.json", ".lut.json.gz")
"""Names of further tables beside an artefact end so; those in .gz are compressed."""
MAX_BYTES = 64 << 20

CYCLES_METRIC = "cycles"


@lru_cache(maxsize=1)
def shipped_folder() -> Path:
    """Folder of the artefacts and tables that ship with the package."""
    return Path(__file__).resolve().parent / "data"


@dataclass(frozen=True, slots=True)
class LookupTable:
    """Values of one metric by block key.

    Attributes:
        metric, unit: what a value is, ``cycles`` in ``cycle``.
        code_sha256: hash of what the values depend on beside the context.
        provenance: where the values came from; text or numbers by name, no dates.
    """

    context: Context
    metric: str
    unit: str
    values: Mapping[str, float]
    code_sha256: str = ""
    provenance: Mapping[str, str | int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = [key for key, value in self.values.items() if not isfinite(value)]
        if wrong:
            raise ConfigurationError(
                f"a lookup table holds finite numbers; {wrong[0]!r} has {self.values[wrong[0]]}."
            )

    def get(self, block_key: str) -> float | None:
        """The value of a block, None where the table has none."""
        return self.values.get(block_key)


def tables_beside(folder: Path) -> list[Path]:
    """Further tables in an artefact's folder, by name."""
    return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))


def save_table(table: LookupTable, path: Path) -> None:
    """Write a table; equal tables give equal bytes.

    Raises:
        ArtefactError: the file cannot be written.
    """
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "context": asdict(table.context),
        "metric": table.metric,
        "unit": table.unit,
        "code_sha256": table.code_sha256,
        "provenance": dict(sorted(table.provenance.items())),
        "values": dict(sorted(table.values.items())),
    }
    document[SEAL] = fields_sha256(document)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (json.dumps(document, indent=0) + "\n").encode()
        path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
    except OSError as error:
        raise ArtefactError(f"the lookup table cannot be written to {path}: {error}.") from error


def load_table(path: Path) -> LookupTable:
    """Read a table.

    Raises:
        ArtefactError: the file is missing, too large, no table of this version, or was changed.
    """
    document = _read(path)
    try:
        values = {str(key): float(value) for key, value in document["values"].items()}
        return LookupTable(
            context=as_context(document["context"]),
            metric=as_text(document["metric"]),
            unit=as_text(document["unit"]),
            values=values,
            code_sha256=str(document["code_sha256"]),
            provenance=dict(document["provenance"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtefactError(
            f"{path} is no lookup table of hwprof ({error}); make it again with 'hwprof fit'."
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        # Both read no more than they are asked for, whatever a compressed file would grow to.
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ArtefactError(f"{path} is larger than {MAX_BYTES} bytes; no lookup table is.")
        document = json.loads(data)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ArtefactError(f"{path} is no gzip file ({error}).") from error
    except OSError as error:
        raise ArtefactError(f"no lookup table at {path} ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"{path} is no JSON ({error}).") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ArtefactError(f"{path} is no lookup table of hwprof.")
    if document.get("version") != FORMAT_VERSION:
        raise ArtefactError(
            f"{path} has table format {document.get('version')!r}, this hwprof reads "
            f"{FORMAT_VERSION}; make it again with 'hwprof fit'."
        )
    if not is_unbroken(document):
        raise ArtefactError(
            f"{path} was changed after it was written; make it again with 'hwprof fit'."
        )
    return document
