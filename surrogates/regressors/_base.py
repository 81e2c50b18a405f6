"""What a regressor is: fit once, predict often, travel as arrays.

Notation: ``X`` is (n_samples, n_features), feature counts, non-negative; ``y`` is (n_samples,),
cycles, positive. The last thing a regressor may be is a pickle: its state is a mapping from
names to plain arrays, so that opening a stranger's artefact runs nothing.
"""

from __future__ import annotations

import abc
from typing import ClassVar, Self

from hwprof.surrogates.arrays import Arrays, Matrix, Vector, take

__all__ = ["Arrays", "Matrix", "Regressor", "Vector", "take"]


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
