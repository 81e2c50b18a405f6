"""What a search by full training took and found, of a study and of samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwprof.networks import person_detector
from hwprof.search.estimators import GivenTask, Judgement, LatencyEstimator
from hwprof.search.loop import SearchOptions, run_search
from hwprof.search.problem import Limit, Problem
from hwprof.search.spaces import Dimension, SearchSpace
from hwprof.search.strategies import get_strategy
from hwprof.workflows.estimator_selection._full_search import (
    extrapolated_full_search,
    measured_full_search,
)


class Heads(SearchSpace):
    """Six heads of one detector."""

    name = "heads"

    @property
    def dimensions(self):
        return Dimension("k", ("2", "3", "4")), Dimension("c", ("24", "32"))

    @property
    def seed_point(self):
        return 1, 1

    def architecture(self, point):
        k, c = point
        return person_detector(k=2 + k, g=1, c=24 + 8 * c, width=224, aspect=0.5625)


def test_an_extrapolated_search_draws_from_the_samples():
    """Half of the samples are allowed, one in four is good enough; the best is expected."""
    quality = np.array([0.1, 0.4, 0.2, 0.9])
    found = extrapolated_full_search(quality, [True, True, False, False], n_trials=3, training_s=10)
    assert (found.origin, found.seconds) == ("extrapolated", (10, 20, 30))
    # Of 64 draws 37 have the 0.4 and 19 the 0.1 and no better; 8 have nothing allowed.
    assert found.best[-1] == pytest.approx((0.4 * 37 + 0.1 * 19) / 56)
    assert found.best[0] == pytest.approx(0.25)
    assert found.beyond_s == 15
    assert found.best_within(25) == found.best[1]
    assert found.best_within(5) is None
    assert (found.as_good(0.4), found.trainings_to(0.4), found.seconds_to(0.4)) == (1, 4, 40)
    assert (found.trainings_to(0.05), found.trainings_to(0.5)) == (2, None)
    assert found.seconds_to(0.5) is None
    none = extrapolated_full_search(quality, [False] * 4, n_trials=2, training_s=10)
    assert none.best == (None, None)
    assert found.winner is None


class Known(LatencyEstimator):
    """A microsecond for each hundred thousand multiply-accumulates."""

    name = "known"

    def latencies_us(self, architectures):
        return np.array([one.macs / 1e5 for one in architectures])


def problem_of(task="int8 AP50", *, budget_us=186.5, limits=()):
    """A search of the tiny space by a task estimator of that name."""
    return Problem(Heads(), GivenTask(task, lambda _: Judgement(0.5)), Known(), budget_us, limits)


def search_of(problem, storage, *, trials, seed=0, training_s=7.0):
    """Kept as a search keeps it; precision rises with each different design."""
    asked: list[str] = []

    def judge(design):
        asked.append(design.architecture.name)
        details = {"training_s": training_s, "evaluation_s": 1.0}
        return Judgement(0.1 * len(asked), details)

    trained = replace(problem, task=GivenTask(problem.task.name, judge))
    options = SearchOptions(trials=trials, seed=seed)
    return run_search(trained, get_strategy("random"), options, storage=storage)


def test_a_study_of_full_trainings_is_what_it_took(tmp_path):
    """The longest of the same problem; its seconds are those of its trainings and evaluations."""
    storage = tmp_path / "studies.sqlite"
    problem = problem_of()
    assert measured_full_search(storage, problem, 1) is None
    search_of(problem, storage, trials=2, seed=1)
    trials = search_of(problem, storage, trials=9, seed=2)
    assert measured_full_search(storage, problem, 10) is None
    found = measured_full_search(storage, problem, 9)
    assert found.origin == "measured"
    within = {trial.point: trial.latency_us <= 186.5 for trial in trials}
    assert len(found.seconds) == len(within) < 9
    asked_s = {trial.point: trial.latency_s for trial in trials}
    assert found.seconds[-1] == pytest.approx(8 * len(within) + sum(asked_s.values()))
    beyond = [point for point, ok in within.items() if not ok]
    assert found.beyond_s == pytest.approx(8 * len(beyond) + sum(asked_s[p] for p in beyond))
    allowed = [trial for trial in trials if within[trial.point]]
    best = max(allowed, key=lambda trial: trial.score)
    assert found.best[-1] == best.score
    assert found.winner == problem.space.index(best.point)
    assert found.trainings_to(best.score) == 1 + list(within).index(best.point)
    assert found.seconds_to(best.score) == found.seconds[list(within).index(best.point)]
    assert found.as_good(best.score) == 1
    assert len(measured_full_search(storage, problem, 3).seconds) <= 3
    assert found.as_good(0) == sum(within.values())


@pytest.mark.parametrize(
    "other",
    [
        problem_of("flops-proxy"),
        problem_of(budget_us=30.0),
        problem_of(limits=(Limit("peak_ram_bytes", 1e6, lambda _: 1.0),)),
    ],
)
def test_a_study_of_another_problem_is_none(tmp_path, other):
    """Its task, its budget and its limits are the problem's."""
    search_of(other, tmp_path / "studies.sqlite", trials=1)
    assert measured_full_search(tmp_path / "studies.sqlite", problem_of(), 1) is None


def test_a_file_that_is_no_study_is_none(tmp_path):
    """Then the search is extrapolated."""
    (tmp_path / "studies.sqlite").write_bytes(b"no database")
    assert measured_full_search(tmp_path / "studies.sqlite", problem_of(), 1) is None
