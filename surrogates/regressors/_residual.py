"""A learned correction on top of the physical prior.

Notation: the learner sees z = standardised log(1 + x) of the columns that vary and fits
r = log(y / prior(x)); the prediction is prior(x) * exp(r). Far from the data the prior leads.
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from hwprof.surrogates.learners import (
    BayesianRidgeLearner,
    GaussianProcessLearner,
    Learner,
    RandomForestLearner,
    RidgeLearner,
    XGBoostLearner,
)
from hwprof.surrogates.regressors._base import Arrays, Matrix, Regressor, Vector, take
from hwprof.surrogates.regressors._prior import PhysicalPrior

_MAX_LOG_RATIO = 1.0
"""A correction beyond a factor e is extrapolation, not knowledge."""


class ResidualRegressor(Regressor):
    """Prior times the exponential of a learner; subclasses say which learner."""

    learner_type: ClassVar[type[Learner]]

    def __init__(self, prior: PhysicalPrior, seed: int = 0) -> None:
        self.prior = prior
        self.learner_ = self.learner_type(seed)
        self.columns_ = np.zeros(0, dtype=np.int32)
        self.mean_: Vector = np.zeros(0)
        self.scale_: Vector = np.ones(0)

    def fit(self, X: Matrix, y: Vector) -> Self:
        self.prior.fit(X, y)
        self.columns_ = np.flatnonzero(np.ptp(X, axis=0)).astype(np.int32)
        logs = np.log1p(X[:, self.columns_])
        self.mean_, self.scale_ = logs.mean(axis=0), logs.std(axis=0)
        priced = self.prior.predict(X)
        self.learner_.fit(self._encode(X), np.log(y / priced))
        return self

    def predict(self, X: Matrix) -> Vector:
        ratio = self.learner_.predict(self._encode(X))
        return self.prior.predict(X) * np.exp(np.clip(ratio, -_MAX_LOG_RATIO, _MAX_LOG_RATIO))

    def arrays(self) -> Arrays:
        return {
            **self.prior.arrays(),
            "columns": self.columns_,
            "mean": self.mean_,
            "scale": self.scale_,
            **self.learner_.arrays(),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, n_features: int) -> Self:
        model = cls(PhysicalPrior.from_arrays(arrays, n_features))
        columns = take(arrays, "columns", (None,))
        model.columns_ = np.clip(columns, 0, n_features - 1).astype(np.int32)
        model.mean_ = take(arrays, "mean", columns.shape)
        model.scale_ = take(arrays, "scale", columns.shape)
        model.learner_ = cls.learner_type.from_arrays(arrays, len(columns))
        return model

    def _encode(self, X: Matrix) -> Matrix:
        return (np.log1p(X[:, self.columns_]) - self.mean_) / self.scale_


class RidgeResidual(ResidualRegressor):
    """Ridge regression of the log ratio."""

    name: ClassVar[str] = RidgeLearner.name
    learner_type = RidgeLearner


class BayesianRidgeResidual(ResidualRegressor):
    """Bayesian ridge regression of the log ratio."""

    name: ClassVar[str] = BayesianRidgeLearner.name
    learner_type = BayesianRidgeLearner


class GaussianProcessResidual(ResidualRegressor):
    """Gaussian process regression of the log ratio."""

    name: ClassVar[str] = GaussianProcessLearner.name
    learner_type = GaussianProcessLearner


class RandomForestResidual(ResidualRegressor):
    """Random forest of the log ratio."""

    name: ClassVar[str] = RandomForestLearner.name
    learner_type = RandomForestLearner


class XGBoostResidual(ResidualRegressor):
    """XGBoost regression trees of the log ratio."""

    name: ClassVar[str] = XGBoostLearner.name
    learner_type = XGBoostLearner
