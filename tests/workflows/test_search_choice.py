"""Winners are chosen by stated rules, baselines are the seed's head made as fast, on the board."""

from __future__ import annotations

import pytest

from hwprof.errors import ConfigurationError
from hwprof.networks import mobilenet_v1, person_detector
from hwprof.networks.person_detector import legal_sizes
from hwprof.search.estimators import LatencyEstimate
from hwprof.search.problem import Candidate
from hwprof.workflows.search_outcome._choice import Chooser, baseline
from hwprof.workflows.search_outcome._shapes import Shape

SEED = person_detector()


def _candidate(name: str, predicted_us: float, score: float) -> Candidate:
    estimate = LatencyEstimate(
        predicted_us, 0.9 * predicted_us, 1.1 * predicted_us, 0.9, "predicted"
    )
    return Candidate((*name.encode(),), name, estimate, score)


SEED_TRIAL = _candidate("seed", 200.0, 0.44)
TRIALS = (
    _candidate("slow", 180.0, 0.46),
    _candidate("optimistic", 99.0, 0.42),  # the board says 101
    _candidate("lucky", 101.0, 0.41),  # the board says 99
    _candidate("within", 95.0, 0.40),
    _candidate("equal", 150.0, 0.44),
    _candidate("fast", 60.0, 0.30),
)
BOARD_US = {
    "seed": 200.0, "slow": 180.0, "optimistic": 101.0, "lucky": 99.0, "within": 95.0,
    "equal": 150.0, "fast": 60.0,
}  # fmt: skip


@pytest.fixture
def asked():
    """Names that the board was asked for."""
    return []


@pytest.fixture
def chooser(asked):
    """Chooses by the board's table; architectures stand for themselves."""

    def board_us(name):
        asked.append(name)
        return BOARD_US[name]

    return Chooser(lambda one: one.arch, board_us)


def test_the_board_decides_who_meets_the_budget(chooser):
    """Neither a prediction below the budget nor one above it decides, if the interval straddles."""
    winners = chooser.winners(TRIALS, SEED_TRIAL, budget_us=100.0)
    assert [(one.candidate.arch, one.why) for one in winners] == [
        ("lucky", "best within the budget"),
        ("optimistic", "best at least 40 % faster than the seed"),
        ("equal", "fastest of those faster and no worse than the seed on val-A"),
    ]


def test_what_is_surely_too_slow_is_not_run(chooser, asked):
    """The board is not asked for candidates whose interval lies above every limit."""
    chooser.winners(TRIALS, SEED_TRIAL, budget_us=100.0)
    assert {"slow", "equal"}.isdisjoint(asked)


def test_one_detector_may_win_by_several_rules(chooser):
    """It gets one row, and both reasons."""
    (first, _) = chooser.winners(TRIALS, SEED_TRIAL, budget_us=110.0)
    assert first.candidate.arch == "optimistic"
    assert first.why == "best within the budget; best at least 40 % faster than the seed"


def test_the_seed_is_no_winner(chooser):
    """A search that found nothing better has no winners."""
    assert chooser.winners((SEED_TRIAL,), SEED_TRIAL, budget_us=300.0) == ()


def test_one_that_is_slower_than_the_seed_is_no_winner(chooser):
    """A better precision does not make it faster."""
    slower = _candidate("slower", 250.0, 0.9)
    assert chooser.winners((slower,), SEED_TRIAL, budget_us=None) == ()


def test_a_limit_that_nobody_meets_has_no_winner(chooser):
    """Only the rule without a limit chooses."""
    winners = chooser.winners(TRIALS[:1], SEED_TRIAL, budget_us=10.0)
    assert [one.candidate.arch for one in winners] == ["slow"]


def test_the_baseline_is_the_largest_input_that_is_fast_enough():
    """The board has the last word; estimates only leave out what is far too slow."""
    asked = []

    def board_us(architecture):
        asked.append(architecture.name)
        return 2e-3 * architecture.macs

    limit_us = 1.2e-3 * SEED.macs
    found = baseline(SEED, limit_us, board_us, lambda one: 1.9e-3 * one.macs)
    assert found is not None
    assert 2e-3 * found.macs <= limit_us
    assert Shape.of(found).head == (5, 1, 96)
    better = [
        one
        for one in map(Shape.of(SEED).at, {(s.height, s.width) for s in legal_sizes()})
        if 2e-3 * one.macs <= limit_us
    ]
    areas = [height * width for height, width in (Shape.of(one).size for one in better)]
    height, width = Shape.of(found).size
    assert height * width == max(areas)
    assert len(asked) < 40
    assert baseline(SEED, 1.0, board_us, board_us) is None


def test_a_detector_is_its_head_at_its_input():
    """Taken apart and put together it is the same detector, for every input of the space."""
    detector = person_detector(k=3, g=4, c=48, width=256, aspect=0.75)
    shape = Shape.of(detector)
    assert (shape.head, shape.size) == ((3, 4, 48), (192, 256))
    assert shape.at((192, 256)).blocks == detector.blocks
    assert Shape.of(SEED).at(shape.size).macs > detector.macs


def test_smaller_inputs_come_in_order():
    """The most pixels first, each size once, none as large as the detector's own."""
    sizes = [Shape.of(one).size for one in Shape.of(SEED).smaller()]
    areas = [height * width for height, width in sizes]
    assert areas == sorted(areas, reverse=True)
    assert len(set(sizes)) == len(sizes)
    assert areas[0] < 256 * 320


def test_other_networks_have_no_head():
    """A classifier is refused with the way out, and so is an input that the space lacks."""
    with pytest.raises(
        ConfigurationError, match="whole; search without a report: --report-seeds 0"
    ):
        Shape.of(mobilenet_v1())
    with pytest.raises(ConfigurationError, match="no input of 100 x 100"):
        Shape.of(SEED).at((100, 100))
