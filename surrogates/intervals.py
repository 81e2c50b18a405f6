"""Prediction intervals: conformal for a block, a bound of the sum for a network.

A block's interval is [p / q, p * q], where log q is the split-conformal quantile of
|log(measured / predicted)| over predictions of held-out rows of its block type: for
exchangeable rows it covers at least ``level`` of them, whatever the error's distribution.

A network's interval adds its blocks' ends. That is exact if all blocks err together and wider
than needed if they err apart; errors of blocks of one type do go together (they come from one
fitted model), so the square-root law of independent errors would promise too much.
"""

from __future__ import annotations

from math import ceil

import numpy as np

from hwprof.surrogates.regressors import Vector
from hwprof.surrogates.validation import Folds

DEFAULT_LEVEL = 0.9


def log_errors(measured: Vector, predicted: Vector) -> Vector:
    """|log(measured / predicted)|, (n,)."""
    return np.abs(np.log(measured / predicted))


def conformal_quantile(errors: Vector, level: float) -> float:
    """The ceil((n + 1) level)-th smallest of n held-out errors, the largest if n is too small."""
    rank = min(ceil((len(errors) + 1) * level), len(errors))
    return float(np.sort(errors)[rank - 1])


def cross_coverage(errors: Vector, folds: Folds, level: float) -> float:
    """Share of errors, 0 to 1, below the quantile of the errors of the other folds."""
    inside = np.zeros(len(errors), dtype=bool)
    for fold in np.unique(folds):
        here = folds == fold
        inside[here] = errors[here] <= conformal_quantile(errors[~here], level)
    return float(inside.mean())
