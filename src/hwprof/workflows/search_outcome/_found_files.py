"""What a detector found on the report's pictures, kept beside its training.

A file of numpy arrays, read without running anything in it: for ``float`` and ``int8`` each
``boxes`` (n, 4) and ``scores`` (n,) of all pictures and ``counts`` (pictures,).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import StoreError
from hwprof.search.training.boxes import Detections
from hwprof.workflows.detector_accuracy import Found

_FLOAT, _INT8 = "float", "int8"


def keep_found(found: Found, path: Path) -> None:
    """Write a file, whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    arrays: Any = _arrays(found.of_float, _FLOAT) | _arrays(found.of_int8, _INT8)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            np.savez_compressed(file, **arrays)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StoreError(
            f"{str(path)!r} cannot be written ({error.strerror}); make room or choose another "
            "--workspace; what was found before is kept."
        ) from error


def read_found(path: Path, pictures: int) -> Found | None:
    """What was kept; None where nothing was.

    Raises:
        StoreError: the file is broken, or of another number of pictures.
    """
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return Found(
                _detections(arrays, _FLOAT, pictures), _detections(arrays, _INT8, pictures)
            )
    except Exception as error:  # zipfile and numpy raise what they like
        raise StoreError(
            f"{str(path)!r} does not hold detections on {pictures} pictures ({error}); delete it."
        ) from error


def _arrays(found: Sequence[Detections], name: str) -> dict[str, npt.NDArray[Any]]:
    return {
        f"{name}_boxes": np.concatenate([one.boxes for one in found]),
        f"{name}_scores": np.concatenate([one.scores for one in found]),
        f"{name}_counts": np.array([len(one.scores) for one in found]),
    }


def _detections(arrays: Any, name: str, pictures: int) -> tuple[Detections, ...]:
    boxes, scores, counts = (arrays[f"{name}_{part}"] for part in ("boxes", "scores", "counts"))
    total = int(counts.sum())
    if counts.shape != (pictures,) or boxes.shape != (total, 4) or scores.shape != (total,):
        raise ValueError("the arrays do not belong together")
    ends = np.cumsum(counts)[:-1]
    parts = zip(np.split(boxes, ends), np.split(scores, ends), strict=True)
    return tuple(Detections(b.astype(np.float32), s.astype(np.float32)) for b, s in parts)
