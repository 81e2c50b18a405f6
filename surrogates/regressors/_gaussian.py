"""A Gaussian process on the log ratio: smooth where samples are dense, zero far from them.

Notation: k(z, p) = variance * exp(-|z - p|^2 / (2 length^2)) for rows z and support points p; the
posterior mean of r at z is intercept + k(z, P) . weights, with weights = (K + noise I)^-1
(r - intercept). Variance, length and noise maximise the marginal likelihood (Rasmussen and
Williams, Gaussian Processes for Machine Learning, 2006, algorithm 2.1 and section 5.4).
"""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np

from hwprof.errors import ArtefactError
from hwprof.surrogates.regressors._base import Arrays, Matrix, Vector, take
from hwprof.surrogates.regressors._residual import ResidualRegressor

_LENGTHS = (1.0, 1e3)  # in standard deviations of a column, all columns together
_NOISES = (1e-4, 1e0)  # share of the variance of r
_CHUNK = 4096  # rows predicted at a time: the (rows x points) table stays at some 10 MB


class GaussianProcessResidual(ResidualRegressor):
    """Gaussian process regression of the log ratio."""

    name: ClassVar[str] = "gaussian_process"

    points_: Matrix = np.zeros((0, 0))
    weights_: Vector = np.zeros(0)
    length_: float = 1.0
    intercept_: float = 0.0

    def _fit_learner(self, z: Matrix, r: Vector) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

        self.points_, self.intercept_ = z, float(r.mean())
        spread = float(r.std())
        if not z.shape[1] or spread == 0:
            self.weights_ = np.zeros(len(z))
            return
        start = np.sqrt(z.shape[1])
        kernel = ConstantKernel(1.0, (1e-3, 1e2)) * RBF(start, _LENGTHS) + WhiteKernel(0.1, _NOISES)
        process = GaussianProcessRegressor(kernel, random_state=self.seed)
        with warnings.catch_warnings():
            # A length or noise at its bound is an answer: nothing to learn, or nothing but noise.
            warnings.simplefilter("ignore", ConvergenceWarning)
            process.fit(z, (r - self.intercept_) / spread)
        smooth = process.kernel_.k1
        self.length_ = float(smooth.k2.length_scale)
        self.weights_ = process.alpha_ * (float(smooth.k1.constant_value) * spread)

    def _predict_learner(self, z: Matrix) -> Vector:
        parts = [self._similar(z[i : i + _CHUNK]) @ self.weights_ for i in range(0, len(z), _CHUNK)]
        return np.concatenate(parts or [np.zeros(0)]) + self.intercept_

    def _similar(self, z: Matrix) -> Matrix:
        squares = (z**2).sum(axis=1)[:, None] + (self.points_**2).sum(axis=1)
        distance = np.maximum(squares - 2 * z @ self.points_.T, 0.0)
        similar: Matrix = np.exp(distance / (-2 * self.length_**2))
        return similar

    def _learner_arrays(self) -> Arrays:
        return {
            "points": self.points_,
            "weights": self.weights_,
            "length": np.array([self.length_]),
            "intercept": np.array([self.intercept_]),
        }

    def _restore_learner(self, arrays: Arrays, n_columns: int) -> None:
        self.points_ = take(arrays, "points", (None, n_columns))
        self.weights_ = take(arrays, "weights", (len(self.points_),))
        self.length_ = float(take(arrays, "length", (1,))[0])
        if self.length_ <= 0:
            raise ArtefactError(
                f"the length of a stored Gaussian process is positive; got {self.length_}; "
                "fit it again."
            )
        self.intercept_ = float(take(arrays, "intercept", (1,))[0])
