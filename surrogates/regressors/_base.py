"""What a regressor is: fit once, predict often, travel as arrays.

Notation: ``X`` is (n_samples, n_features), feature counts, non-negative; ``y`` is (n_samples,),
cycles, positive. The last thing a regressor may be is a pickle: its state is a mapping from
names to plain arrays, so that opening a stranger's artefact runs nothing.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from hwprof.errors import ArtefactError

Matrix: TypeAlias = npt.NDArray[np.float64]
Vector: TypeAlias = npt.NDArray[np.float64]
Arrays: TypeAlias = Mapping[str, npt.NDArray[np.float64] | npt.NDArray[np.int32]]


class Regressor(abc.ABC):
    """Cycles from features.

    The constructor only stores options. ``fit`` sets attributes that end in an underscore and
    returns the regressor; it must be called before ``predict`` and ``arrays``. A fitted
    regressor is not changed by ``predict`` and may be shared by threads.
    """

    name: ClassVar[str]

    @abc.abstractmethod
    def fit(self, X: Matrix, y: Vector) -> Self:
        """Learn from features (n, n_features) and targets (n,)."""

    @abc.abstractmethod
    def predict(self, X: Matrix) -> Vector:
        """Targets of shape (n,), in the unit of the ``y`` that was fitted."""

    @abc.abstractmethod
    def arrays(self) -> Arrays:
        """The fitted state; ``from_arrays`` of it predicts the same numbers."""

    @classmethod
    @abc.abstractmethod
    def from_arrays(cls, arrays: Arrays, n_features: int) -> Self:
        """A fitted regressor for ``n_features`` columns.

        Raises:
            ArtefactError: an array is missing or has another shape than it must.
        """


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
