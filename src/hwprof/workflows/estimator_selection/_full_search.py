"""What a search by full training takes and finds: from a study, or extrapolated and named so."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwprof.search.candidate import Candidate
from hwprof.search.estimators import FloatArray
from hwprof.search.problem import Problem
from hwprof.search.selection import Origin
from hwprof.search.spaces import Point
from hwprof.search.study import find_studies
from hwprof.search.trials import finished

_COSTS = "training_s", "evaluation_s"


@dataclass(frozen=True, slots=True)
class FullSearch:
    """A search by full training, trial by trial.

    Attributes:
        origin: ``measured`` of a study in the workspace, else ``extrapolated`` from the samples.
        source: the study's name, or how it was extrapolated.
        seconds: of all trials up to each; work, where several processes shared it.
        best: precision of the best within the budget up to each, None before there is one;
            extrapolated, the expected one.
        winner: number of the best design in the space; None where none is known.
    """

    origin: Origin
    source: str
    seconds: tuple[float, ...]
    best: tuple[float | None, ...]
    winner: int | None = None

    @property
    def trials(self) -> int:
        """How many."""
        return len(self.seconds)

    def trials_to(self, quality: float) -> int | None:
        """Trials until one was as good; None where none was."""
        good = (n for n, best in enumerate(self.best, 1) if best is not None and best >= quality)
        return next(good, None)

    def best_within(self, seconds: float) -> float | None:
        """The best of the trials that end in so many seconds; None where none meets the budget."""
        count = bisect.bisect_right(self.seconds, seconds)
        return self.best[count - 1] if count else None


def measured_full_search(storage: Path, problem: Problem) -> FullSearch | None:
    """The longest study of a problem, whatever its strategy and seed; None where there is none."""
    found = [
        (f"study {study.study_name}", finished(study, problem.space))
        for study in find_studies(problem, storage)
    ]
    source, trials = max(found, key=lambda one: len(one[1]), default=("", []))
    return _of_trials(source, trials, problem) if trials else None


def extrapolated_full_search(
    quality: FloatArray, is_allowed: Sequence[bool], *, n_trials: int, training_s: float
) -> FullSearch:
    """A random search drawn from the samples, which are a random search already.

    Its best is the mean of the best of so many draws with replacement, given that one of them is
    allowed, so never above the best sample.

    Args:
        quality, is_allowed: (n,) of the samples; those not allowed do not meet the budget.
    """
    counts = range(1, n_trials + 1)
    return FullSearch(
        "extrapolated",
        f"random search drawn from the {len(quality)} samples",
        tuple(count * training_s for count in counts),
        tuple(_expected_best(quality, np.asarray(is_allowed, bool), count) for count in counts),
    )


def _expected_best(
    quality: FloatArray, is_allowed: np.ndarray[tuple[int], np.dtype[np.bool_]], draws: int
) -> float | None:
    if not is_allowed.any():
        return None
    ranked = np.sort(quality[is_allowed])
    others = len(quality) - len(ranked)
    below = (others + np.arange(len(ranked) + 1)) / len(quality)
    chance = np.diff(below**draws)
    return float(ranked @ chance / chance.sum())


def _of_trials(source: str, trials: Sequence[Candidate], problem: Problem) -> FullSearch:
    seconds, best = [], []
    spent, found = 0.0, -np.inf
    seen: set[Point] = set()
    for trial in trials:
        if trial.point not in seen:  # a point that is proposed again costs nothing
            spent += trial.latency_s + sum(float(trial.details.get(cost, 0)) for cost in _COSTS)
        seen.add(trial.point)
        if problem.allows(trial):
            found = max(found, trial.score)
        seconds.append(spent)
        best.append(found if found > -np.inf else None)
    good = [trial for trial in trials if problem.allows(trial)]
    winner = max(good, key=lambda trial: trial.score).point if good else None
    return FullSearch(
        "measured",
        source,
        tuple(seconds),
        tuple(best),
        None if winner is None else problem.space.index(winner),
    )
