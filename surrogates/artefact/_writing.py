"""Artefacts to files: JSON beside plain arrays, equal bytes for equal fits."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hwprof.documents import SEAL, fields_sha256
from hwprof.errors import ArtefactError
from hwprof.surrogates.artefact._layout import (
    ARRAYS_FILE,
    DTYPES,
    FORMAT,
    FORMAT_VERSION,
    HEAD_FILE,
)
from hwprof.surrogates.artefact._model import Artefact, FittedModel, context_slug
from hwprof.surrogates.features import FEATURES
from hwprof.templates import template_document


def save_artefact(artefact: Artefact, folder: Path) -> Path:
    """Write an artefact below ``folder`` under its context's name and return its own folder.

    Raises:
        ArtefactError: the folder cannot be written, or holds what a newer hwprof wrote.
    """
    own = folder / context_slug(artefact.context)
    writer = _ArrayWriter()
    head = {
        "format": FORMAT,
        "version": artefact.version,
        "context": asdict(artefact.context),
        "stamp": asdict(artefact.stamp),
        "features": [term.name for term in FEATURES],
        "interval_level": artefact.interval_level,
        "prior": writer.model(artefact.prior),
        "macs": writer.model(artefact.macs) if artefact.macs else None,
        "types": {kind: writer.model(model) for kind, model in sorted(artefact.types.items())},
        "correction": asdict(artefact.correction),
        "provenance": asdict(artefact.provenance),
    }
    if artefact.templates:
        own_types = sorted(artefact.templates.items())
        head["block_types"] = [template_document(template) for _, template in own_types]
    data = bytes(writer.data)
    _check_older(own)
    head["arrays"] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    head[SEAL] = fields_sha256(head)
    try:
        own.mkdir(parents=True, exist_ok=True)
        (own / ARRAYS_FILE).write_bytes(data)
        (own / HEAD_FILE).write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ArtefactError(f"the artefact cannot be written to {own}: {error}.") from error
    return own


def _check_older(own: Path) -> None:
    """A newer hwprof's artefact is not overwritten."""
    try:
        version = json.loads((own / HEAD_FILE).read_bytes())["version"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return  # nothing there that a newer hwprof could read
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ArtefactError(
            f"an artefact of a newer hwprof is not overwritten; {own} has format {version}, this "
            f"hwprof writes {FORMAT_VERSION}; install the newer one, or use another --workspace."
        )


class _ArrayWriter:
    """Collects arrays into one byte string and says where each went."""

    def __init__(self) -> None:
        self.data = bytearray()

    def model(self, fitted: FittedModel) -> dict[str, object]:
        """Description of a model, its arrays appended to the data."""
        arrays = {name: self._put(array) for name, array in fitted.regressor.arrays().items()}
        return {
            "model": fitted.regressor.name,
            "log_ratio": fitted.log_ratio,
            "n": fitted.n,
            "arrays": arrays,
        }

    def _put(self, array: np.ndarray[Any, Any]) -> dict[str, object]:
        offset = len(self.data)
        self.data += np.ascontiguousarray(array, dtype=DTYPES[array.dtype.name]).tobytes()
        return {"dtype": array.dtype.name, "shape": list(array.shape), "offset_bytes": offset}
