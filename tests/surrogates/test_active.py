"""Which blocks are worth measuring next."""

import numpy as np
import pytest

from hwprof.errors import ConfigurationError
from hwprof.profiler.sampling import sample
from hwprof.surrogates.active import choose_next, most_telling
from hwprof.surrogates.features import FEATURES, block_features
from hwprof.surrogates.regressors import PhysicalPrior

GUESSES = np.array([term.guess_cycles for term in FEATURES], dtype=np.float64)


@pytest.fixture(scope="module")
def counts():
    """Features of 120 blocks."""
    return block_features(sample("pwconv", 120, method="random", seed=5)).X


@pytest.fixture(scope="module")
def cycles(counts):
    """What they would cost if guesses were right."""
    return counts @ GUESSES


def test_the_least_known_row_comes_first():
    """Of independent rows the one of largest variance is measured first, then the next."""
    assert most_telling(np.diag([1.0, 3.0, 2.0]), 3) == [1, 2, 0]


def test_a_batch_does_not_ask_twice():
    """Two rows that say the same are not both chosen while a third is unknown."""
    variance = np.array([[4.0, 4.0, 0.0], [4.0, 4.0, 0.0], [0.0, 0.0, 1.0]])
    first, second = most_telling(variance, 2)
    assert first in {0, 1}
    assert second == 2


def test_a_row_that_tells_of_many_beats_one_that_is_alone():
    """Uncertainty is lowered where blocks are, not at the edge alone."""
    variance = np.ones((5, 5))
    variance[4] = variance[:, 4] = 0.0
    variance[4, 4] = 1.5
    assert most_telling(variance, 1, noise=0.1) != [4]


def test_measured_rows_are_not_chosen_again(counts, cycles):
    """A batch holds only candidates, each once."""
    batch = choose_next(counts, cycles[:30], 20)
    assert len(set(batch)) == 20
    assert min(batch) >= 30


def test_a_batch_is_the_beginning_of_a_larger_one(counts, cycles):
    """Choices are ordered: a budget cut short keeps the most telling."""
    assert choose_next(counts, cycles[:30], 12)[:5] == choose_next(counts, cycles[:30], 5)


def test_blocks_are_chosen_before_anything_is_measured(counts, cycles):
    """The first batch rests on what costs are guessed at, and repeats."""
    first = choose_next(counts, cycles[:0], 20)
    assert first == choose_next(counts, cycles[:0], 20)
    assert len(set(first)) == 20


def test_chosen_blocks_teach_more_than_random_ones(counts):
    """Costs unlike the guesses are learned better from 30 chosen blocks than from random 30."""
    generator = np.random.default_rng(3)
    chosen, random = [], []
    for _ in range(6):
        truth = counts @ (GUESSES * generator.lognormal(sigma=0.7, size=len(GUESSES)))
        rows = choose_next(counts, truth[:0], 20)
        order = [*rows, *(row for row in range(len(counts)) if row not in rows)]
        rows += [order[row] for row in choose_next(counts[order], truth[rows], 10)]
        chosen.append(error_after(counts, truth, rows))
        random.append(error_after(counts, truth, generator.permutation(len(counts))[:30]))
    assert np.mean(chosen) < 0.8 * np.mean(random)


def error_after(counts, truth, rows):
    """Mean relative error of a prior fitted on these rows."""
    predicted = PhysicalPrior(GUESSES).fit(counts[rows], truth[rows]).predict(counts)
    return float(np.abs(predicted / truth - 1).mean())


def test_more_than_there_are_is_refused(counts, cycles):
    """A batch larger than the candidates is a sentence."""
    with pytest.raises(ConfigurationError, match="100 of 90 cannot be chosen; ask for fewer"):
        choose_next(counts, cycles[:30], 100)


def test_equal_blocks_can_be_chosen_among(counts, cycles):
    """Candidates without any difference are no reason to fail."""
    same = np.repeat(counts[:1], 3, axis=0)
    assert choose_next(same, cycles[:0], 1) == [0]
