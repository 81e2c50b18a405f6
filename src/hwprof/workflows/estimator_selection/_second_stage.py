"""Stage two: the space by the chosen estimator, and a short list trained fully."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
from hwprof.search.selection import (
    EXHAUSTIVE,
    SAMPLED,
    FittedEstimator,
    FittedOn,
    is_portable,
    short_list,
)
from hwprof.search.spaces import SearchSpace
from hwprof.search.strategies import get_strategy
from hwprof.workflows.estimator_selection._records import Trained
from hwprof.workflows.estimator_selection._trainings import Trainings
from hwprof.workspace import Workspace

Stage = Callable[[str, int], Callable[[int], None]]
"""Begins a stage of so many steps; what it returns is told how many more are done."""

_QUERY_S = "query_s"
"""Of a trial's details: a search that goes on counts what it paid before."""


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
    """A design that was trained fully.

    Attributes:
        score: by the estimator; None of a sample, which it learned from or was judged by.
        latency_us: predicted.
        trained: its full training.
    """

    arch: str
    index: int
    score: float | None
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
    asks_all: bool,
    workspace: Workspace,
    stage: Stage,
) -> Shortened:
    """Search the space and choose the short list.

    Args:
        count: candidates on the list.
        asks_all: whether the estimator is asked of every architecture.
        stage: may raise, between two queries; those before it are kept.

    Raises:
        ConfigurationError: nothing meets the budget.
    """
    problem = ground.problem(task)
    asked = _all(problem, stage) if asks_all else _sampled(ground, problem, workspace, stage)
    allowed = np.flatnonzero(asked.latency_us <= problem.limit_us)
    if not len(allowed):
        raise ConfigurationError(
            f"none of the {len(asked.indices):,} candidates meets {problem.limit_us / 1000:g} ms; "
            f"the fastest takes {asked.latency_us.min() / 1000:.2f} ms; raise --budget-ms, or "
            "give --no-stage-two."
        )
    chosen = short_list(ground.space, asked.indices[allowed], asked.score[allowed], count)
    at = {number: row for row, number in enumerate(asked.indices.tolist())}
    rows = [at[number] for number in chosen]
    return Shortened(
        EXHAUSTIVE if asks_all else SAMPLED,
        len(asked.indices),
        asked.seconds,
        chosen,
        asked.score[rows],
        asked.latency_us[rows],
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """Different designs, and what was said of them: (n,) each."""

    indices: npt.NDArray[np.int64]
    score: FloatArray
    latency_us: FloatArray
    seconds: float


def _all(problem: Problem, stage: Stage) -> _Asked:
    size = problem.space.size
    start_s = time.monotonic()
    whole = exhaustive_front(problem, progress=stage("search", size))
    seconds = time.monotonic() - start_s
    return _Asked(np.arange(size), whole.score, whole.latency_us, seconds)


def _sampled(ground: Ground, problem: Problem, workspace: Workspace, stage: Stage) -> _Asked:
    trials = run_search(
        problem,
        get_strategy(SAMPLED),
        SearchOptions(trials=ground.n_trials, seed=ground.seed),
        storage=workspace.studies,
        progress=stage("search", ground.n_trials),
    )
    found = {ground.space.index(trial.point): trial for trial in trials}
    return _Asked(
        np.array(list(found)),
        np.array([trial.score for trial in found.values()]),
        np.array([trial.latency_us for trial in found.values()]),
        sum(float(t.details.get(_QUERY_S, 0)) + t.latency_s for t in found.values()),
    )


def estimator_task(
    fitted: FittedStrategy, fitted_on: FittedOn, trainings: Trainings
) -> TaskEstimator:
    """The estimator of a search."""
    strategy = fitted.strategy
    if is_portable(strategy):
        return FittedEstimator(fitted, fitted_on)

    def judge(design: Design) -> Judgement:
        query = trainings.query(design.architecture, fitted)
        return Judgement(query.score, {_QUERY_S: query.seconds})

    name = f"{strategy.name} by {fitted_on.samples} trainings, {fitted_on.task}-proxy"
    return GivenTask(name, judge, is_proxy=True)
