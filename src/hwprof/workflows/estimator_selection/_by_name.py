"""The selection as the command line runs it: everything by name, all of it resumable."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from hwprof.errors import ConfigurationError, PausedError
from hwprof.search.estimators import FloatArray, FlopsProxy
from hwprof.search.exhaustive import MOST_POINTS, exhaustive_front
from hwprof.search.performance import (
    FEWEST_CURVE_EPOCHS,
    PerformanceStrategy,
    get_strategy,
    strategies,
)
from hwprof.search.problem import Problem
from hwprof.search.selection import (
    FittedEstimator,
    FittedOn,
    Prices,
    Ranking,
    Sample,
    Scored,
    advise,
    best_portable,
    rank_strategies,
    require_budget,
)
from hwprof.search.spaces import get_space
from hwprof.search.training.parts import divide
from hwprof.workflows.estimator_selection._crew import Crew
from hwprof.workflows.estimator_selection._full_search import (
    FullSearch,
    extrapolated_full_search,
    measured_full_search,
)
from hwprof.workflows.estimator_selection._outcome import SecondStage, Selection
from hwprof.workflows.estimator_selection._records import SampleRecord
from hwprof.workflows.estimator_selection._request import (
    SelectionRequest,
    require_enough,
    require_room,
)
from hwprof.workflows.estimator_selection._second_stage import (
    Ground,
    Listed,
    Stage,
    estimator_task,
    shortened,
)
from hwprof.workflows.estimator_selection._trainings import EARLY, TrainingPlan, Trainings
from hwprof.workflows.search_latency import SearchBoard, get_latency
from hwprof.workflows.trained_tasks import get_effort
from hwprof.workspace import Workspace

Paused = Callable[[], bool]
"""Whether somebody wishes to pause."""


def select_estimator(
    request: SelectionRequest, workspace: Workspace, *, stage: Stage, is_paused: Paused
) -> Selection:
    """Both stages; what was trained before is not trained again.

    Raises:
        UnknownNameError: no such space or strategy.
        ConfigurationError: a space of no detectors, too few samples, all of one precision, nothing
            within the budget.
        PausedError: somebody wished to pause.
        ArtefactError: no surrogate fits the target.
    """
    return _Selector(request, workspace, stage, is_paused).run()


class _Selector:
    """One selection, stage by stage; what cannot end well is refused before anything is trained."""

    def __init__(
        self, request: SelectionRequest, workspace: Workspace, stage: Stage, is_paused: Paused
    ) -> None:
        self._request, self._workspace = request, workspace
        self._stage, self._is_paused = stage, is_paused
        self._space = get_space(request.space)
        self._early = get_effort(EARLY).recipe(request.training.recipe).epochs
        # Learning curves are looked at as far as the early training goes, or as far as they must.
        self._early = max(self._early, FEWEST_CURVE_EPOCHS)
        self._strategies = _strategies(request.strategies, self._early)
        self._numbers = self._drawn()
        self._designs = list(self._space.architectures(self._numbers))
        self._ground = self._made_ground()
        self._check()
        plan = _plan(request, workspace, self._strategies)
        self._trainings = Trainings(plan)
        self._crew = Crew(plan, self._trainings, workers=request.workers, is_paused=is_paused)

    def run(self) -> Selection:
        """Train the samples, rank, search, train the short list, and add up."""
        request, designs = self._request, self._designs
        records = self._crew.samples(designs, self._stage("samples", len(designs)))
        samples = [r.sample(d, self._early) for r, d in zip(records, designs, strict=True)]
        ended = [r.full.seconds for r in records if not r.full.diverged]
        prices = Prices(
            self._space.size,
            float(np.mean(ended or [r.full.seconds for r in records])),
            request.n_trials,
            request.short_list,
        )
        ranking = rank_strategies(
            samples,
            self._strategies,
            prices,
            strict=bool(request.strategies),
            seed=request.seed,
        )
        saved_name, saved = self._save(ranking, samples)
        return Selection(
            space=self._space.name,
            task=self._trainings.task_name,
            ranking=ranking,
            samples_s=sum(record.full.seconds for record in records),
            judging_s=sum(record.judging_s for record in records),
            n_diverged=len(records) - len(ended),
            advice=advise(prices, budget_s=request.budget_s, ranking=ranking),
            second=self._second(ranking, samples, records) if request.stage_two else None,
            saved=saved,
            saved_name=saved_name,
        )

    def _check(self) -> None:
        """Refuse what could only end badly."""
        request = self._request
        require_budget(request.budget_s)
        require_room(self._output)
        for design in self._designs:
            divide(design)
        for strategy in self._strategies if request.strategies else ():
            require_enough(strategy, request)
        if request.stage_two and self._space.size <= MOST_POINTS:
            # Refuses a budget that nothing meets.
            exhaustive_front(
                self._ground.problem(FlopsProxy()), progress=self._stage("budget", self._space.size)
            )

    def _drawn(self) -> list[int]:
        """Numbers of the samples in the space."""
        count, space = self._request.samples, self._space
        if count > space.size:
            raise ConfigurationError(
                f"samples are different architectures, and {space.name} has {space.size:,}; got "
                f"--samples {count}; take fewer."
            )
        return random.Random(self._request.seed).sample(range(space.size), count)

    def _second(
        self, ranking: Ranking, samples: Sequence[Sample], records: Sequence[SampleRecord]
    ) -> SecondStage:
        chosen, prices = ranking.chosen, ranking.prices
        fitted = chosen.strategy.fit([s.evidence for s in samples], _quality(samples))
        found = shortened(
            self._ground,
            estimator_task(fitted, self._fitted_on(chosen, ranking), self._trainings),
            prices.list_size(chosen.tau),
            asks_all=prices.asks_all(chosen.strategy),
            workspace=self._workspace,
            stage=self._pausable,
        )
        designs = list(self._space.architectures(found.indices))
        trained = self._crew.full(designs, self._stage("short list", len(designs)))
        rows = zip(designs, found.indices, found.score, found.latency_us, trained, strict=True)
        listed = tuple(
            Listed(design.name, index, float(score), float(latency_us), one)
            for design, index, score, latency_us, one in rows
        )
        known = self._known(records)
        within = [one for one in known if one.latency_us <= self._problem.limit_us]
        best = max((*listed, *within), key=lambda one: one.trained.ap50_int8)
        full = self._full_search(prices, known)
        return SecondStage(
            estimator=chosen.strategy.title,
            budget_us=self._request.budget_us,
            walk=found.walk,
            queries=found.queries,
            search_s=found.search_s,
            after_s=sum(one.seconds for one in trained),
            samples_s=sum(one.trained.seconds for one in known if one.index not in found.indices),
            listed=listed,
            best=best,
            reported=self._reported(best.index),
            full_search=full,
            full_reported=None if full.winner is None else self._reported(full.winner),
        )

    @property
    def _problem(self) -> Problem:
        """The search by full training."""
        return self._ground.problem(self._trainings.full_task)

    def _known(self, records: Sequence[SampleRecord]) -> list[Listed]:
        """The samples."""
        latency_us = self._ground.latency.latencies_us(self._designs).tolist()
        rows = zip(self._designs, self._numbers, latency_us, records, strict=True)
        return [Listed(design.name, number, None, us, one.full) for design, number, us, one in rows]

    def _full_search(self, prices: Prices, known: Sequence[Listed]) -> FullSearch:
        problem = self._problem
        measured = measured_full_search(self._workspace.studies, problem, prices.n_trials)
        if measured is not None:
            return measured
        return extrapolated_full_search(
            np.array([one.trained.ap50_int8 for one in known]),
            [one.latency_us <= problem.limit_us for one in known],
            n_trials=prices.trials,
            training_s=prices.training_s,
        )

    def _reported(self, index: int) -> float:
        """Precision on the pictures that nothing was chosen by."""
        (architecture,) = self._space.architectures([index])
        return self._trainings.reported(architecture)

    def _pausable(self, name: str, total: int) -> Callable[[int], None]:
        """A stage that ends between two steps where somebody wishes to pause."""
        done = self._stage(name, total)

        def advance(count: int) -> None:
            done(count)
            if self._is_paused():
                raise PausedError(
                    f"paused in the {name} of stage two; all of it is kept, and the same command "
                    "goes on."
                )

        return advance

    def _save(self, ranking: Ranking, samples: Sequence[Sample]) -> tuple[str, Path | None]:
        """Keep the best estimator that a file can hold, the top group first."""
        row = best_portable((*ranking.top, *ranking.scored))
        if row is None:
            return "", None
        fitted = row.strategy.fit([s.evidence for s in samples], _quality(samples))
        FittedEstimator(fitted, self._fitted_on(row, ranking)).save(self._output)
        return row.strategy.title, self._output

    @property
    def _output(self) -> Path:
        """File of the fitted estimator."""
        return self._request.output or self._workspace.root / "estimators" / "estimator.json"

    def _fitted_on(self, row: Scored, ranking: Ranking) -> FittedOn:
        space, task = self._space, self._trainings.task_name
        return FittedOn(space.name, space.fingerprint, task, ranking.n_samples, row.tau)

    def _made_ground(self) -> Ground:
        request = self._request
        board = SearchBoard(request.setup)  # opened by nobody: latencies are predicted
        latency = get_latency(request.latency, board, self._workspace)
        return Ground(self._space, latency, request.budget_us, request.n_trials, request.seed)


def _strategies(names: Sequence[str], early: int) -> tuple[PerformanceStrategy, ...]:
    if names:
        return tuple(get_strategy(name, early) for name in dict.fromkeys(names))
    return tuple(strategies(early).values())


def _plan(
    request: SelectionRequest, workspace: Workspace, chosen: Sequence[PerformanceStrategy]
) -> TrainingPlan:
    return TrainingPlan(
        request.training,
        workspace,
        request.scheme,
        asked=tuple(s.name for s in chosen if s.needs.probe and not s.needs.samples),
        is_early_wanted=any(s.needs.validation for s in chosen),
    )


def _quality(samples: Sequence[Sample]) -> FloatArray:
    return np.array([sample.quality for sample in samples], np.float64)
