"""A learned correction on top of the physical prior.

Notation: the learner sees z = standardised log(1 + x) of the columns that vary and fits
r = log(y / prior(x)); the prediction is prior(x) * exp(r). Far from the data the prior leads.
"""

from __future__ import annotations

import abc
from typing import Self

import numpy as np

from hwprof.surrogates.regressors._base import Arrays, Matrix, Regressor, Vector, take
from hwprof.surrogates.regressors._prior import PhysicalPrior

_MAX_LOG_RATIO = 1.0
"""A correction beyond a factor e is extrapolation, not knowledge."""


class ResidualRegressor(Regressor):
    """Prior times the exponential of a learner; subclasses supply the learner."""

    def __init__(self, prior: PhysicalPrior, seed: int = 0) -> None:
        self.prior = prior
        self.seed = seed
        self.columns_ = np.zeros(0, dtype=np.int32)
        self.mean_: Vector = np.zeros(0)
        self.scale_: Vector = np.ones(0)

    @abc.abstractmethod
    def _fit_learner(self, z: Matrix, r: Vector) -> None:
        """Learn log ratios r (n,) from z (n, n_columns)."""

    @abc.abstractmethod
    def _predict_learner(self, z: Matrix) -> Vector:
        """Log ratios (n,) of z (n, n_columns)."""

    @abc.abstractmethod
    def _learner_arrays(self) -> Arrays:
        """State of the learner alone."""

    @abc.abstractmethod
    def _restore_learner(self, arrays: Arrays, n_columns: int) -> None:
        """Inverse of ``_learner_arrays``."""

    def fit(self, X: Matrix, y: Vector) -> Self:
        self.prior.fit(X, y)
        self.columns_ = np.flatnonzero(np.ptp(X, axis=0)).astype(np.int32)
        logs = np.log1p(X[:, self.columns_])
        self.mean_, self.scale_ = logs.mean(axis=0), logs.std(axis=0)
        priced = self.prior.predict(X)
        self._fit_learner(self._encode(X), np.log(y / priced))
        return self

    def predict(self, X: Matrix) -> Vector:
        ratio = self._predict_learner(self._encode(X))
        return self.prior.predict(X) * np.exp(np.clip(ratio, -_MAX_LOG_RATIO, _MAX_LOG_RATIO))

    def arrays(self) -> Arrays:
        return {
            **self.prior.arrays(),
            "columns": self.columns_,
            "mean": self.mean_,
            "scale": self.scale_,
            **self._learner_arrays(),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, n_features: int) -> Self:
        model = cls(PhysicalPrior.from_arrays(arrays, n_features))
        columns = take(arrays, "columns", (None,))
        model.columns_ = np.clip(columns, 0, n_features - 1).astype(np.int32)
        model.mean_ = take(arrays, "mean", columns.shape)
        model.scale_ = take(arrays, "scale", columns.shape)
        model._restore_learner(arrays, len(columns))
        return model

    def _encode(self, X: Matrix) -> Matrix:
        return (np.log1p(X[:, self.columns_]) - self.mean_) / self.scale_
