"""The physical prior: cycles are a non-negative sum of what the kernels count.

Notation: minimise, over w >= 0, the sum over samples of rho(x . w / y - 1), with rho Huber's
loss of the relative error, plus ``anchor_strength`` times the sum over columns of
(s_j (w_j - w0_j))^2, where w0 is the anchor and s_j the mean of x_j / y. A column that the
samples do not move keeps its anchor's cost instead of becoming free, and a sample that fits
none of the others bends the costs only so far. Huber's loss is minimised by solving least
squares a few times, each sample weighted by limit / |error| where its error is beyond the limit
(Huber and Ronchetti, Robust Statistics, 2009, chapter 7.8).
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from hwprof.surrogates.regressors._base import Arrays, Matrix, Regressor, Vector, take


class PhysicalPrior(Regressor):
    """Non-negative least squares on cost terms, weighted for relative error.

    Attributes:
        anchor: cycles per count from other block types, (n_features,), or None.
        coefficients_: cycles per count, (n_features,).
    """

    name: ClassVar[str] = "physical_prior"

    def __init__(self, anchor: Vector | None = None, anchor_strength: float = 0.1) -> None:
        self.anchor = anchor
        self.anchor_strength = anchor_strength
        self.coefficients_: Vector = np.zeros(0)

    def fit(self, X: Matrix, y: Vector) -> Self:
        anchor = np.zeros(X.shape[1]) if self.anchor is None else self.anchor.astype(np.float64)
        used = np.flatnonzero(X.any(axis=0))
        relative = X[:, used] / y[:, None]
        scale = relative.mean(axis=0)
        used_share = relative.sum(axis=0) / np.count_nonzero(relative, axis=0)
        pull = np.sqrt(self.anchor_strength) * used_share * (self.anchor is not None)
        self.coefficients_ = anchor.copy()
        weights = np.ones(len(y))
        for _ in range(_SOLUTIONS):
            system = np.concatenate([relative * weights[:, None], np.diag(pull)])
            wanted = np.concatenate([weights, pull * anchor[used]])
            self.coefficients_[used] = _non_negative(system / scale, wanted) / scale
            weights = _huber_weights(relative @ self.coefficients_[used] - 1)
        return self

    def predict(self, X: Matrix) -> Vector:
        return X @ self.coefficients_

    def arrays(self) -> Arrays:
        return {"coefficients": self.coefficients_}

    @classmethod
    def from_arrays(cls, arrays: Arrays, n_features: int) -> Self:
        model = cls()
        model.coefficients_ = take(arrays, "coefficients", (n_features,))
        return model


def _non_negative(system: Matrix, wanted: Vector) -> Vector:
    """Non-negative least squares; the triangle of a QR step has the same solution, sooner."""
    from scipy.optimize import nnls

    stacked = np.column_stack([system, wanted])
    triangle = np.asarray(np.linalg.qr(stacked, mode="r"), np.float64)
    found: Vector = nnls(triangle[:, :-1], triangle[:, -1], maxiter=_ITERATIONS)[0]
    return found


def _huber_weights(errors: Vector) -> Vector:
    """Square roots of the least-squares weights of samples with these errors."""
    size = np.abs(errors)
    limit = max(_HUBER * _MAD_TO_DEVIATION * float(np.median(size)), _LEAST_LIMIT)
    weights: Vector = np.sqrt(limit / np.maximum(size, limit))
    return weights


_SOLUTIONS = 4
_ITERATIONS = 20_000  # of the active-set solver, which takes about three a column
_HUBER = 1.345  # 95 % efficient where errors are normal
_MAD_TO_DEVIATION = 1.4826
_LEAST_LIMIT = 1e-3  # repeats on one board differ by this much
