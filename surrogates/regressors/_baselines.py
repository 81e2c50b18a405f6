"""What a surrogate must beat: cycles in proportion to MACs, and the nearest row of a table."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from hwprof.surrogates.regressors._base import Arrays, Matrix, Regressor, Vector, take


class MacsCoefficient(Regressor):
    """One coefficient on one column, the MACs; least squares of the relative error.

    Attributes:
        cycles_per_mac_: the coefficient.
    """

    name: ClassVar[str] = "macs"

    def __init__(self) -> None:
        self.cycles_per_mac_ = 0.0

    def fit(self, X: Matrix, y: Vector) -> Self:
        relative = X[:, 0] / y
        self.cycles_per_mac_ = float(relative.sum() / (relative @ relative))
        return self

    def predict(self, X: Matrix) -> Vector:
        return X[:, 0] * self.cycles_per_mac_

    def arrays(self) -> Arrays:
        return {"cycles_per_mac": np.array([self.cycles_per_mac_])}

    @classmethod
    def from_arrays(cls, arrays: Arrays, n_features: int) -> Self:
        del n_features
        model = cls()
        model.cycles_per_mac_ = float(take(arrays, "cycles_per_mac", (1,))[0])
        return model


class NearestSample(Regressor):
    """The cycles of the nearest known row, by distance in X: a table without a fit."""

    name: ClassVar[str] = "nearest"

    def __init__(self) -> None:
        self.known_: Matrix = np.zeros((0, 0))
        self.cycles_: Vector = np.zeros(0)

    def fit(self, X: Matrix, y: Vector) -> Self:
        self.known_, self.cycles_ = X, y
        return self

    def predict(self, X: Matrix) -> Vector:
        # |a - b|^2 without |a|^2, which moves no minimum.
        gaps = (self.known_**2).sum(axis=1) - 2 * X @ self.known_.T
        nearest: Vector = self.cycles_[gaps.argmin(axis=1)]
        return nearest

    def arrays(self) -> Arrays:
        return {"known": self.known_, "cycles": self.cycles_}

    @classmethod
    def from_arrays(cls, arrays: Arrays, n_features: int) -> Self:
        model = cls()
        model.known_ = take(arrays, "known", (None, n_features))
        model.cycles_ = take(arrays, "cycles", (len(model.known_),))
        return model
