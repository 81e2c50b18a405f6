"""A handful of measurements moves a surrogate further than one factor does."""

from __future__ import annotations

import numpy as np
import pytest

from hwprof.errors import ConfigurationError
from hwprof.profiler.sampling import sample
from hwprof.surrogates.features import FEATURES, block_features
from hwprof.surrogates.transfer import Design, Transfer, choose_blocks, floored, term_groups

TYPES = ("conv", "pwconv", "dwconv", "fc", "elementwise")
GUESSES = np.array([term.guess_cycles for term in FEATURES], dtype=np.float64)
# A board of the same core whose memory is four times faster, and whose calls cost half more.
FACTORS = np.array([1.0, 0.25, 0.25, 1.5])[term_groups()]


def drawn(count, seed):
    """Random blocks of several types."""
    return [c for kind in TYPES for c in sample(kind, count, method="random", seed=seed)]


@pytest.fixture(scope="module")
def candidates():
    """Blocks to choose from."""
    return drawn(12, 0)


@pytest.fixture(scope="module")
def design(candidates):
    """The same, priced by a source that is as guessed."""
    return Design.of(candidates, GUESSES)


def cycles(configs, factors=FACTORS):
    """What the other board takes."""
    return block_features(configs).X @ (GUESSES * factors)


@pytest.fixture(scope="module")
def moved(candidates, design):
    """The transfer from ten chosen blocks."""
    rows = choose_blocks(design, 10)
    return Transfer.fit(design.take(rows), cycles([candidates[row] for row in rows]), 0.9)


def test_ten_blocks_beat_one_scalar(moved):
    """On blocks it never saw the transfer errs less than half as much as one factor."""
    unseen = drawn(10, 1)
    blocks, truth = Design.of(unseen, GUESSES), cycles(unseen)
    ratio, _ = moved.predict(blocks)
    error = np.abs(blocks.priced * ratio / truth - 1).mean()
    scalar_error = np.abs(blocks.priced * moved.scalar / truth - 1).mean()

    assert error < scalar_error / 2
    assert error < 0.04


def test_intervals_hold_what_they_promise(moved):
    """At 90 % no more than a tenth of unseen blocks lies outside."""
    unseen = drawn(20, 2)
    blocks = Design.of(unseen, GUESSES)
    off = np.abs(np.log(cycles(unseen) / (blocks.priced * moved.predict(blocks)[0])))

    assert (off <= moved.half_widths(blocks)).mean() >= 0.9


def test_coefficients_predict_what_the_transfer_does(moved):
    """A block type's factors on the source's coefficients are the transfer, as plain arrays."""
    unseen = drawn(3, 3)
    blocks = Design.of(unseen, GUESSES)
    for kind in TYPES:
        mine = blocks.types == kind
        priced = block_features(unseen).X @ (floored(GUESSES) * moved.multipliers(kind))
        wanted = blocks.priced * moved.predict(blocks)[0]
        assert priced[mine] == pytest.approx(wanted[mine], rel=0.02)


def test_chosen_blocks_differ_in_kind(design):
    """The first ten are of several types, each once."""
    rows = choose_blocks(design, 10)
    assert len(set(rows)) == 10
    assert len(set(design.types[rows])) >= 4


def test_choosing_goes_on_from_what_is_measured(design):
    """One at a time gives the same blocks as all at once."""
    together, one_by_one = choose_blocks(design, 4), []
    for _ in range(4):
        one_by_one += choose_blocks(design, 1, one_by_one)
    assert one_by_one == together


def test_a_board_that_is_only_slower_needs_one_factor(candidates, design):
    """Where everything takes three times as long, the transfer says so of every block."""
    rows = choose_blocks(design, 6)
    measured = cycles([candidates[row] for row in rows], np.full(len(FEATURES), 3.0))
    moved = Transfer.fit(design.take(rows), measured, 0.9)

    assert moved.scalar == pytest.approx(3.0)
    assert moved.predict(design)[0] == pytest.approx(3.0, rel=0.05)


def test_too_few_blocks_are_refused(design):
    """Two blocks cannot be told apart from one factor, nor more chosen than there are."""
    with pytest.raises(ConfigurationError, match="at least 3 measured blocks; got 2"):
        Transfer.fit(design.take([0, 1]), np.array([1.0, 2.0]), 0.9)
    with pytest.raises(ConfigurationError, match="61 of 60 cannot be chosen"):
        choose_blocks(design, 61)
