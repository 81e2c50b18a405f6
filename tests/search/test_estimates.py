"""Latencies with intervals: the chance of meeting a budget, and what a board is asked for."""

import math
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.errors import ConfigurationError
from hwprof.networks import person_detector
from hwprof.search.design import Design
from hwprof.search.estimators import (
    BoardLatency,
    GivenLatency,
    GivenTask,
    Judgement,
    LatencyEstimate,
    PredictedLatency,
    SettledLatency,
)

NETWORKS = [person_detector(), person_detector(c=24)]
ESTIMATES = st.builds(
    lambda latency_us, below, above: LatencyEstimate(
        latency_us, latency_us / below, latency_us * above, 0.9, "predicted"
    ),
    st.floats(1, 1e6),
    st.floats(1.001, 2),
    st.floats(1.001, 2),
)


@dataclass
class Predicted:
    """What a predictor answers: 5 % below to 10 % above, at 90 %."""

    latency_us: list
    interval_level: float = 0.9

    @property
    def low_us(self):
        return [0.95 * latency_us for latency_us in self.latency_us]

    @property
    def high_us(self):
        return [1.1 * latency_us for latency_us in self.latency_us]


def predict(architectures):
    """A nanosecond for each MAC."""
    return Predicted([1e-3 * architecture.macs for architecture in architectures])


class CountingBoard:
    """A board that takes 4 ns for each MAC and remembers what it ran."""

    def __init__(self) -> None:
        self.ran = []

    def __call__(self, architecture) -> float:
        self.ran.append(architecture.name)
        return 4e-3 * architecture.macs


@pytest.fixture
def board():
    """A board and what it ran."""
    return CountingBoard()


@settings(max_examples=100, deadline=None)
@given(estimate=ESTIMATES)
def test_the_interval_holds_its_level(estimate):
    """Half of the level lies on each side of the estimate, which is the median."""
    chances = [
        estimate.chance_within(at)
        for at in (estimate.low_us, estimate.latency_us, estimate.high_us)
    ]
    assert chances == pytest.approx([0.05, 0.5, 0.95], abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(estimate=ESTIMATES, factors=st.tuples(st.floats(0.1, 5), st.floats(0.1, 5)))
def test_a_larger_budget_is_no_less_likely_met(estimate, factors):
    """The chance grows with the budget, from 0 to 1."""
    small, large = sorted(factor * estimate.latency_us for factor in factors)
    chances = estimate.chance_within(small), estimate.chance_within(large)
    assert 0 <= chances[0] <= chances[1] <= 1


@pytest.mark.parametrize(("budget_us", "chance"), [(0, 0), (-1, 0), (99.9, 0), (100, 1), (1e9, 1)])
def test_what_a_board_said_meets_a_budget_or_does_not(budget_us, chance):
    """A latency without an interval is a step."""
    assert LatencyEstimate.exactly(100.0, "modelled").chance_within(budget_us) == chance


@pytest.mark.parametrize(
    ("low_us", "high_us", "level"),
    [(101, 110, 0.9), (90, 99, 0.9), (0, 110, 0.9), (90, math.inf, 0.9), (90, 110, 1.5)],
)
def test_an_estimate_lies_in_its_interval(low_us, high_us, level):
    """An interval beside its latency, without end or of no share is refused."""
    with pytest.raises(ConfigurationError, match="inside its interval, at a level from 0 to 1"):
        LatencyEstimate(100.0, low_us, high_us, level, "predicted")


def test_predictions_bring_their_intervals():
    """Medians, ends and level are the prediction's, and it is called a prediction."""
    first, second = PredictedLatency("mine", predict).estimates(NETWORKS)
    assert first.latency_us == 1e-3 * NETWORKS[0].macs > second.latency_us
    assert (first.low_us, first.high_us) == (0.95 * first.latency_us, 1.1 * first.latency_us)
    assert (first.level, first.kind) == (0.9, "predicted")


def test_a_function_of_latencies_knows_no_interval():
    """Numbers that come alone are points."""
    (estimate,) = GivenLatency("mine", lambda _: [7.0]).estimates(NETWORKS[:1])
    assert estimate == LatencyEstimate.exactly(7.0, "predicted")


def test_a_board_runs_an_architecture_once(board):
    """Asked again, in whatever company, it answers from memory, and says what kind of board."""
    latency = BoardLatency("board", board, "modelled")
    latency.latencies_us(NETWORKS)
    estimates = latency.estimates([*NETWORKS, NETWORKS[0]])
    assert [estimate.kind for estimate in estimates] == ["modelled"] * 3
    assert latency.runs == len(board.ran) == 2


@pytest.mark.parametrize("is_decided", [True, False])
def test_the_board_settles_what_a_prediction_leaves_open(board, is_decided):
    """Decided candidates keep their prediction; the others are run."""
    latency = SettledLatency(PredictedLatency("p", predict), BoardLatency("b", board, "modelled"))
    (predicted,) = latency.estimates(NETWORKS[:1])
    settled = latency.settle(NETWORKS[0], predicted, lambda _: is_decided)
    assert settled.kind == ("predicted" if is_decided else "modelled")
    assert len(board.ran) == (not is_decided)
    assert latency.name == "p + b"
    assert latency.latencies_us(NETWORKS[:1]).tolist() == [predicted.latency_us]


def test_other_estimators_settle_for_what_they_said(board):
    """Without a board behind it an estimate stays as it is."""
    latency = PredictedLatency("p", predict)
    (predicted,) = latency.estimates(NETWORKS[:1])
    assert latency.settle(NETWORKS[0], predicted, lambda _: False) is predicted


def test_a_task_comes_in_as_a_function():
    """Score and details are the function's, one by one or in a row."""
    task = GivenTask("macs", lambda design: Judgement(design.architecture.macs, {"epochs": 3}))
    designs = [Design(network) for network in NETWORKS]
    assert task.judge(designs[0]) == Judgement(NETWORKS[0].macs, {"epochs": 3})
    assert task.scores(designs).tolist() == [network.macs for network in NETWORKS]
    assert not task.is_proxy


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_score_is_a_number(score):
    """A training that diverged is no score."""
    with pytest.raises(ConfigurationError, match="owes a finite score"):
        Judgement(score)
