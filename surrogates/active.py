"""Which blocks of a type to measure next: those that lower the uncertainty of all the others most.

Notation: c (n_terms,) are cycles per count as far as measured blocks tell, and R = X / (X . c)
(n, n_terms) the counts of each block over its cycles. The physical prior is linear in R, and its
penalty says what is believed of a cost before it is measured: normal around its anchor, with a
deviation in inverse proportion to s_j, the mean of column j of R. With Z = R / s, what the
relative errors of all blocks have in common is

    v_cost Z Z' + v_residual exp(-|z - z'|^2 / (2 length^2 n_columns))

the first part for costs that are not known yet, the second for what no sum of costs explains, z
being the standardised log counts that corrections see. A batch is chosen one by one, each block
as if those before it had been measured, so it does not ask twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.surrogates.regressors import Matrix, PhysicalPrior, Vector
from hwprof.surrogates.training import GUESSED_CYCLES

_COST = 0.05
_RESIDUAL = 0.05
_NOISE = 0.02
"""Standard deviations of a relative error: by an unknown cost of average weight, by what costs do
not explain, by what nothing explains. The first and the last are in about the proportion of the
physical prior's penalty, sqrt(10); factors of two make little difference (docs/SURROGATES.md)."""
_LENGTH = 0.4  # in root mean squares of the differences of standardised columns


def most_telling(
    variance: Matrix, count: int, measured: Sequence[int] = (), *, noise: float = _NOISE
) -> list[int]:
    """Rows to measure, each the one that lowers the total variance most once it is known.

    Cohn, Ghahramani and Jordan, Active Learning with Statistical Models, 1996.

    Args:
        variance: covariance of the candidates before any measurement, (n, n).
        count: how many; with ``measured``, at most n.
        measured: rows known already.
        noise: standard deviation of a measurement.
    """
    taken = list(measured)
    for row in taken:
        variance = _told(variance, row, noise)
    for _ in range(count):
        gain = (variance**2).sum(axis=0) / (np.diag(variance) + noise**2)
        gain[taken] = -np.inf
        taken.append(int(gain.argmax()))
        variance = _told(variance, taken[-1], noise)
    return taken[len(measured) :]


def _told(variance: Matrix, row: int, noise: float) -> Matrix:
    """Covariance of all rows once one of them is measured."""
    column = variance[:, row]
    told: Matrix = variance - np.outer(column, column) / (column[row] + noise**2)
    return told


def choose_next(X: Matrix, cycles: Vector, count: int) -> list[int]:
    """Rows of X to measure next, most telling first.

    Args:
        X: features of the blocks measured so far and behind them of the candidates,
            (n_measured + n_candidates, n_features).
        cycles: of the measured ones, (n_measured,), positive; none before the first batch.
        count: how many.

    Raises:
        ConfigurationError: fewer candidates than are to be chosen.
    """
    n_measured = len(cycles)
    if n_measured + count > len(X):
        raise ConfigurationError(
            f"a batch is chosen among candidates; {count} of {len(X) - n_measured} cannot be "
            "chosen; ask for fewer samples."
        )
    variance = _covariance(X, _coefficients(X[:n_measured], cycles))
    return most_telling(variance, count, range(n_measured))


def _coefficients(X: Matrix, cycles: Vector) -> Vector:
    """Cycles per count: guesses before the first measurement, then the physical prior's."""
    if not len(cycles):
        return GUESSED_CYCLES
    anchor = PhysicalPrior(GUESSED_CYCLES).fit(X, cycles).coefficients_
    return PhysicalPrior(anchor).fit(X, cycles).coefficients_


def _covariance(X: Matrix, coefficients: Vector) -> Matrix:
    relative = X[:, X.any(axis=0)] / np.maximum(X @ coefficients, 1.0)[:, None]
    Z = relative / relative.mean(axis=0)
    logs = np.log1p(X[:, np.ptp(X, axis=0) > 0])
    z = (logs - logs.mean(axis=0)) / logs.std(axis=0)
    squares = (z**2).sum(axis=1)
    distance = np.maximum(squares[:, None] + squares - 2 * z @ z.T, 0.0)
    near = np.exp(distance / (-2 * _LENGTH**2 * max(z.shape[1], 1)))
    covariance: Matrix = _COST**2 * Z @ Z.T + _RESIDUAL**2 * near
    return covariance
