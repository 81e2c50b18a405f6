"""What a search that trains will cost, and which cheaper task estimator fits a time budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TaskCost:
    """What one candidate costs by one task estimator, in seconds.

    Attributes:
        each_s: training and evaluation; 0 for what trains nothing.
        is_timed: whether one was timed; else it follows from one of another estimator.
    """

    task: str
    each_s: float
    is_timed: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Trials by workers that each do one at a time."""

    cost: TaskCost
    trials: int
    workers: int = 1

    @property
    def seconds(self) -> float:
        """Of the whole search, if all trials are different and each has a core of its own."""
        return self.trials * self.cost.each_s / self.workers

    def sentence(self) -> str:
        """The cost in words."""
        source = "timed" if self.cost.is_timed else "extrapolated"
        workers = f" / {self.workers} workers" * (self.workers > 1)
        return (
            f"{self.trials} trials x {self.cost.each_s:.1f} s by {self.cost.task} ({source})"
            f"{workers}: {minutes(self.seconds)}"
        )


def trained_costs(
    timed: str, *, training_s: float, evaluation_s: float, shares: Mapping[str, float]
) -> tuple[TaskCost, ...]:
    """Costs of all estimators that train, from one that was timed, the dearest first.

    Args:
        timed: estimator of which one training was timed.
        training_s: what that took.
        evaluation_s: what evaluating it took, which is the same for all.
        shares: of the whole training that each estimator pays for, by name; training takes time
            in proportion to its epochs.
    """
    whole_s = training_s / shares[timed]
    costs = [
        TaskCost(name, share * whole_s + evaluation_s, is_timed=name == timed)
        for name, share in shares.items()
    ]
    return tuple(sorted(costs, key=lambda cost: -cost.each_s))


def advice(plan: Plan, others: tuple[TaskCost, ...], budget_s: float) -> str:
    """One sentence if a search is longer than the time there is; empty if it fits.

    The dearest of the others that fits is suggested: it is nearest to a full training.
    """
    if plan.seconds <= budget_s:
        return ""
    start = f"{minutes(budget_s)} are less than this search takes"
    for cost in sorted(others, key=lambda cost: -cost.each_s):
        cheaper = Plan(cost, plan.trials, plan.workers)
        if cost.each_s < plan.cost.each_s and cheaper.seconds <= budget_s:
            return f"{start}; --task {cost.task} fits, with {cheaper.sentence()}"
    fitting = int(budget_s * plan.workers / plan.cost.each_s)
    return f"{start}; no cheaper estimator fits; --trials {max(fitting, 1)} does about"


def minutes(seconds: float) -> str:
    """A duration as a person says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
