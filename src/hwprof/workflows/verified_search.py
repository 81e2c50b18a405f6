"""A search whose winners are run: prediction inside the loop, the board at its end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwprof.architecture import Architecture
from hwprof.networks import person_detector
from hwprof.search.candidate import Candidate
from hwprof.search.estimators import PredictedLatency
from hwprof.search.exhaustive import ExhaustiveFront, exhaustive_front
from hwprof.search.loop import SearchOptions, pareto_front, run_search, settle
from hwprof.search.problem import Problem
from hwprof.search.results import Found, SearchResult
from hwprof.search.strategies import Strategy
from hwprof.surrogates.predict import Predictor

_DIGEST_DIGITS = 8

Profile = Callable[[Architecture], float]
"""Latency in microseconds of one architecture, by running it."""

Progress = Callable[[str, int, int], None]
"""Told what is going on, how many more are done, and how many there are in all."""


@dataclass(frozen=True, slots=True)
class _Reporter:
    progress: Progress | None

    def stage(self, name: str, total: int) -> Callable[[int], None]:
        """A listener for one stage."""

        def advance(count: int) -> None:
            if self.progress is not None:
                self.progress(name, count, total)

        return advance


def predicted_latency(predictor: Predictor, method: str) -> PredictedLatency:
    """A predictor as the latency estimator of a search."""
    context = predictor.context
    return PredictedLatency(
        f"{method} {_digest(predictor)} for {context.board} ({context.timing_model}, "
        f"{context.placement})",
        predictor.predict_many,
    )


def _digest(predictor: Predictor) -> str:
    """Tells one fit from another by what it says of the blocks of the person detector.

    A study keeps values of one fit; after another it must not go on with them.
    """
    prices = [block.latency_us for block in predictor.predict(person_detector()).blocks]
    return hashlib.sha256(repr(prices).encode()).hexdigest()[:_DIGEST_DIGITS]


def verified_search(
    problem: Problem,
    strategy: Strategy,
    options: SearchOptions,
    *,
    storage: Path,
    profile: Profile | None = None,
    exhaustive: bool = True,
    progress: Progress | None = None,
) -> SearchResult:
    """Search, compare with the whole space, and run the winners and the seed network.

    Args:
        problem: space, objectives and budget.
        strategy: how points are chosen.
        options: trials, seed and name of the study.
        storage: SQLite file of Optuna's that keeps the trials.
        profile: runs one architecture; None leaves winners predicted only.
        exhaustive: whether the estimators are cheap enough to ask of every architecture.
        progress: called from this thread as the stages go on.

    Raises:
        ConfigurationError: nothing meets the budget, or the study belongs to another search.
        StoreError: the storage cannot be used.
        HwprofError: what ``profile`` raises; trials are kept.
    """
    report = _Reporter(progress)
    whole = _whole_space(problem, report) if exhaustive else None
    trials = run_search(
        problem,
        strategy,
        options,
        storage=storage,
        progress=report.stage("search", options.trials),
    )
    front = pareto_front(problem, settle(problem, trials))
    seed_network, *pareto = _run(
        problem, [problem.candidate(problem.space.seed_point), *front], profile, report=report
    )
    return SearchResult(
        space=problem.space.name,
        space_size=problem.space.size,
        sampler=strategy.full_name,
        trials=len(trials),
        distinct=len({candidate.point for candidate in trials}),
        latency=problem.latency.name,
        task_is_proxy=problem.task.is_proxy,
        budget_us=problem.budget_us,
        seed_network=seed_network,
        pareto=tuple(pareto),
        exhaustive_front_size=len(whole.front()) if whole else None,
        hypervolume_share=whole.share(front) if whole else None,
    )


def _whole_space(problem: Problem, report: _Reporter) -> ExhaustiveFront:
    return exhaustive_front(problem, progress=report.stage("exhaustive", problem.space.size))


def _run(
    problem: Problem, candidates: Sequence[Candidate], profile: Profile | None, *, report: _Reporter
) -> list[Found]:
    advance = report.stage("verify", len(candidates))
    found = []
    for candidate in candidates:
        modelled_us = profile(problem.space.architecture(candidate.point)) if profile else None
        advance(1)
        found.append(
            Found(
                arch=candidate.arch,
                predicted_us=candidate.latency_us,
                modelled_us=modelled_us,
                task=candidate.score,
                task_name=problem.task.name,
            )
        )
    return found
