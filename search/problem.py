"""What is searched: a space and the two estimators, and what they said of a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.search.estimators import FloatArray, LatencyEstimator, TaskEstimator
from hwprof.search.spaces import Point, SearchSpace


@dataclass(frozen=True, slots=True)
class Problem:
    """A space, the two objectives, and the latency that must not be exceeded.

    Attributes:
        budget_us: candidates above it are no solutions; None for no budget.
    """

    space: SearchSpace
    task: TaskEstimator
    latency: LatencyEstimator
    budget_us: float | None = None

    def __post_init__(self) -> None:
        if self.budget_us is not None and not 0 < self.budget_us < inf:
            raise ConfigurationError(
                f"a latency budget is positive and finite; got {self.budget_us} us."
            )

    def evaluate(self, architectures: Sequence[Architecture]) -> tuple[FloatArray, FloatArray]:
        """Latencies in microseconds and scores, (n,) each."""
        return self.latency.latencies_us(architectures), self.task.scores(architectures)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One architecture of the space and what the estimators said of it.

    Attributes:
        arch: the architecture's name.
        latency_us: by the search's latency estimator.
        score: by its task estimator; more is better.
    """

    point: Point
    arch: str
    latency_us: float
    score: float
