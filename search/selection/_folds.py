"""Predictions for trained designs by models that did not see them: repeated k-fold.

Only designs of one fold were scored by one model. Pairs across folds are no evidence: a fold of
good designs is judged by a model of the worse rest, whose mean is lower, and the other way round,
so that noise alone would seem to rank against quality.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwprof.errors import ConfigurationError
from hwprof.search.estimators import FloatArray
from hwprof.search.performance import Evidence, PerformanceStrategy

N_FOLDS = 5
N_REPEATS = 10

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """Out-of-fold predictions.

    Attributes:
        scores: (repeats, n), each by a model fitted without the design's fold.
        folds: (repeats, n), number of the fold.
    """

    scores: FloatArray
    folds: Rows


def fewest_samples(strategy: PerformanceStrategy, n_folds: int = N_FOLDS) -> int:
    """Trained designs that cross-validation needs so that every fold can still be fitted."""
    needed = strategy.needs.samples
    count = needed
    while count - _largest_fold(count, n_folds) < needed:
        count += 1
    return count


def require_samples(strategy: PerformanceStrategy, count: int, n_folds: int = N_FOLDS) -> None:
    """Refuse fewer trained designs than cross-validation needs.

    Raises:
        ConfigurationError: likewise, in a sentence with the number.
    """
    if count < (needed := fewest_samples(strategy, n_folds)):
        raise ConfigurationError(
            f"{strategy.title} is judged by cross-validation and needs at least {needed} trained "
            f"designs for it; got {count}; raise --samples."
        )


def out_of_fold(
    strategy: PerformanceStrategy,
    evidence: Sequence[Evidence],
    quality: FloatArray,
    *,
    n_folds: int = N_FOLDS,
    n_repeats: int = N_REPEATS,
    seed: int = 0,
) -> Unseen:
    """Scores by models that did not see what they score.

    Raises:
        ConfigurationError: too few designs for the strategy.
    """
    n = len(evidence)
    require_samples(strategy, n, n_folds)
    scores, folds = np.empty((n_repeats, n)), np.empty((n_repeats, n), np.int64)
    for repeat in range(n_repeats):
        generator = np.random.default_rng([seed, repeat])
        for number, fold in enumerate(_folds(n, n_folds, generator)):
            folds[repeat, fold] = number
            rest = np.setdiff1d(np.arange(n), fold)
            fitted = strategy.fit([evidence[i] for i in rest.tolist()], quality[rest])
            scores[repeat, fold] = fitted.scores([evidence[i] for i in fold.tolist()])
    return Unseen(scores, folds)


def _folds(n: int, n_folds: int, generator: np.random.Generator) -> Iterator[Rows]:
    yield from np.array_split(generator.permutation(n), min(n_folds, n))


def _largest_fold(n: int, n_folds: int) -> int:
    return -(-n // min(n_folds, n)) if n else 0
