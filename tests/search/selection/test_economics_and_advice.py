"""Costs add up as the talk's do; advice counts trainings."""

from __future__ import annotations

import numpy as np
import pytest

from hwprof.errors import ConfigurationError
from hwprof.search.performance import get_strategy
from hwprof.search.selection import (
    PUBLISHED,
    Interval,
    advise,
    economics,
    rank_strategies,
    short_list,
    short_list_size,
)
from hwprof.search.spaces import get_space


def test_published_rows_have_the_published_speed_ups():
    """SEARCH-FACTS and CHECKLIST row 24."""
    full, early, ridge, flops = (row.to_json(PUBLISHED[0]) for row in PUBLISHED)
    assert [row["total_s"] for row in (full, early, ridge, flops)] == [96_000, 34_400, 6_430, 9_606]
    assert early["search_speed_up"] == pytest.approx(4.8)
    assert early["total_speed_up"] == pytest.approx(2.79, abs=0.005)
    assert ridge["search_speed_up"] == pytest.approx(3200)
    assert ridge["total_speed_up"] == pytest.approx(14.93, abs=0.005)
    assert flops["search_speed_up"] == pytest.approx(16_000)
    assert flops["total_speed_up"] == pytest.approx(10, abs=0.01)
    assert flops["whole_s"] is None


def test_our_totals_have_the_samples_in_them(samples):
    """24 samples and the short list of 800 s each; queries are cheap."""
    ranking = rank_strategies(samples, [get_strategy("flops"), get_strategy("params")])
    full, flops, *others = economics(ranking, training_s=800, n_trials=120)
    assert (full.search_s, full.after_s, full.whole_s) == (96_000, 0, 96_000)
    row = ranking.named("flops")
    assert row is not None
    assert flops.after_s == 800 * short_list_size(row.tau)
    assert flops.whole_s == pytest.approx(flops.total_s + 24 * 800)
    assert {row.origin for row in (full, flops, *others)} == {"extrapolated"}


@pytest.mark.parametrize(("low", "size"), [(0.6, 8), (0.5, 8), (0.3, 12), (0.24, 18), (-1, 18)])
def test_the_less_sure_the_ranking_the_longer_the_list(low, size):
    """The lower end of the interval decides."""
    assert short_list_size(Interval(0.7, low, 0.9)) == size


def test_a_short_list_holds_no_neighbours():
    """The first is the best; others are at least a tenth of some dimension away."""
    space = get_space("person-detection")
    numbers = np.arange(0, space.size, 7)
    chosen = short_list(space, numbers, -np.arange(len(numbers), dtype=float), 6)
    assert chosen[0] == 0
    assert len(set(chosen)) == 6
    extents = np.array([len(dimension.labels) - 1 for dimension in space.dimensions])
    places = np.array([space.point(number) for number in chosen]) / extents
    for first in range(6):
        for second in range(first):
            assert np.abs(places[first] - places[second]).max() > 0.1


def test_a_short_list_of_nothing_but_neighbours_takes_them():
    """The best first."""
    space = get_space("person-detection")
    assert short_list(space, np.array([3, 4, 5]), np.array([1.0, 3.0, 2.0]), 2) == (4, 5)


@pytest.mark.parametrize(
    ("size", "training_s", "budget_s", "expected"),
    [
        (100, 1, 100, ("exhaustive", "full-training", 100)),
        (91_184, 60, 120 * 60, ("motpe", "full-training", 120)),
        (91_184, 69.575, 120 * 69.575, ("motpe", "full-training", 120)),
        (91_184, 60, 119 * 60, ("exhaustive", "two-stage", 119)),
        (10**9, 60, 48 * 60, ("motpe", "two-stage", 48)),
        (91_184, 60, 47 * 60, ("exhaustive", "flops", 47)),
        (91_184, 3600, 60, ("exhaustive", "flops", 0)),
    ],
)
def test_advice_follows_how_many_trainings_the_budget_pays(size, training_s, budget_s, expected):
    """Three sentences, with the space and the trainings in the first."""
    advice = advise(space_size=size, training_s=training_s, budget_s=budget_s)
    assert (advice.strategy, advice.estimator, advice.trainings) == expected
    assert len(advice.sentences) == 3
    assert all(sentence.endswith(".") for sentence in advice.sentences)
    assert f"{size:,}" in advice.sentences[0]
    assert f"{expected[2]:,} trainings" in advice.sentences[0]


@pytest.mark.parametrize("numbers", [(0, 1, 1), (1, 0, 1), (1, 1, -1), (1, 1, float("inf"))])
def test_advice_needs_positive_numbers(numbers):
    """One sentence with the numbers."""
    size, training_s, budget_s = numbers
    with pytest.raises(ConfigurationError, match="positive, finite seconds"):
        advise(space_size=size, training_s=training_s, budget_s=budget_s)
