"""The search: a strategy proposes points, the estimators answer, the study remembers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.search.candidate import Candidate
from hwprof.search.decisions import possible_indices
from hwprof.search.front import pareto_indices
from hwprof.search.problem import Problem
from hwprof.search.spaces import Point
from hwprof.search.strategies import Strategy
from hwprof.search.study import Storage, open_study, origin
from hwprof.search.trials import finished
from hwprof.search.worker import Worker

DEFAULT_TRIALS = 120
_DIGEST_DIGITS = 8

Progress = Callable[[int], None]
"""Told how many more trials are done."""


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How long to search, and under which name it is kept.

    Attributes:
        trials: in all; those that the study holds already count.
        seed: with the same seed a search finds the same, interrupted or not.
        study: name in the storage; empty for one made of the search itself.
    """

    trials: int = DEFAULT_TRIALS
    seed: int = 0
    study: str = ""

    def __post_init__(self) -> None:
        if self.trials < 1 or self.seed < 0:
            raise ConfigurationError(
                "a search has at least 1 trial and a seed of at least 0; got "
                f"{self.trials} and {self.seed}."
            )

    def study_name(self, problem: Problem, strategy: Strategy) -> str:
        """Name under which the trials are kept.

        A name that is made up ends in a digest of all that the search is made of, so that
        another budget or a newly fitted surrogate begins a study of its own. It has letters,
        digits, dots and dashes only, so that it can be typed behind ``--study``.
        """
        if self.study:
            return self.study
        digest = hashlib.sha256(repr(origin(problem, strategy, self.seed)).encode()).hexdigest()
        parts = problem.space.name, strategy.name, problem.task.name, f"seed{self.seed}"
        name = "-".join((*parts, digest[:_DIGEST_DIGITS]))
        return re.sub(r"[^A-Za-z0-9.]+", "-", name)


def run_search(
    problem: Problem,
    strategy: Strategy,
    options: SearchOptions,
    *,
    storage: Storage,
    progress: Progress | None = None,
) -> tuple[Candidate, ...]:
    """Trials of a search in their order, those of an earlier run first.

    A point that was tried before is not evaluated again: its values are used once more.

    Raises:
        ConfigurationError: the study belongs to another search.
        StoreError: the storage cannot be used.
    """
    join_search(problem, strategy, options, storage=storage, progress=progress)
    name = options.study_name(problem, strategy)
    with open_study(problem, strategy, name=name, seed=options.seed, storage=storage) as study:
        return tuple(finished(study, problem.space)[: options.trials])


def join_search(
    problem: Problem,
    strategy: Strategy,
    options: SearchOptions,
    *,
    storage: Storage,
    worker: str = "",
    progress: Progress | None = None,
) -> None:
    """Run trials of a study until it has them all, alone or as one of several workers.

    Args:
        problem: what is searched.
        strategy: how points are chosen.
        options: trials, seed and name of the study.
        storage: an SQLite file or a database, the same for all workers.
        worker: tells this worker from others of the study, so that they draw apart; empty for a
            search that goes on after an interruption as if it had not been.
        progress: called from this thread.

    Raises:
        ConfigurationError: the study belongs to another search.
        StoreError: the storage cannot be used.
    """
    name = options.study_name(problem, strategy)
    with open_study(problem, strategy, name=name, seed=options.seed, storage=storage) as study:
        prepared = strategy.prepared(problem, options.trials)
        trials = min(options.trials, prepared.most_trials or options.trials)
        joined = Worker(study, problem, prepared, f"{options.seed}/{worker}".rstrip("/"))
        reported = 0
        while True:
            done = min(joined.refresh(), trials)
            if progress is not None:
                progress(done - reported)
            reported = done
            if done + joined.others_running >= trials:
                return
            joined.run_trial()


def settle(problem: Problem, trials: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The distinct candidates, those that may be on the front settled among each other.

    While a search runs, a candidate is settled among those before it; what came later may leave
    it open again.
    """
    settled = {candidate.point: candidate for candidate in trials}
    before: dict[Point, Candidate] = {}
    while before != settled:
        before = dict(settled)
        possible = {candidate.point: candidate for candidate in _possible(problem, before.values())}
        for point, candidate in possible.items():
            others = (other for other in possible.values() if other.point != point)
            possible[point] = settled[point] = problem.settled(candidate, others)
    return tuple(settled.values())


def _possible(problem: Problem, candidates: Iterable[Candidate]) -> list[Candidate]:
    candidates = [candidate for candidate in candidates if problem.fits(candidate)]
    rows = [(one.low_us, one.high_us, one.score) for one in candidates]
    return [
        candidates[index]
        for index in possible_indices(np.array(rows).reshape(-1, 3), problem.limit_us)
    ]


def pareto_front(problem: Problem, trials: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The solutions among the trials that no other beats, by latency.

    Raises:
        ConfigurationError: there are none; the message says the fastest.
    """
    allowed = [candidate for candidate in trials if problem.allows(candidate)]
    if not allowed:
        raise ConfigurationError(_no_solution(problem, trials))
    latency_us = np.array([candidate.latency_us for candidate in allowed])
    score = np.array([candidate.score for candidate in allowed])
    return tuple(allowed[index] for index in pareto_indices(latency_us, score))


def _no_solution(problem: Problem, trials: Sequence[Candidate]) -> str:
    if not trials:
        return (
            "a search has its front from finished trials; the study has none, as those of other "
            "workers still run; wait for them, or ask for more --trials."
        )
    wishes = [f"{limit.most:,.0f} {limit.name}" for limit in problem.limits]
    if problem.budget_us is not None:
        wishes.insert(0, f"{problem.budget_us / 1000:g} ms")
    fitting = [candidate for candidate in trials if problem.fits(candidate)] or trials
    fastest = min(fitting, key=lambda candidate: candidate.latency_us)
    amounts = "".join(f", {name} {amount:,.0f}" for name, amount in fastest.amounts.items())
    return (
        f"none of {len(trials)} trials meets {' and '.join(wishes)}; the fastest, {fastest.arch}, "
        f"takes {fastest.latency_us / 1000:.2f} ms by {problem.latency.name}{amounts}; raise the "
        "budget or the number of trials."
    )
