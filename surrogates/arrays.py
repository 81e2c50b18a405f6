"""Fitted state as plain arrays: what may be stored, and how it is read back without trust."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hwprof.errors import ArtefactError

Matrix: TypeAlias = npt.NDArray[np.float64]
Vector: TypeAlias = npt.NDArray[np.float64]
Arrays: TypeAlias = Mapping[str, npt.NDArray[np.float64] | npt.NDArray[np.int32]]


def take(arrays: Arrays, name: str, shape: tuple[int | None, ...]) -> npt.NDArray[np.float64]:
    """A finite array of a given shape, None standing for any length, as float64.

    Raises:
        ArtefactError: it is missing, has another shape, or holds a NaN or an infinity.
    """
    array = arrays.get(name)
    if array is None:
        raise ArtefactError(f"a stored model needs the array {name!r}; fit it again.")
    same = array.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, array.shape, strict=True)
    )
    if not same or not np.isfinite(array).all():
        raise ArtefactError(
            f"array {name!r} of a stored model must be finite and of shape {shape}; "
            f"got shape {array.shape}; fit it again."
        )
    return array.astype(np.float64)
