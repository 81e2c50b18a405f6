"""What learners of radial functions share: support points, their weights, and one shape."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from hwprof.errors import ArtefactError
from hwprof.surrogates.arrays import Arrays, Matrix, Vector, take
from hwprof.surrogates.learners._base import Learner


class RadialLearner(Learner):
    """intercept + sum over support points of weight x function of the distance to the point.

    Attributes:
        shape_name: what is stored beside points and weights, a positive number.
    """

    shape_name: ClassVar[str]

    points_: Matrix = np.zeros((0, 0))
    weights_: Vector = np.zeros(0)
    shape_: float = 1.0
    intercept_: float = 0.0

    def arrays(self) -> Arrays:
        return {
            "points": self.points_,
            "weights": self.weights_,
            self.shape_name: np.array([self.shape_]),
            "intercept": np.array([self.intercept_]),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, n_columns: int) -> Self:
        learner = cls()
        learner.points_ = take(arrays, "points", (None, n_columns))
        learner.weights_ = take(arrays, "weights", (len(learner.points_),))
        learner.shape_ = float(take(arrays, cls.shape_name, (1,))[0])
        if learner.shape_ <= 0:
            raise ArtefactError(
                f"{cls.shape_name} of stored {cls.name} is positive; got {learner.shape_}; "
                "fit it again."
            )
        learner.intercept_ = float(take(arrays, "intercept", (1,))[0])
        return learner
