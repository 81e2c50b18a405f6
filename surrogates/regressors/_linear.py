"""Linear corrections: ridge with a fixed penalty, and Bayesian ridge that finds its own."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hwprof.surrogates.regressors._base import Arrays, Matrix, Vector, take
from hwprof.surrogates.regressors._residual import ResidualRegressor

_RIDGE_PENALTY = 1.0


class _LinearResidual(ResidualRegressor):
    """r = z . slope + intercept."""

    slope_: Vector = np.zeros(0)
    intercept_: float = 0.0

    def _library_model(self) -> Any:
        raise NotImplementedError

    def _fit_learner(self, z: Matrix, r: Vector) -> None:
        if not z.shape[1]:
            self.slope_, self.intercept_ = np.zeros(0), float(r.mean())
            return
        model = self._library_model().fit(z, r)
        self.slope_, self.intercept_ = model.coef_, float(model.intercept_)

    def _predict_learner(self, z: Matrix) -> Vector:
        return z @ self.slope_ + self.intercept_

    def _learner_arrays(self) -> Arrays:
        return {"slope": self.slope_, "intercept": np.array([self.intercept_])}

    def _restore_learner(self, arrays: Arrays, n_columns: int) -> None:
        self.slope_ = take(arrays, "slope", (n_columns,))
        self.intercept_ = float(take(arrays, "intercept", (1,))[0])


class RidgeResidual(_LinearResidual):
    """Ridge regression of the log ratio."""

    name: ClassVar[str] = "ridge"

    def _library_model(self) -> Any:
        from sklearn.linear_model import Ridge

        return Ridge(alpha=_RIDGE_PENALTY)


class BayesianRidgeResidual(_LinearResidual):
    """Bayesian ridge regression of the log ratio; needs no penalty to be chosen."""

    name: ClassVar[str] = "bayesian_ridge"

    def _library_model(self) -> Any:
        from sklearn.linear_model import BayesianRidge

        return BayesianRidge()
