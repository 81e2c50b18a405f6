"""Support vector regression with a radial basis function kernel.

Notation: r(z) = intercept + sum over support points p of weight_p * exp(-gamma |z - p|^2) (Drucker
et al., Support vector regression machines, NIPS 1996).
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from hwprof.surrogates.arrays import Matrix, Vector
from hwprof.surrogates.learners._radial import RadialLearner

_PENALTY = 1.0  # for r of standard deviation about 1, scikit-learn's default
_TUBE = 0.1


class SupportVectorLearner(RadialLearner):
    """Epsilon support vector regression; gamma is one over the number of columns."""

    name: ClassVar[str] = "support_vectors"
    shape_name: ClassVar[str] = "gamma"

    def fit(self, z: Matrix, r: Vector) -> Self:
        from sklearn.svm import SVR

        self.shape_ = 1 / max(z.shape[1], 1)
        if not z.shape[1]:
            self.points_, self.weights_, self.intercept_ = z[:0], np.zeros(0), float(r.mean())
            return self
        model = SVR(kernel="rbf", gamma=self.shape_, C=_PENALTY, epsilon=_TUBE).fit(z, r)
        self.points_, self.weights_ = model.support_vectors_, model.dual_coef_[0]
        self.intercept_ = float(model.intercept_[0])
        return self

    def predict(self, z: Matrix) -> Vector:
        gaps = ((z[:, None] - self.points_) ** 2).sum(axis=2)
        predicted: Vector = np.exp(-self.shape_ * gaps) @ self.weights_ + self.intercept_
        return predicted
