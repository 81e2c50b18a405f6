"""A Gaussian process: smooth where samples are dense, their mean far from them.

Notation: k(z, p) = variance * exp(-|z - p|^2 / (2 length^2)) for rows z and support points p; the
posterior mean of r at z is intercept + k(z, P) . weights, with weights = (K + noise I)^-1
(r - intercept). Variance, length and noise maximise the marginal likelihood (Rasmussen and
Williams, Gaussian Processes for Machine Learning, 2006, algorithm 2.1 and section 5.4).
"""

from __future__ import annotations

import warnings
from typing import ClassVar, Self

import numpy as np

from hwprof.surrogates.arrays import Matrix, Vector
from hwprof.surrogates.learners._radial import RadialLearner

_LENGTHS = (1.0, 1e3)  # in standard deviations of a column, all columns together
_NOISES = (1e-4, 1e0)  # share of the variance of r
_CHUNK = 4096  # rows predicted at a time: the (rows x points) table stays at some 10 MB


class GaussianProcessLearner(RadialLearner):
    """Gaussian process regression with one length for all columns."""

    name: ClassVar[str] = "gaussian_process"
    shape_name: ClassVar[str] = "length"

    def fit(self, z: Matrix, r: Vector) -> Self:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

        self.points_, self.intercept_ = z, float(r.mean())
        spread = float(r.std())
        if not z.shape[1] or spread == 0:
            self.weights_ = np.zeros(len(z))
            return self
        start = np.sqrt(z.shape[1])
        kernel = ConstantKernel(1.0, (1e-3, 1e2)) * RBF(start, _LENGTHS) + WhiteKernel(0.1, _NOISES)
        process = GaussianProcessRegressor(kernel, random_state=self.seed)
        with warnings.catch_warnings():
            # A length or noise at its bound is an answer: nothing to learn, or nothing but noise.
            warnings.simplefilter("ignore", ConvergenceWarning)
            process.fit(z, (r - self.intercept_) / spread)
        smooth = process.kernel_.k1
        self.shape_ = float(smooth.k2.length_scale)
        self.weights_ = process.alpha_ * (float(smooth.k1.constant_value) * spread)
        return self

    def predict(self, z: Matrix) -> Vector:
        parts = [self._similar(z[i : i + _CHUNK]) @ self.weights_ for i in range(0, len(z), _CHUNK)]
        return np.concatenate(parts or [np.zeros(0)]) + self.intercept_

    def _similar(self, z: Matrix) -> Matrix:
        squares = (z**2).sum(axis=1)[:, None] + (self.points_**2).sum(axis=1)
        distance = np.maximum(squares - 2 * z @ self.points_.T, 0.0)
        similar: Matrix = np.exp(distance / (-2 * self.shape_**2))
        return similar
