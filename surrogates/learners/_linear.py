"""Linear learners: ridge with a fixed penalty, and Bayesian ridge that finds its own."""

from __future__ import annotations

import abc
from typing import Any, ClassVar, Self

import numpy as np

from hwprof.surrogates.arrays import Arrays, Matrix, Vector, take
from hwprof.surrogates.learners._base import Learner

_RIDGE_PENALTY = 1.0


class _LinearLearner(Learner):
    """r = z . slope + intercept."""

    slope_: Vector = np.zeros(0)
    intercept_: float = 0.0

    @abc.abstractmethod
    def _library_model(self) -> Any:
        """A model of scikit-learn's, not yet fitted."""

    def fit(self, z: Matrix, r: Vector) -> Self:
        if not z.shape[1]:
            self.slope_, self.intercept_ = np.zeros(0), float(r.mean())
            return self
        model = self._library_model().fit(z, r)
        self.slope_, self.intercept_ = model.coef_, float(model.intercept_)
        return self

    def predict(self, z: Matrix) -> Vector:
        return z @ self.slope_ + self.intercept_

    def arrays(self) -> Arrays:
        return {"slope": self.slope_, "intercept": np.array([self.intercept_])}

    @classmethod
    def from_arrays(cls, arrays: Arrays, n_columns: int) -> Self:
        learner = cls()
        learner.slope_ = take(arrays, "slope", (n_columns,))
        learner.intercept_ = float(take(arrays, "intercept", (1,))[0])
        return learner


class RidgeLearner(_LinearLearner):
    """Ridge regression."""

    name: ClassVar[str] = "ridge"

    def _library_model(self) -> Any:
        from sklearn.linear_model import Ridge

        return Ridge(alpha=_RIDGE_PENALTY)


class BayesianRidgeLearner(_LinearLearner):
    """Bayesian ridge regression; needs no penalty to be chosen."""

    name: ClassVar[str] = "bayesian_ridge"

    def _library_model(self) -> Any:
        from sklearn.linear_model import BayesianRidge

        return BayesianRidge()
