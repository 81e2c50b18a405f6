"""Costs add up as the talk's do; advice counts trainings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwprof.errors import ConfigurationError
from hwprof.search.performance import get_strategy
from hwprof.search.selection import (
    PUBLISHED,
    Interval,
    Prices,
    Query,
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
    assert flops["queries"] is None


def test_our_totals_have_the_samples_in_them(samples):
    """24 samples and the short list of 800 s each; queries are cheap."""
    prices = Prices(space_size=91_184, training_s=800)
    ranking = rank_strategies(samples, [get_strategy("flops"), get_strategy("params")], prices)
    full, flops, *others = economics(ranking, 24 * 800)
    assert (full.search_s, full.after_s, full.whole_s) == (96_000, 0, 96_000)
    row = ranking.named("flops")
    assert row is not None
    assert (full.queries, flops.queries) == (120, 91_184)
    assert flops.search_s == ranking.search_s(row)
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
        (50, 1, None, ("exhaustive", "full-training", 50)),
        (91_184, 60, 120 * 60, ("motpe", "full-training", 120)),
        (91_184, 69.575, 120 * 69.575, ("motpe", "full-training", 120)),
        (91_184, 60, 119 * 60, ("exhaustive", "two-stage", 58)),
        (91_184, 60, None, ("exhaustive", "two-stage", 58)),
        (10**9, 60, 48 * 60, ("motpe", "two-stage", 48)),
        (91_184, 60, 47 * 60, ("exhaustive", "flops", 47)),
        (91_184, 3600, 60, ("exhaustive", "flops", 0)),
    ],
)
def test_advice_before_any_training_counts_what_the_budget_pays(
    size, training_s, budget_s, expected
):
    """Three sentences, with the space in the first."""
    advice = advise(Prices(size, training_s), budget_s=budget_s)
    assert (advice.strategy, advice.estimator, advice.trainings) == expected
    assert len(advice.sentences) == 3
    assert all(sentence.endswith(".") for sentence in advice.sentences)
    assert f"{size:,}" in advice.sentences[0]


def ranked(samples, skill, prices, query_s=0.1):
    """SNIP, with scores that follow the quality as far as its skill."""
    generator = np.random.default_rng(7)
    scores = [skill * s.quality + (1 - skill) * generator.normal(scale=0.05) for s in samples]
    given = [
        replace(one, asked={"snip": Query(score, query_s)})
        for one, score in zip(samples, scores, strict=True)
    ]
    return rank_strategies(given, [get_strategy("snip")], prices)


@pytest.mark.parametrize(
    ("trainings", "expected"),
    [
        (None, ("motpe", "snip", 8)),
        (120, ("motpe", "full-training", 120)),
        (119, ("motpe", "snip", 8)),
        (5, ("motpe", "snip", 4)),
        (1, ("motpe", "full-training", 1)),
        (0.5, ("motpe", "full-training", 0)),
        (91_184, ("exhaustive", "full-training", 91_160)),
    ],
)
def test_advice_behind_a_ranking_names_the_chosen_and_its_tau(samples, prices, trainings, expected):
    """The samples are paid; what is left goes into the short list."""
    ranking = ranked(samples, 0.95, prices)
    budget_s = None if trainings is None else 60 * trainings
    advice = advise(prices, budget_s=budget_s, ranking=ranking)
    assert (advice.strategy, advice.estimator, advice.trainings) == expected
    if expected[1] == "snip":
        assert "SNIP" in advice.sentences[1]
    if trainings not in (91_184, 1, 0.5):
        assert f"tau of {ranking.chosen.tau.value:.2f}" in advice.sentences[2]


def test_advice_trusts_no_rank_that_may_be_chance(samples, prices):
    """Whatever it costs, training is left."""
    advice = advise(prices, ranking=ranked(samples, 0.0, prices))
    assert (advice.estimator, advice.trainings) == ("full-training", 120)
    assert "chance" in advice.sentences[2]


def test_advice_counts_what_the_chosen_asks_for(samples, prices):
    """120 answers of 30 s are 60 trainings; where those cannot be paid, a shorter search can."""
    ranking = ranked(samples, 0.95, prices, query_s=30)
    assert advise(prices, budget_s=70 * 60, ranking=ranking).trainings == 8
    assert advise(prices, budget_s=63 * 60, ranking=ranking).trainings == 3
    assert advise(prices, ranking=ranking).trainings == 8
    short = advise(prices, budget_s=59 * 60, ranking=ranking)
    assert (short.estimator, short.trainings) == ("full-training", 59)
    assert "no time" in short.sentences[2]


def test_advice_takes_another_estimator_where_the_first_cannot_be_paid(samples):
    """SNIP is first, and costs 60 trainings to ask; FLOPs, which rank worse, are left."""
    prices = Prices(91_184, 60)
    quality = [sample.quality for sample in samples]
    given = [
        replace(one, asked={"snip": Query(value, 30)})
        for one, value in zip(samples, quality, strict=True)
    ]
    ranking = rank_strategies(given, [get_strategy("snip"), get_strategy("flops")], prices)
    assert advise(prices, budget_s=60 * 70, ranking=ranking).estimator == "snip"
    assert advise(prices, budget_s=60 * 20, ranking=ranking).estimator == "flops"


def test_advice_without_a_budget_is_to_ask_the_chosen(samples):
    """SNIP alone may be the best; FLOPs, which are free, are far behind."""
    prices = Prices(91_184, 60)
    quality = [sample.quality for sample in samples]
    given = [
        replace(one, asked={"snip": Query(value, 30), "grasp": Query(-value, 0.1)})
        for one, value in zip(samples, quality, strict=True)
    ]
    ranking = rank_strategies(given, [get_strategy("snip"), get_strategy("grasp")], prices)
    assert [row.strategy.name for row in ranking.top] == ["snip"]
    assert advise(prices, ranking=ranking).estimator == "snip"


@pytest.mark.parametrize("trainings", [1, 2, 3, 9, 50, 61, 69, 119])
@pytest.mark.parametrize("query_s", [0.001, 0.4, 29.9])
def test_what_is_advised_can_be_paid(samples, prices, trainings, query_s):
    """Queries and short list together take no longer than there is time."""
    ranking = ranked(samples, 0.95, prices, query_s)
    advice = advise(prices, budget_s=60 * trainings, ranking=ranking)
    asked_s = ranking.search_s(ranking.chosen) if advice.estimator == "snip" else 0
    assert asked_s + 60 * advice.trainings <= 60 * trainings


def test_a_rest_that_can_be_trained_is(samples):
    """24 of 30 are trained; six more end the search."""
    small = Prices(30, 60)
    ranking = rank_strategies(samples, [get_strategy("flops")], small)
    advice = advise(small, budget_s=60 * 6, ranking=ranking)
    assert (advice.estimator, advice.trainings) == ("full-training", 6)
    assert "that is left" in advice.sentences[1]


def test_a_search_shorter_than_any_estimator_is_trained(samples, prices):
    """Ten trials cost less than 48 trainings to find an estimator, and no more than its list."""
    short = Prices(91_184, 60, n_trials=10)
    assert advise(short).estimator == "full-training"
    assert advise(short, ranking=ranked(samples, 0.95, prices)).estimator == "snip"
    assert "no less than 48" in advise(short).sentences[2]


@pytest.mark.parametrize("size", [0, -3])
def test_a_short_list_has_a_candidate(size):
    """None is the rule; nothing is a mistake."""
    with pytest.raises(ConfigurationError, match="at least 1"):
        Prices(12, 60, short_list=size)


def test_no_more_is_trained_than_the_space_has(samples):
    """Neither by the search nor on a short list, however long it was asked for."""
    small = Prices(12, 60, short_list=30)
    ranking = rank_strategies(samples, [get_strategy("flops")], small)
    full, flops = economics(ranking, 24 * 800)
    assert (full.queries, full.search_s) == (12, 12 * 60)
    assert flops.after_s == 12 * 60
    three = Prices(91_184, 60, short_list=3)
    assert economics(rank_strategies(samples, [get_strategy("flops")], three), 0)[1].after_s == 180


@pytest.mark.parametrize("numbers", [(0, 1, 1), (1, 0, 1), (1, 1, -1), (1, 1, float("inf"))])
def test_advice_needs_positive_numbers(numbers):
    """One sentence with the numbers."""
    size, training_s, budget_s = numbers
    with pytest.raises(ConfigurationError, match="positive"):
        advise(Prices(size, training_s), budget_s=budget_s)
