"""Predictions for trained designs by models that did not see them: repeated k-fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from hwprof.errors import ConfigurationError
from hwprof.search.estimators import FloatArray
from hwprof.search.performance import Evidence, PerformanceStrategy

N_FOLDS = 10
N_REPEATS = 5

Rows = npt.NDArray[np.int64]


def fewest_samples(strategy: PerformanceStrategy, n_folds: int = N_FOLDS) -> int:
    """Trained designs that cross-validation needs so that every fold can still be fitted."""
    needed = strategy.needs.samples
    count = needed
    while count - _largest_fold(count, n_folds) < needed:
        count += 1
    return count


def out_of_fold(
    strategy: PerformanceStrategy,
    evidence: Sequence[Evidence],
    quality: FloatArray,
    *,
    n_folds: int = N_FOLDS,
    n_repeats: int = N_REPEATS,
    seed: int = 0,
) -> FloatArray:
    """Scores (repeats, n), each by a model fitted without the design's fold.

    Raises:
        ConfigurationError: too few designs for the strategy.
    """
    n = len(evidence)
    if n < (needed := fewest_samples(strategy, n_folds)):
        raise ConfigurationError(
            f"{strategy.title} is judged by cross-validation and needs at least {needed} trained "
            f"designs for it; got {n}; raise --samples."
        )
    scores = np.empty((n_repeats, n))
    for repeat in range(n_repeats):
        for fold in _folds(n, n_folds, np.random.default_rng([seed, repeat])):
            rest = np.setdiff1d(np.arange(n), fold)
            fitted = strategy.fit([evidence[i] for i in rest.tolist()], quality[rest])
            scores[repeat, fold] = fitted.scores([evidence[i] for i in fold.tolist()])
    return scores


def _folds(n: int, n_folds: int, generator: np.random.Generator) -> Iterator[Rows]:
    yield from np.array_split(generator.permutation(n), min(n_folds, n))


def _largest_fold(n: int, n_folds: int) -> int:
    return -(-n // min(n_folds, n)) if n else 0
