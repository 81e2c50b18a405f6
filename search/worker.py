"""One of the processes that run trials of a study."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hwprof.search.candidate import Candidate
from hwprof.search.liveness import release_lost, sign
from hwprof.search.problem import Problem
from hwprof.search.spaces import Point
from hwprof.search.strategies import Strategy
from hwprof.search.trials import candidate_of, record, suggest

if TYPE_CHECKING:
    import optuna


class Worker:
    """Runs trials of one study, one after the other, and knows what others finished.

    Args:
        study: opened by this process.
        problem: what is searched.
        strategy: prepared for the problem.
        seed: text in which all its draws begin.
    """

    def __init__(
        self, study: optuna.Study, problem: Problem, strategy: Strategy, seed: str
    ) -> None:
        self._study = study
        self._problem = problem
        self._strategy = strategy
        self._seed = seed
        self._known: dict[Point, Candidate] = {}
        self._seen: set[int] = set()
        self.others_running = 0

    def refresh(self) -> int:
        """Take note of what others finished or left; returns how many trials are complete."""
        from optuna.trial import TrialState

        release_lost(self._study)
        trials = self._study.get_trials(
            deepcopy=False, states=(TrialState.COMPLETE, TrialState.RUNNING)
        )
        complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        self.others_running = len(trials) - len(complete)
        for trial in complete:
            if trial.number not in self._seen:
                self._seen.add(trial.number)
                candidate = candidate_of(trial, self._problem.space)
                self._known.setdefault(candidate.point, candidate)
        return len(complete)

    def run_trial(self) -> None:
        """Choose, evaluate and store one candidate; a trial that breaks off is kept as failed."""
        from optuna.trial import TrialState

        self._study.sampler = self._strategy.sampler(_trial_seed(self._seed, len(self._seen)))
        trial = self._study.ask()
        try:
            sign(trial)
            candidate = self._candidate(suggest(trial, self._problem.space))
            record(trial, candidate, self._problem)
        except BaseException:
            self._study.tell(trial, state=TrialState.FAIL)
            raise
        self._study.tell(trial, [candidate.latency_us, candidate.score])

    def _candidate(self, point: Point) -> Candidate:
        known = self._known
        return known.get(point) or self._problem.candidate(point, known.values())


def _trial_seed(seed: str, trial: int) -> int:
    """A seed for each trial, so that one that follows an interruption draws what it would have."""
    digest = hashlib.sha256(f"{seed}/{trial}".encode()).digest()
    return int.from_bytes(digest[:4], "little")
