"""Stage two: the space by the chosen estimator, and a short list trained fully."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.search.design import Design
from hwprof.search.estimators import (
    FloatArray,
    GivenTask,
    Judgement,
    LatencyEstimator,
    TaskEstimator,
)
from hwprof.search.exhaustive import exhaustive_front
from hwprof.search.loop import SearchOptions, run_search
from hwprof.search.performance import FittedStrategy
from hwprof.search.problem import Problem
from hwprof.search.selection import FittedEstimator, FittedOn, is_portable, short_list
from hwprof.search.spaces import SearchSpace
from hwprof.search.strategies import get_strategy
from hwprof.workflows.estimator_selection._records import Trained
from hwprof.workflows.estimator_selection._trainings import Trainings
from hwprof.workspace import Workspace

Stage = Callable[[str, int], Callable[[int], None]]
"""Begins a stage of so many steps; what it returns is told how many more are done."""

WALK = "motpe"


@dataclass(frozen=True, slots=True)
class Ground:
    """Where stage two searches.

    Attributes:
        budget_us: slower candidates are no solutions; None for no budget.
        n_trials: of a search by an estimator that cannot be asked of the whole space.
    """

    space: SearchSpace
    latency: LatencyEstimator
    budget_us: float | None
    n_trials: int
    seed: int

    def problem(self, task: TaskEstimator) -> Problem:
        """The search of this ground by a task estimator."""
        return Problem(self.space, task, self.latency, self.budget_us)


@dataclass(frozen=True, slots=True)
class Listed:
    """A candidate of the short list.

    Attributes:
        score: by the estimator.
        latency_us: predicted.
        trained: its full training.
    """

    arch: str
    index: int
    score: float
    latency_us: float
    trained: Trained


@dataclass(frozen=True, slots=True)
class Shortened:
    """A search by estimator, before anything of it is trained.

    Attributes:
        queries: answers of the estimator.
        search_s: of all of them and their latencies; measured.
        indices, score, latency_us: of the short list, (n,) each.
    """

    walk: str
    queries: int
    search_s: float
    indices: tuple[int, ...]
    score: FloatArray
    latency_us: FloatArray


def shortened(
    ground: Ground,
    task: TaskEstimator,
    count: int,
    *,
    is_cheap: bool,
    workspace: Workspace,
    stage: Stage,
) -> Shortened:
    """Search the space and choose the short list.

    Args:
        is_cheap: whether the estimator is asked of every architecture.

    Raises:
        ConfigurationError: nothing meets the budget.
    """
    problem = ground.problem(task)
    start_s = time.monotonic()
    if is_cheap:
        whole = exhaustive_front(problem, progress=stage("search", ground.space.size))
        indices, walk = np.arange(ground.space.size), "exhaustive"
        score, latency_us = whole.score, whole.latency_us
    else:
        options = SearchOptions(trials=ground.n_trials, seed=ground.seed)
        trials = run_search(
            problem,
            get_strategy(WALK),
            options,
            storage=workspace.studies,
            progress=stage("search", ground.n_trials),
        )
        found = {ground.space.index(trial.point): trial for trial in trials}
        indices, walk = np.array(list(found)), WALK
        score = np.array([trial.score for trial in found.values()])
        latency_us = np.array([trial.latency_us for trial in found.values()])
    search_s = time.monotonic() - start_s
    allowed = np.flatnonzero(latency_us <= problem.limit_us)
    if not len(allowed):
        raise ConfigurationError(
            f"none of the {len(indices):,} candidates meets {problem.limit_us / 1000:g} ms; the "
            f"fastest takes {latency_us.min() / 1000:.2f} ms; raise --budget-ms."
        )
    chosen = short_list(ground.space, indices[allowed], score[allowed], count)
    at = {number: row for row, number in enumerate(indices.tolist())}
    rows = [at[number] for number in chosen]
    return Shortened(walk, len(indices), search_s, chosen, score[rows], latency_us[rows])


def estimator_task(
    fitted: FittedStrategy, fitted_on: FittedOn, trainings: Trainings
) -> tuple[TaskEstimator, bool]:
    """The estimator of a search, and whether it is cheap enough for all of a space."""
    strategy = fitted.strategy
    if is_portable(strategy):
        return FittedEstimator(fitted, fitted_on), True

    def judge(design: Design) -> Judgement:
        evidence = trainings.evidence(design.architecture, strategy)
        (score,) = fitted.scores([evidence]).tolist()
        return Judgement(score)

    name = f"{strategy.name} by {fitted_on.samples} trainings, {fitted_on.task}-proxy"
    return GivenTask(name, judge, is_proxy=True), False
