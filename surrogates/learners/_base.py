"""What a learner is: it learns from standardised columns, and travels as arrays.

Notation: ``z`` is (n, n_columns), columns of mean 0 and standard deviation 1; ``r`` is (n,), of
about zero mean. A learner's state is a mapping from names to plain arrays, never a pickle, so
that opening a stranger's artefact runs nothing.
"""

from __future__ import annotations

import abc
from typing import ClassVar, Self

from hwprof.surrogates.arrays import Arrays, Matrix, Vector


class Learner(abc.ABC):
    """Numbers from standardised columns, of which there may be none.

    The constructor only stores the seed. ``fit`` sets attributes that end in an underscore and
    must be called before ``predict`` and ``arrays``, which change nothing.
    """

    name: ClassVar[str]

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    @abc.abstractmethod
    def fit(self, z: Matrix, r: Vector) -> Self:
        """Learn r (n,) from z (n, n_columns)."""

    @abc.abstractmethod
    def predict(self, z: Matrix) -> Vector:
        """Numbers (n,) of z (n, n_columns)."""

    @abc.abstractmethod
    def arrays(self) -> Arrays:
        """The fitted state; ``from_arrays`` of it predicts the same numbers."""

    @classmethod
    @abc.abstractmethod
    def from_arrays(cls, arrays: Arrays, n_columns: int) -> Self:
        """A fitted learner for ``n_columns`` columns.

        Raises:
            ArtefactError: an array is missing or has another shape than it must.
        """
