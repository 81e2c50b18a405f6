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
from hwprof.search.study import find_trials

_COSTS = "training_s", "evaluation_s"


@dataclass(frozen=True, slots=True)
class FullSearch:
    """A search by full training, training by training; a point that comes again costs nothing.

    Attributes:
        source: the study's name, or how it was extrapolated.
        seconds: of all trainings up to each; work, where several processes shared it.
        best: precision of the best within the budget up to each, None before there is one;
            extrapolated, the expected one.
        found: precision of each design within the budget that was trained, or is drawn from.
        drawn_from: designs that an extrapolated one draws from, within the budget or not; else 0.
        beyond_s: of designs beyond the budget, which a prediction would rule out untrained.
        winner: number of the best design in the space; None where none is known.
    """

    source: str
    seconds: tuple[float, ...]
    best: tuple[float | None, ...]
    found: tuple[float, ...]
    drawn_from: int
    beyond_s: float
    winner: int | None = None

    @property
    def origin(self) -> Origin:
        """``measured`` of a study in the workspace, else ``extrapolated`` from the samples."""
        return "extrapolated" if self.drawn_from else "measured"

    def as_good(self, quality: float) -> int:
        """How many of its designs were."""
        return sum(one >= quality for one in self.found)

    def trainings_to(self, quality: float) -> float | None:
        """Trainings until one was as good, extrapolated the expected ones; None where none was."""
        count = self.as_good(quality)
        if self.drawn_from:
            return self.drawn_from / count if count else None
        good = (n for n, best in enumerate(self.best, 1) if best is not None and best >= quality)
        return next(good, None)

    def seconds_to(self, quality: float) -> float | None:
        """What these took."""
        count = self.trainings_to(quality)
        if count is None:
            return None
        return count * self.seconds[0] if self.drawn_from else self.seconds[round(count) - 1]

    def best_within(self, seconds: float) -> float | None:
        """The best that so many seconds find; None where nothing within the budget."""
        count = bisect.bisect_right(self.seconds, seconds)
        return self.best[count - 1] if count else None


def measured_full_search(storage: Path, problem: Problem, n_trials: int) -> FullSearch | None:
    """The first trials of a study of a problem that has so many; None where there is none.

    Strategies and seeds do not matter; of several the longest counts.
    """
    found = find_trials(problem, storage)
    name, trials = max(found.items(), key=lambda one: len(one[1]), default=("", []))
    if len(trials) < n_trials:
        return None
    return _of_trials(f"study {name}", trials[:n_trials], problem)


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
    allowed = np.asarray(is_allowed, bool)
    return FullSearch(
        f"random search drawn from the {len(quality)} samples",
        tuple(count * training_s for count in counts),
        tuple(_expected_best(quality, allowed, count) for count in counts),
        found=tuple(quality[allowed].tolist()),
        drawn_from=len(quality),
        beyond_s=float(1 - allowed.mean()) * n_trials * training_s,
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
    designs = list({trial.point: trial for trial in trials}.values())
    spent_s = [_spent_s(design) for design in designs]
    good = [design for design in designs if problem.allows(design)]
    scores = [design.score if problem.allows(design) else -np.inf for design in designs]
    best = np.maximum.accumulate(scores).tolist()
    winner = max(good, key=lambda design: design.score, default=None)
    return FullSearch(
        source,
        tuple(np.cumsum(spent_s).tolist()),
        tuple(None if one == -np.inf else one for one in best),
        found=tuple(design.score for design in good),
        drawn_from=0,
        beyond_s=sum(spent_s) - sum(_spent_s(design) for design in good),
        winner=None if winner is None else problem.space.index(winner.point),
    )


def _spent_s(design: Candidate) -> float:
    return design.latency_s + sum(float(design.details.get(cost, 0)) for cost in _COSTS)
