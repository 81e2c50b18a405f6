"""Every architecture of a space, evaluated: the truth that a sampler is checked against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.search.candidate import Candidate
from hwprof.search.estimators import FloatArray
from hwprof.search.front import hypervolume, pareto_indices
from hwprof.search.problem import Problem

_CHUNK = 4096
"""Architectures held at a time; enough for estimators that work on many at once."""
MOST_POINTS = 1_000_000
"""Of a space that is evaluated whole; some minutes."""

Progress = Callable[[int], None]
"""Told how many more are done."""


@dataclass(frozen=True, slots=True, eq=False)
class ExhaustiveFront:
    """All architectures of a space by number.

    Attributes:
        latency_us: (space size,) in microseconds.
        score: (space size,); more is better.
    """

    problem: Problem
    latency_us: FloatArray
    score: FloatArray

    def front(self) -> tuple[Candidate, ...]:
        """The candidates within the budget that no other beats, by latency."""
        allowed = np.flatnonzero(self.latency_us <= self.problem.limit_us)
        best = allowed[pareto_indices(self.latency_us[allowed], self.score[allowed])]
        return self._candidates(best.tolist())

    def share(self, candidates: Sequence[Candidate]) -> float:
        """Hypervolume of some candidates over that of the whole space, 0 to 1.

        The reference is the budget, or the slowest architecture without one, and the space's
        lowest score; scaling an objective does not change the share.
        """
        reference = (
            min(self.problem.limit_us, float(self.latency_us.max())),
            float(self.score.min()),
        )
        whole = hypervolume(self.latency_us, self.score, reference)
        latency_us = np.array([candidate.latency_us for candidate in candidates])
        score = np.array([candidate.score for candidate in candidates])
        return hypervolume(latency_us, score, reference) / whole if whole else 1.0

    def _candidates(self, indices: Sequence[int]) -> tuple[Candidate, ...]:
        space = self.problem.space
        points = [space.point(index) for index in indices]
        architectures = [space.architecture(point) for point in points]
        estimates = self.problem.latency.estimates(architectures)
        return tuple(
            Candidate(point, architecture.name, estimate, score)
            for point, architecture, estimate, score in zip(
                points, architectures, estimates, self.score[list(indices)].tolist(), strict=True
            )
        )


def exhaustive_front(problem: Problem, *, progress: Progress | None = None) -> ExhaustiveFront:
    """Evaluate a whole space; for estimators that answer thousands in a second.

    Raises:
        ConfigurationError: no architecture meets the budget, and the message says the fastest; or
            the space is too large.
    """
    space = problem.space
    if space.size > MOST_POINTS:
        raise ConfigurationError(
            f"at most {MOST_POINTS:,} architectures are evaluated; {space.name} has "
            f"{space.size:,}; search with --no-exhaustive."
        )
    latency_us, score = np.empty(space.size), np.empty(space.size)
    for start in range(0, space.size, _CHUNK):
        indices = range(start, min(start + _CHUNK, space.size))
        designs = list(space.designs(indices))
        latency_us[start : indices.stop], score[start : indices.stop] = problem.evaluate(designs)
        if progress is not None:
            progress(len(indices))
    found = ExhaustiveFront(problem, latency_us, score)
    if problem.budget_us is not None and latency_us.min() > problem.budget_us:
        fastest = space.architecture(space.point(int(latency_us.argmin())))
        raise ConfigurationError(
            f"no architecture of {space.name} meets {problem.budget_us / 1000:g} ms; the fastest, "
            f"{fastest.name}, takes {latency_us.min() / 1000:.2f} ms by {problem.latency.name}."
        )
    return found
