"""What is searched: a space and the two estimators, and what they said of a candidate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from hwprof.errors import ConfigurationError
from hwprof.search.decisions import Standing
from hwprof.search.design import Design
from hwprof.search.estimators import (
    Details,
    FloatArray,
    Kind,
    LatencyEstimate,
    LatencyEstimator,
    TaskEstimator,
)
from hwprof.search.spaces import Point, SearchSpace


@dataclass(frozen=True, slots=True)
class Candidate:
    """One point of the space and what the estimators said of it.

    Attributes:
        arch: the architecture's name.
        estimate: of its latency, by the search's latency estimator.
        score: by its task estimator; more is better.
        details: what the task estimator kept beside the score.
    """

    point: Point
    arch: str
    estimate: LatencyEstimate
    score: float
    details: Details = field(default_factory=dict, hash=False)

    @property
    def latency_us(self) -> float:
        """The estimate's median."""
        return self.estimate.latency_us

    @property
    def low_us(self) -> float:
        """Lower end of the estimate's interval."""
        return self.estimate.low_us

    @property
    def high_us(self) -> float:
        """Upper end of the estimate's interval."""
        return self.estimate.high_us

    @property
    def kind(self) -> Kind:
        """Whether the latency is predicted, modelled or measured."""
        return self.estimate.kind


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

    @property
    def limit_us(self) -> float:
        """The budget, infinite without one."""
        return inf if self.budget_us is None else self.budget_us

    def evaluate(self, designs: Sequence[Design]) -> tuple[FloatArray, FloatArray]:
        """Latencies in microseconds and scores of many designs, (n,) each."""
        architectures = [design.architecture for design in designs]
        return self.latency.latencies_us(architectures), self.task.scores(designs)

    def candidate(self, point: Point, others: Iterable[Candidate] = ()) -> Candidate:
        """What the estimators say of one point.

        Args:
            point: of the space.
            others: candidates that it competes with; they decide whether an estimate is enough.
        """
        design = self.space.design(point)
        judgement = self.task.judge(design)
        architecture = design.architecture
        (estimate,) = self.latency.estimates([architecture])
        found = Candidate(point, architecture.name, estimate, judgement.score, judgement.details)
        return self.settled(found, others)

    def settled(self, candidate: Candidate, others: Iterable[Candidate]) -> Candidate:
        """The candidate with a latency that tells it from the others, if there is a better one."""
        standing = Standing.among(
            ((other.estimate, other.score) for other in others),
            score=candidate.score,
            limit_us=self.limit_us,
        )
        architecture = self.space.design(candidate.point).architecture
        estimate = self.latency.settle(architecture, candidate.estimate, standing.is_decided)
        return replace(candidate, estimate=estimate)
