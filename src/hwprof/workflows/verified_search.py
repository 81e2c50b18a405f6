"""A search whose winners are run: prediction inside the loop, the board at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hwprof.architecture import Architecture
from hwprof.search.candidate import Candidate
from hwprof.search.estimators import LatencyEstimate
from hwprof.search.exhaustive import ExhaustiveFront, exhaustive_front
from hwprof.search.loop import SearchOptions, pareto_front, run_search, settle
from hwprof.search.problem import Problem
from hwprof.search.results import Answers, Found, SearchResult
from hwprof.search.strategies import Strategy
from hwprof.search.study import Storage, open_study

Profile = Callable[[Architecture], LatencyEstimate]
"""Latency of one architecture, by running it; modelled or measured."""

Progress = Callable[[str, int, int], None]
"""Told what is going on, how many more are done, and how many there are in all."""

Helpers = Callable[[Callable[[int], None]], None]
"""Runs trials of the study in other processes; tells how many more are done."""


@dataclass(frozen=True, slots=True)
class _Reporter:
    progress: Progress | None

    def stage(self, name: str, total: int) -> Callable[[int], None]:
        """A listener for one stage."""

        def advance(count: int) -> None:
            if self.progress is not None:
                self.progress(name, count, total)

        return advance


def verified_search(
    problem: Problem,
    strategy: Strategy,
    options: SearchOptions,
    *,
    storage: Storage,
    profile: Profile | None = None,
    exhaustive: bool = True,
    helpers: Helpers | None = None,
    progress: Progress | None = None,
) -> SearchResult:
    """Search, compare with the whole space, and run the winners and the seed network.

    Args:
        problem: space, objectives and budget.
        strategy: how points are chosen.
        options: trials, seed and name of the study.
        storage: SQLite file or database of Optuna's that keeps the trials.
        profile: runs one architecture; None leaves winners as the search knew them.
        exhaustive: whether the estimators are cheap enough to ask of every architecture.
        helpers: run the trials; what they leave is done here.
        progress: called from this thread as the stages go on.

    Raises:
        ConfigurationError: nothing meets the budget, or the study belongs to another search.
        StoreError: the storage cannot be used.
        HwprofError: what ``profile`` raises; trials are kept.
    """
    report = _Reporter(progress)
    whole = _whole_space(problem, report) if exhaustive else None
    study = options.study_name(problem, strategy)
    advance = report.stage("search", options.trials)
    if helpers is not None:
        # Made before the helpers come: several that make tables at once get in each other's way.
        with open_study(problem, strategy, name=study, seed=options.seed, storage=storage):
            pass
        helpers(advance)
    trials = run_search(
        problem,
        strategy,
        options,
        storage=storage,
        progress=advance if helpers is None else None,
    )
    candidates = settle(problem, trials)
    front = pareto_front(problem, candidates)
    seed_network, *pareto = _run(
        problem, [problem.candidate(problem.space.seed_point), *front], profile, report=report
    )
    return SearchResult(
        space=problem.space.name,
        space_size=problem.space.size,
        sampler=strategy.full_name,
        study=study,
        trials=len(trials),
        distinct=len(candidates),
        latency=problem.latency.name,
        answers=Answers.of(candidates),
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
        found.append(_found(problem, candidate, profile))
        advance(1)
    return found


def _found(problem: Problem, candidate: Candidate, profile: Profile | None) -> Found:
    architecture = problem.space.architecture(candidate.point)
    (said,) = problem.latency.estimates([architecture])
    predicted = said if said.kind == "predicted" else None
    ran = None if candidate.kind == "predicted" else candidate.estimate
    if ran is None and profile is not None:
        ran = profile(architecture)
    return Found(
        arch=candidate.arch,
        predicted_us=predicted.latency_us if predicted else None,
        board_us=ran.latency_us if ran else None,
        board_kind=ran.kind if ran else None,
        task=candidate.score,
        task_name=problem.task.name,
        low_us=predicted.low_us if predicted else None,
        high_us=predicted.high_us if predicted else None,
        chance_within_budget=_chance(problem, ran or candidate.estimate),
        details=candidate.details,
        amounts=candidate.amounts,
    )


def _chance(problem: Problem, estimate: LatencyEstimate) -> float | None:
    return None if problem.budget_us is None else estimate.chance_within(problem.budget_us)
