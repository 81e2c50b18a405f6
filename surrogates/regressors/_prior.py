"""The physical prior: cycles are a non-negative sum of what the kernels count.

Notation: minimise, over w >= 0, the sum over samples of (x . w / y - 1)^2, the squared
relative error, plus ``anchor_strength`` times the sum over columns of (s_j (w_j - w0_j))^2,
where w0 is the anchor and s_j the mean of x_j / y. A column that the samples do not move keeps
its anchor's cost instead of becoming free.
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
        from scipy.optimize import nnls

        relative = X / y[:, None]
        ones = np.ones(len(y))
        anchor = np.zeros(X.shape[1]) if self.anchor is None else self.anchor.astype(np.float64)
        used = np.flatnonzero(X.any(axis=0))
        scale = relative[:, used].mean(axis=0)
        pull = np.sqrt(self.anchor_strength) * scale * (self.anchor is not None)
        system = np.concatenate([relative[:, used], np.diag(pull)])
        wanted = np.concatenate([ones, pull * anchor[used]])
        scaled, _ = nnls(system / scale, wanted, maxiter=50 * len(used) + 100)
        self.coefficients_ = anchor.copy()
        self.coefficients_[used] = scaled / scale
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
