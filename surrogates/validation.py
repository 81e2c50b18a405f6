"""Held-out predictions and the scores they earn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from hwprof.surrogates.regressors import Matrix, Regressor, Vector

TIE = 0.002
"""Relative errors this near are equal: repeats on one board differ by 0.1 to 0.9 % (published
measurements of Cortex-M7 networks), so nobody could tell the models apart."""

Folds = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scores:
    """How near predictions came to measured cycles; correlations are NaN for constant data.

    Attributes:
        mape_percent: mean of |prediction / measured - 1|.
        within_5_percent, within_10_percent: share of samples at most that far off, in percent.
        spearman, kendall: rank correlation, -1 to 1.
    """

    mape_percent: float
    within_5_percent: float
    within_10_percent: float
    spearman: float
    kendall: float

    def to_json(self) -> dict[str, float | None]:
        """Fields as JSON has them: null for NaN."""
        return {
            name: round(value, 4) if np.isfinite(value) else None
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Rows of one block type and what a model that saw none of their fold said, (n,) each.

    Attributes:
        keys: block keys.
        measured, predicted: cycles.
        folds: fold number of each row.
    """

    keys: npt.NDArray[np.str_]
    measured: Vector
    predicted: Vector
    folds: Folds


def score(measured: Vector, predicted: Vector) -> Scores:
    """Scores of predictions (n,) against measured values (n,), positive."""
    from scipy import stats

    error = np.abs(predicted / measured - 1)
    varied = np.ptp(measured) > 0 and np.ptp(predicted) > 0
    return Scores(
        mape_percent=float(100 * error.mean()),
        within_5_percent=float(100 * (error <= 0.05).mean()),
        within_10_percent=float(100 * (error <= 0.10).mean()),
        spearman=float(stats.spearmanr(measured, predicted).statistic) if varied else np.nan,
        kendall=float(stats.kendalltau(measured, predicted).statistic) if varied else np.nan,
    )


def assign_folds(groups: Sequence[object], n_folds: int, seed: int) -> Folds:
    """Fold number of each sample; equal groups share a fold, folds are of about equal size."""
    ids: dict[object, int] = {}
    numbers = np.array([ids.setdefault(group, len(ids)) for group in groups])
    order = np.random.default_rng(seed).permutation(len(ids))
    fold_of_group = np.empty(len(ids), dtype=np.int64)
    fold_of_group[order] = np.arange(len(ids)) % n_folds
    folds: Folds = fold_of_group[numbers]
    return folds


def held_out(make: Callable[[int], Regressor], data: tuple[Matrix, Vector], folds: Folds) -> Vector:
    """Prediction of each sample by a regressor that saw none of its fold, (n,).

    Args:
        make: a new regressor for the fold of that number.
        data: X (n, n_features) and y (n,).
        folds: fold number of each sample, (n,).
    """
    X, y = data
    predicted = np.full(len(y), np.nan)
    for fold in np.unique(folds):
        inside = folds == fold
        predicted[inside] = make(int(fold)).fit(X[~inside], y[~inside]).predict(X[inside])
    return predicted


def simplest_of_the_best(errors: Sequence[Vector]) -> int:
    """Index of the first candidate that ties with the best.

    A tie is a mean that is no more than one standard error of the paired difference, or no more
    than ``TIE``, above the best one's.

    Args:
        errors: absolute relative error of each sample, one array a candidate, simplest first.
    """
    means = [float(error.mean()) for error in errors]
    best = int(np.argmin(means))
    for index, error in enumerate(errors):
        gap = error - errors[best]
        if gap.mean() <= max(gap.std() / np.sqrt(len(gap)), TIE):
            return index
    return best
