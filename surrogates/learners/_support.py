"""Support vector regression with a radial basis function kernel.

Notation: r(z) = intercept + sum over support points p of weight_p * exp(-gamma |z - p|^2) (Drucker
et al., Support vector regression machines, NIPS 1996).
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from hwprof.errors import ArtefactError
from hwprof.surrogates.arrays import Arrays, Matrix, Vector, take
from hwprof.surrogates.learners._base import Learner

_PENALTY = 1.0  # for r of standard deviation about 1, scikit-learn's default
_TUBE = 0.1


class SupportVectorLearner(Learner):
    """Epsilon support vector regression; gamma is one over the number of columns."""

    name: ClassVar[str] = "support_vectors"

    points_: Matrix = np.zeros((0, 0))
    weights_: Vector = np.zeros(0)
    gamma_: float = 1.0
    intercept_: float = 0.0

    def fit(self, z: Matrix, r: Vector) -> Self:
        from sklearn.svm import SVR

        self.gamma_ = 1 / max(z.shape[1], 1)
        if not z.shape[1]:
            self.points_, self.weights_, self.intercept_ = z[:0], np.zeros(0), float(r.mean())
            return self
        model = SVR(kernel="rbf", gamma=self.gamma_, C=_PENALTY, epsilon=_TUBE).fit(z, r)
        self.points_, self.weights_ = model.support_vectors_, model.dual_coef_[0]
        self.intercept_ = float(model.intercept_[0])
        return self

    def predict(self, z: Matrix) -> Vector:
        gaps = ((z[:, None] - self.points_) ** 2).sum(axis=2)
        predicted: Vector = np.exp(-self.gamma_ * gaps) @ self.weights_ + self.intercept_
        return predicted

    def arrays(self) -> Arrays:
        return {
            "points": self.points_,
            "weights": self.weights_,
            "gamma": np.array([self.gamma_]),
            "intercept": np.array([self.intercept_]),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, n_columns: int) -> Self:
        learner = cls()
        learner.points_ = take(arrays, "points", (None, n_columns))
        learner.weights_ = take(arrays, "weights", (len(learner.points_),))
        learner.gamma_ = float(take(arrays, "gamma", (1,))[0])
        if learner.gamma_ <= 0:
            raise ArtefactError(
                f"gamma of stored support vectors is positive; got {learner.gamma_}; fit it again."
            )
        learner.intercept_ = float(take(arrays, "intercept", (1,))[0])
        return learner
