"""Kendall's tau-b and its resamples, against scipy's and against pairs counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from hwprof.errors import ConfigurationError
from hwprof.search.selection import Ranks, interval
from hwprof.search.selection._agreement import RESAMPLES, equal_bins


@pytest.fixture
def values():
    """Scores and quality of 30 designs, both with ties."""
    generator = np.random.default_rng(0)
    quality = np.round(generator.normal(size=30), 1)
    return np.round(quality + generator.normal(size=30), 1), quality


def test_tau_is_scipys(values):
    """Ties included."""
    scores, quality = values
    replicates = Ranks(quality, np.arange(30.0)).taus(scores)
    assert replicates[0] == pytest.approx(kendalltau(scores, quality).statistic)
    assert replicates.shape == (1 + RESAMPLES,)


def test_each_resample_is_scipys_tau_of_the_designs_it_drew(values):
    """A design drawn twice ties with itself."""
    scores, quality = values
    ranks = Ranks(quality, np.arange(30.0), seed=5)
    replicates = ranks.taus(scores)
    for number in (1, 2, RESAMPLES):
        drawn = np.repeat(np.arange(30), ranks._weights[number].astype(int))
        expected = kendalltau(scores[drawn], quality[drawn]).statistic
        assert replicates[number] == pytest.approx(expected)


def test_taus_of_repeats_are_averaged():
    """One repeat ranks all pairs right, one all wrong."""
    quality = np.arange(5.0)
    assert Ranks(quality, quality).taus(np.stack([quality, -quality]))[0] == 0


def test_inside_bins_only_designs_of_equal_work_are_compared():
    """The order between bins is wrong, inside them right: 2 pairs of 2, not 2 of 6."""
    quality = np.array([1.0, 2.0, 3.0, 4.0])
    scores = np.array([3.0, 4.0, 1.0, 2.0])
    ranks = Ranks(quality, np.array([1.0, 1.1, 9.0, 9.1]), n_bins=2)
    assert ranks.within(scores)[0] == 1
    assert ranks.taus(scores)[0] == pytest.approx(-1 / 3)


def test_bins_weigh_by_their_pairs():
    """Three designs in a bin are three pairs, two are one: (3 - 1) / 4."""
    quality = np.array([1.0, 2.0, 3.0, 1.0, 2.0])
    scores = np.array([1.0, 2.0, 3.0, 2.0, 1.0])
    ranks = Ranks(quality, np.array([1.0, 2.0, 3.0, 8.0, 9.0]), n_bins=2)
    assert list(ranks.bins) == [0, 0, 0, 1, 1]
    assert ranks.within(scores)[0] == pytest.approx(0.5)


def test_scores_that_are_all_equal_rank_nothing():
    """Their tau is 0, not undefined."""
    quality = np.arange(6.0)
    assert not Ranks(quality, quality).taus(np.ones(6)).any()


def test_bins_of_one_design_compare_nothing():
    """Which is no tau of 0, and no certainty."""
    quality = np.arange(4.0)
    found = interval(Ranks(quality, quality, n_bins=4).within(quality))
    assert np.isnan([found.value, found.low, found.high]).all()


def test_resamples_that_compare_nothing_do_not_count():
    """Two pairs that are ranked right: no resample ranks them otherwise."""
    quality = np.array([1.0, 2.0, 3.0, 4.0])
    found = interval(Ranks(quality, quality, n_bins=2).within(quality))
    assert (found.value, found.low, found.high) == (1, 1, 1)


def test_an_interval_holds_its_value_and_narrows_with_designs():
    """Four times the designs, about half the width."""
    generator = np.random.default_rng(1)

    def width(n: int) -> float:
        quality = generator.normal(size=n)
        found = interval(Ranks(quality, quality).taus(quality + generator.normal(size=n)))
        assert found.low < found.value < found.high
        return found.high - found.low

    assert 1.4 < width(40) / width(160) < 2.8


def test_equal_quality_is_refused():
    """Tau is undefined there; the sentence says so and how many there are."""
    with pytest.raises(ConfigurationError, match=r"undefined .* the 5 samples all have 0\.25"):
        Ranks(np.full(5, 0.25), np.arange(5.0))


def test_two_designs_are_too_few():
    """The sentence says how many are needed."""
    with pytest.raises(ConfigurationError, match="at least 3 trained designs; got 2"):
        Ranks(np.arange(2.0), np.arange(2.0))


def test_bins_are_of_equal_counts():
    """However values are spread."""
    assert list(equal_bins(np.array([100.0, 1.0, 2.0, 3.0]), 2)) == [1, 0, 0, 1]
    assert list(equal_bins(np.array([5.0, 1.0]), 4)) == [1, 0]
