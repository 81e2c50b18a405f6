"""What a search will cost, and what is suggested where that is too much."""

import pytest

from hwprof.search.planner import Plan, TaskCost, advice, minutes, trained_costs

SHARES = {"full": 1.0, "early": 0.2}
FULL, EARLY = trained_costs("full", training_s=100.0, evaluation_s=10.0, shares=SHARES)
PROXY = TaskCost("proxy", 0.0)


def test_trainings_cost_in_proportion_to_their_epochs():
    """A fifth of the epochs is a fifth of the training and a whole evaluation."""
    assert TaskCost("full", 110.0, is_timed=True) == FULL
    assert TaskCost("early", 30.0) == EARLY


def test_a_cost_is_extrapolated_upwards_too():
    """Timed with a fifth, a whole training takes five times as long."""
    costs = trained_costs("early", training_s=20.0, evaluation_s=10.0, shares=SHARES)
    assert costs == (TaskCost("full", 110.0), TaskCost("early", 30.0, is_timed=True))


def test_workers_share_the_cost():
    """120 trials of 110 s by two workers are 110 minutes, and the sentence says how."""
    plan = Plan(FULL, 120, workers=2)
    assert plan.seconds == 6600
    assert plan.sentence() == "120 trials x 110.0 s by full (timed) / 2 workers: 1.8 h"


@pytest.mark.parametrize(
    ("budget_s", "sentence"),
    [
        (13_200, ""),
        (13_199, "3.7 h are less than this search takes; --task early fits"),
        (60, "60 s are less than this search takes; --task proxy fits, with 120 trials x 0.0 s"),
    ],
)
def test_the_dearest_estimator_that_fits_is_suggested(budget_s, sentence):
    """What is nearest to a full training and within the time, or nothing if the search fits."""
    assert advice(Plan(FULL, 120), (FULL, EARLY, PROXY), budget_s).startswith(sentence)
    assert bool(advice(Plan(FULL, 120), (FULL, EARLY, PROXY), budget_s)) == bool(sentence)


def test_without_anything_cheaper_fewer_trials_are_suggested():
    """The number that the time is enough for, at least one."""
    assert advice(Plan(EARLY, 120), (FULL, EARLY), 300).endswith("--trials 10 does about")
    assert advice(Plan(EARLY, 120), (), 1).endswith("--trials 1 does about")


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "5 s"), (89, "89 s"), (90, "2 min"), (7200, "2.0 h")]
)
def test_durations_are_said_as_people_do(seconds, words):
    """Seconds, minutes or hours."""
    assert minutes(seconds) == words
