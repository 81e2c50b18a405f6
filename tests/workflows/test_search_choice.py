"""Winners of a search are chosen by rules that anybody can check."""

from __future__ import annotations

from hwprof.networks import person_detector
from hwprof.search.candidate import Candidate
from hwprof.search.estimators import LatencyEstimate
from hwprof.workflows.search_outcome._choice import Chooser


def candidate(number, latency_us, score):
    """A trial whose latency is known exactly."""
    estimate = LatencyEstimate.exactly(latency_us, "predicted")
    return Candidate((number,), str(number), estimate, score, {})


SEED = candidate(0, 200.0, 0.5)
CHOOSER = Chooser(
    architecture=lambda one: person_detector(c=24 + one.point[0]),
    board_us=lambda architecture: {24: 200.0, 25: 100.0, 26: 130.0, 27: 250.0, 28: 180.0}[
        int(architecture.name.partition("c=")[2].partition(",")[0])
    ],
)


def chosen(*trials: Candidate, budget_us=None):
    """Point of each winner by the rules that chose it."""
    return {one.candidate.point[0]: one.why for one in CHOOSER.winners(trials, SEED, budget_us)}


def test_each_rule_chooses_its_best():
    """The budget, the 40 %, and the fastest of the faster that are no worse."""
    fast, slow, equal = candidate(1, 100.0, 0.3), candidate(2, 130.0, 0.4), candidate(4, 180.0, 0.5)
    assert chosen(fast, slow, equal, budget_us=140.0) == {
        2: "best within the budget",
        1: "best at least 40 % faster than the seed",
        4: "fastest of those faster and no worse than the seed on val-A",
    }


def test_one_that_is_slower_than_the_seed_is_no_winner():
    """A better precision does not make it faster."""
    assert chosen(candidate(3, 250.0, 0.9)) == {}


def test_the_board_says_who_meets_a_limit():
    """A prediction within the budget does not help where the board is above it."""
    assert 2 not in chosen(candidate(2, 110.0, 0.4), candidate(1, 100.0, 0.3), budget_us=120.0)
