"""The search: a strategy proposes points, the estimators answer, the study remembers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.search.decisions import possible_indices
from hwprof.search.front import pareto_indices
from hwprof.search.problem import Candidate, Problem
from hwprof.search.spaces import Point
from hwprof.search.strategies import Strategy, constrain
from hwprof.search.study import finished, open_study, origin, record, suggest

if TYPE_CHECKING:
    import optuna

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
        another budget or a newly fitted surrogate begins a study of its own.
        """
        if self.study:
            return self.study
        digest = hashlib.sha256(repr(origin(problem, strategy, self.seed)).encode()).hexdigest()
        parts = problem.space.name, strategy.name, problem.task.name, f"seed{self.seed}"
        return "-".join((*parts, digest[:_DIGEST_DIGITS]))


def run_search(
    problem: Problem,
    strategy: Strategy,
    options: SearchOptions,
    *,
    storage: Path,
    progress: Progress | None = None,
) -> tuple[Candidate, ...]:
    """Trials of a search in their order, those of an earlier run first.

    A point that was tried before is not evaluated again: its values are used once more.

    Raises:
        ConfigurationError: the study belongs to another search.
        StoreError: the storage cannot be used.
    """
    name = options.study_name(problem, strategy)
    with open_study(problem, strategy, name=name, seed=options.seed, storage=storage) as study:
        worker = _Worker(study, problem, strategy, options.seed)
        for trial in range(options.trials):
            if trial >= worker.done:
                worker.run_trial()
            if progress is not None:
                progress(1)
        return tuple(finished(study, problem.space)[: options.trials])


class _Worker:
    """Runs trials of one study, one after the other."""

    def __init__(
        self, study: optuna.Study, problem: Problem, strategy: Strategy, seed: int
    ) -> None:
        self._study = study
        self._problem = problem
        self._strategy = strategy
        self._seed = seed
        before = finished(study, problem.space)
        self._known = {candidate.point: candidate for candidate in before}
        self.done = len(before)

    def run_trial(self) -> None:
        """Choose, evaluate and store one candidate; a trial that breaks off is kept as failed."""
        from optuna.trial import TrialState

        self._study.sampler = self._strategy.sampler(_trial_seed(self._seed, self.done))
        trial = self._study.ask()
        try:
            candidate = self._candidate(suggest(trial, self._problem.space))
        except BaseException:
            self._study.tell(trial, state=TrialState.FAIL)
            raise
        record(trial, candidate, self._problem.budget_us)
        if self._problem.budget_us is not None:
            constrain(trial, candidate.latency_us - self._problem.budget_us)
        self._study.tell(trial, [candidate.latency_us, candidate.score])
        self._known[candidate.point] = candidate
        self.done += 1

    def _candidate(self, point: Point) -> Candidate:
        known = self._known
        return known.get(point) or self._problem.candidate(point, known.values())


def _trial_seed(seed: int, trial: int) -> int:
    """A seed for each trial, so that one that follows an interruption draws what it would have."""
    digest = hashlib.sha256(f"{seed}/{trial}".encode()).digest()
    return int.from_bytes(digest[:4], "little")


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
    candidates = list(candidates)
    rows = [(one.low_us, one.high_us, one.score) for one in candidates]
    return [candidates[index] for index in possible_indices(np.array(rows), problem.limit_us)]


def pareto_front(problem: Problem, trials: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The trials within the budget that no other beats, by latency.

    Raises:
        ConfigurationError: none of them meets the budget; the message says the fastest.
    """
    allowed = [candidate for candidate in trials if candidate.latency_us <= problem.limit_us]
    if not allowed:
        fastest = min(trials, key=lambda candidate: candidate.latency_us)
        raise ConfigurationError(
            f"none of {len(trials)} trials meets {problem.limit_us / 1000:g} ms; the fastest, "
            f"{fastest.arch}, takes {fastest.latency_us / 1000:.2f} ms by {problem.latency.name}; "
            "raise the budget or the number of trials."
        )
    latency_us = np.array([candidate.latency_us for candidate in allowed])
    score = np.array([candidate.score for candidate in allowed])
    return tuple(allowed[index] for index in pareto_indices(latency_us, score))
