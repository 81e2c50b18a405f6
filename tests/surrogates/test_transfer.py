"""A handful of measurements moves a surrogate further than one factor does."""

from __future__ import annotations

import numpy as np
import pytest

from hwprof.blocks import BlockConfig
from hwprof.errors import ConfigurationError
from hwprof.profiler.sampling import sample
from hwprof.surrogates.features import FEATURES, block_features
from hwprof.surrogates.transfer import UNKNOWN, Design, LineCosts, Terms, Transfer, choose_block
from hwprof.surrogates.transfer._terms import Group

TYPES = ("conv", "pwconv", "dwconv", "fc", "elementwise")
GUESSES = np.array([term.guess_cycles for term in FEATURES], dtype=np.float64)
TERMS = Terms.of(GUESSES)
CAUSES = np.zeros(len(FEATURES), dtype=np.int64)
CAUSES[TERMS.columns[::-1]] = TERMS.groups[::-1]  # a feature's first term is the feature itself
# A board of the same core whose memory is four times faster, and whose calls cost half more.
FACTORS = np.array([1.0, 0.25, 0.25, 0.25, 1.5, 1.0])[CAUSES]


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
    return Design.of(candidates, TERMS)


def cycles(configs, factors=FACTORS):
    """What the other board takes."""
    return block_features(configs).X @ (GUESSES * factors)


def chosen(candidates, design, count, factors=FACTORS):
    """Rows of the candidates that a transfer measures on the other board, and their cycles."""
    rows, measured = [], np.zeros(0)
    for _ in range(count):
        rows.append(choose_block(design, rows, measured))
        measured = cycles([candidates[row] for row in rows], factors)
    return rows, measured


@pytest.fixture(scope="module")
def moved(candidates, design):
    """The transfer from ten chosen blocks."""
    rows, measured = chosen(candidates, design, 10)
    return Transfer.fit(design.take(rows), measured, 0.9)


def test_ten_blocks_beat_one_scalar(moved):
    """On blocks it never saw the transfer errs less than half as much as one factor."""
    unseen = drawn(10, 1)
    blocks, truth = Design.of(unseen, TERMS), cycles(unseen)
    error = np.abs(moved.predict(blocks) / truth - 1).mean()
    scalar_error = np.abs(blocks.priced * moved.scalar / truth - 1).mean()

    assert error < scalar_error / 2
    assert error < 0.04


def test_intervals_hold_what_they_promise(moved):
    """At 90 % no more than a tenth of unseen blocks lies outside."""
    unseen = drawn(20, 2)
    blocks = Design.of(unseen, TERMS)
    off = np.abs(np.log(cycles(unseen) / moved.predict(blocks)))

    assert (off <= moved.half_widths(blocks)).mean() >= 0.9


@pytest.mark.parametrize("noise", [0.02, 0.2])
def test_intervals_widen_where_blocks_left_out_were_missed(candidates, design, noise):
    """Ten measurements that scatter far more than expected widen all intervals."""
    rows, measured = chosen(candidates, design, 10)
    scatter = np.exp(noise * np.random.default_rng(5).standard_normal(len(rows)))
    quantile = Transfer.fit(design.take(rows), measured * scatter, 0.9).quantile

    assert (quantile > 2.5) == (noise > 0.1)


def test_coefficients_predict_what_the_transfer_does(moved):
    """A block type's coefficients are the transfer, as plain arrays."""
    unseen = drawn(3, 3)
    blocks = Design.of(unseen, TERMS)
    for kind in TYPES:
        mine = blocks.types == kind
        priced = block_features(unseen).X @ moved.coefficients(kind)
        assert priced[mine] == pytest.approx(moved.predict(blocks)[mine])


def test_chosen_blocks_differ_in_kind(candidates, design):
    """The first ten are of several types, each once."""
    rows, _ = chosen(candidates, design, 10)
    assert len(set(rows)) == 10
    assert len(set(design.types[rows])) >= 4


def test_a_board_that_is_only_slower_needs_one_factor(candidates, design):
    """Where everything takes three times as long, the transfer says so of every block."""
    rows, measured = chosen(candidates, design, 6, np.full(len(FEATURES), 3.0))
    moved = Transfer.fit(design.take(rows), measured, 0.9)

    assert moved.scalar == pytest.approx(3.0)
    assert moved.predict(design) / design.priced == pytest.approx(3.0, rel=0.1)


def test_a_described_board_is_near_before_it_is_measured(candidates):
    """Lines that cost a quarter do so in the expectation; code in TCM costs nothing."""
    told = Terms.of(GUESSES, LineCosts(0.25, 0.25, code_cycles=1e-3, is_known=True))
    expected = told.coefficients(np.exp(told.expected))
    lines = np.isin(CAUSES, (Group.READS, Group.WRITES, Group.WEIGHTS))

    assert expected[lines] == pytest.approx(GUESSES[lines] / 4)
    assert expected[~lines] == pytest.approx(GUESSES[~lines], rel=0.1)


def test_a_movement_waits_for_memory_beyond_its_instructions():
    """A fill loop that took ten times its instructions speeds up with the memory."""
    (fill,) = (i for i, term in enumerate(FEATURES) if term.name == "fill_words")
    slow = GUESSES.copy()
    slow[fill] *= 10
    told = Terms.of(slow, LineCosts(activations=0.1, code_cycles=1e-3, is_known=True))

    assert told.coefficients(np.exp(told.expected))[fill] == pytest.approx(1.9 * GUESSES[fill])


def test_code_behind_a_cache_is_a_cost_of_each_call():
    """What a line of code takes comes on top of the source's calls."""
    (call,) = (i for i, term in enumerate(FEATURES) if term.name == "conv_calls")
    told = Terms.of(GUESSES, LineCosts(code_cycles=20.0, is_known=True))

    assert told.coefficients(np.exp(told.expected))[call] > GUESSES[call] + 400


def test_too_few_blocks_are_refused(design):
    """Two blocks cannot be told apart from one factor, nor more chosen than there are."""
    with pytest.raises(ConfigurationError, match="at least 3 measured blocks; got 2"):
        Transfer.fit(design.take([0, 1]), np.array([1.0, 2.0]), 0.9)
    with pytest.raises(ConfigurationError, match="all 4 were measured"):
        choose_block(design.take(range(4)), range(4), np.full(4, 100.0))


def test_a_free_block_is_refused():
    """A reshape costs nothing, so that nothing is learned from it."""
    free = Terms.of(np.zeros(len(FEATURES)), UNKNOWN)
    assert (free.cycles > 0).all()
    with pytest.raises(ConfigurationError, match="costs nothing"):
        Design.of([BlockConfig.of("reshape", [(4, 4, 16)], kind="reshape", shape="1x1x256")], free)
