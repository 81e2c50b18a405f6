"""What is searched: a space, the two estimators, and what a solution must not exceed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.search.candidate import Candidate
from hwprof.search.decisions import Standing
from hwprof.search.design import Design
from hwprof.search.estimators import FloatArray, LatencyEstimator, TaskEstimator
from hwprof.search.spaces import Point, SearchSpace

__all__ = ["Candidate", "Limit", "Problem"]


@dataclass(frozen=True, slots=True)
class Limit:
    """An amount, other than latency, that solutions do not exceed.

    Attributes:
        name: with its unit, ``peak_ram_bytes``.
        most: solutions have at most so much.
        amount: of one architecture; exact, and cheap beside the estimators.

    Raises:
        ConfigurationError: the limit is not positive and finite.
    """

    name: str
    most: float
    amount: Callable[[Architecture], float]

    def __post_init__(self) -> None:
        if not 0 < self.most < inf:
            raise ConfigurationError(
                f"a limit is positive and finite; got {self.most} for {self.name}."
            )


@dataclass(frozen=True, slots=True)
class Problem:
    """A space, the two objectives, and what must not be exceeded.

    Attributes:
        budget_us: candidates above it are no solutions; None for no budget.
        limits: what else they must not exceed.
    """

    space: SearchSpace
    task: TaskEstimator
    latency: LatencyEstimator
    budget_us: float | None = None
    limits: tuple[Limit, ...] = ()

    def __post_init__(self) -> None:
        if self.budget_us is not None and not 0 < self.budget_us < inf:
            raise ConfigurationError(
                f"a latency budget is positive and finite; got {self.budget_us / 1000:g} ms; give "
                "a larger one that is finite, or leave it out."
            )

    @property
    def limit_us(self) -> float:
        """The budget, infinite without one."""
        return inf if self.budget_us is None else self.budget_us

    @property
    def is_cheap(self) -> bool:
        """Whether both objectives of a whole space can be had in seconds."""
        return self.task.is_proxy and self.latency.is_cheap and not self.limits

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
        start_s = time.perf_counter()
        (estimate,) = self.latency.estimates([architecture])
        answer_s = time.perf_counter() - start_s
        found = Candidate(
            point,
            architecture.name,
            estimate,
            judgement.score,
            details=judgement.details,
            amounts={limit.name: limit.amount(architecture) for limit in self.limits},
            latency_s=answer_s,
        )
        return self.settled(found, others)

    def settled(self, candidate: Candidate, others: Iterable[Candidate]) -> Candidate:
        """The candidate with a latency that tells it from the others, if there is a better one."""
        if not self.fits(candidate):
            return candidate
        standing = Standing.among(
            ((other.estimate, other.score) for other in others if self.fits(other)),
            score=candidate.score,
            limit_us=self.limit_us,
        )
        architecture = self.space.design(candidate.point).architecture
        start_s = time.perf_counter()
        estimate = self.latency.settle(architecture, candidate.estimate, standing.is_decided)
        if estimate == candidate.estimate:
            return candidate
        answer_s = candidate.latency_s + time.perf_counter() - start_s
        return replace(candidate, estimate=estimate, latency_s=answer_s)

    def fits(self, candidate: Candidate) -> bool:
        """Whether it is within all limits other than the budget."""
        return all(candidate.amounts[limit.name] <= limit.most for limit in self.limits)

    def allows(self, candidate: Candidate) -> bool:
        """Whether it is a solution."""
        return candidate.latency_us <= self.limit_us and self.fits(candidate)

    def excess(self, candidate: Candidate) -> dict[str, float]:
        """How far it is beyond the budget and each limit, in shares of them; negative within."""
        beyond = {
            limit.name: candidate.amounts[limit.name] / limit.most - 1 for limit in self.limits
        }
        if self.budget_us is not None:
            beyond["latency_us"] = candidate.latency_us / self.budget_us - 1
        return beyond
