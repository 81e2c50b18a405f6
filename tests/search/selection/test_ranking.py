"""Strategies are judged by designs they did not see, and a tie is called a tie."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest

from hwprof.errors import ConfigurationError
from hwprof.search.performance import get_strategy
from hwprof.search.performance._base import FittedStrategy, Needs, PerformanceStrategy
from hwprof.search.selection import (
    Prices,
    Query,
    Ranks,
    fewest_samples,
    out_of_fold,
    rank_strategies,
)

FLOPS, PARAMS, RIDGE = (get_strategy(name) for name in ("flops", "params", "bayesian-ridge"))


class Memory(PerformanceStrategy, FittedStrategy):
    """Scores 1 for designs that it was fitted on, 0 for others: what leaks shows."""

    name = title = "memory"
    kind = "model-based"
    source = "none"
    needs = Needs(samples=2)
    strategy = property(lambda self: self)

    def __init__(self, seen=()) -> None:
        self._seen = seen

    def fit(self, evidence, quality):
        assert len(evidence) == len(quality)
        return Memory([one.architecture.name for one in evidence])

    def _scores(self, evidence):
        return [float(one.architecture.name in self._seen) for one in evidence]

    def document(self):
        return {}

    def restored(self, document):
        return self


def test_no_design_is_scored_by_a_model_that_saw_it(samples):
    """In any repeat."""
    evidence = [sample.evidence for sample in samples]
    quality = np.array([sample.quality for sample in samples])
    unseen = out_of_fold(Memory(), evidence, quality, n_folds=5, n_repeats=3)
    assert unseen.scores.shape == unseen.folds.shape == (3, 24)
    assert not unseen.scores.any()
    assert set(unseen.folds[0].tolist()) == set(range(5))


class Watching(Memory):
    """Notes whether garbage may be collected while it is asked."""

    name = title = "watching"
    needs = Needs()

    def __init__(self) -> None:
        self.noted: set[bool] = set()

    def fit(self, evidence, quality):
        return self

    def _scores(self, evidence):
        self.noted.add(gc.isenabled())
        return [one.architecture.macs for one in evidence]


def test_nobody_pays_for_the_garbage_of_others(samples, prices):
    """A collection is due when it is due, and takes longer than thousands of queries."""
    watching = Watching()
    rank_strategies(samples, [watching], prices)
    assert watching.noted == {False}
    assert gc.isenabled()


def test_folds_differ_between_repeats_and_not_between_runs(samples):
    """One seed, one result."""
    evidence = [sample.evidence for sample in samples]
    quality = np.array([sample.quality for sample in samples])
    first, again = (out_of_fold(RIDGE, evidence, quality, n_repeats=2) for _ in range(2))
    assert (first.scores == again.scores).all()
    assert (first.scores[0] != first.scores[1]).any()


def test_a_model_of_noise_ranks_by_chance(samples):
    """A fold of good designs is scored by a model of the worse rest; that is no evidence."""
    evidence = [sample.evidence for sample in samples]
    taus, pooled = [], []
    for seed in range(12):
        quality = np.random.default_rng(seed).normal(size=len(samples))
        ranks = Ranks(quality, np.arange(float(len(samples))))
        unseen = out_of_fold(RIDGE, evidence, quality, seed=seed)
        taus.append(ranks.taus(unseen.scores, unseen.folds)[0])
        pooled.append(ranks.taus(unseen.scores)[0])
    assert abs(np.mean(taus)) < 0.08
    assert np.mean(pooled) < -0.1


def test_too_few_samples_for_a_model_say_how_many(samples, prices):
    """All its folds but the largest must be enough for a fit."""
    needed = fewest_samples(RIDGE)
    assert needed - -(-needed // 5) >= RIDGE.needs.samples
    with pytest.raises(ConfigurationError, match=f"at least {needed} trained designs"):
        rank_strategies(samples[:5], [RIDGE], prices, strict=True)
    found = rank_strategies(samples[:5], [FLOPS, RIDGE], prices)
    assert [row.strategy.name for row in found.scored] == ["flops"]
    assert f"at least {needed}" in found.unscored[0].reason


def test_work_ranks_quality_that_is_made_of_work(samples, prices):
    """FLOPs are ahead of parameters, which do not see the input size; intervals are ordered."""
    found = rank_strategies(samples, [PARAMS, FLOPS, RIDGE], prices)
    flops = found.named("flops")
    assert flops is not None
    assert flops.tau.value > 0.7
    assert flops.tau.low <= flops.tau.value <= flops.tau.high
    assert found.scored[0].behind.value == found.scored[0].behind.high == 0
    assert [row.tau.value for row in found.scored] == sorted(
        (row.tau.value for row in found.scored), reverse=True
    )


def asked(samples, **scores):
    """The samples with answers of strategies that were asked elsewhere, and their seconds."""
    return [
        replace(sample, asked={name: Query(values[n], s) for name, (values, s) in scores.items()})
        for n, sample in enumerate(samples)
    ]


def test_a_tie_goes_to_what_costs_fewer_trainings_and_what_is_worse_is_no_tie(samples, prices):
    """120 answers of 0.6 s are more than a training of 60 s; GraSP ranks backwards."""
    quality = [sample.quality for sample in samples]
    backwards = [-value for value in quality]
    given = asked(samples, snip=(quality, 0.1), grad_norm=(quality, 0.6), grasp=(backwards, 0.1))
    names = "grad_norm", "snip", "grasp"
    found = rank_strategies(given, [get_strategy(name) for name in names], prices)
    assert [row.strategy.name for row in found.top] == ["snip", "grad_norm"]
    assert [found.price(row) for row in found.top] == [8, 9]
    assert found.scored[-1].strategy.name == "grasp"
    assert found.scored[-1].tau.value == pytest.approx(-1)
    assert not found.scored[-1].is_top


def noisy(samples, scale, seed):
    """The quality, blurred."""
    noise = np.random.default_rng(seed).normal(scale=scale, size=len(samples))
    return [sample.quality + one for sample, one in zip(samples, noise.tolist(), strict=True)]


def test_a_surer_rank_that_costs_more_to_ask_is_cheaper_in_all(samples, prices):
    """Its short list is six trainings shorter; two of them are spent on 120 answers of 1 s."""
    given = asked(
        samples, snip=(noisy(samples, 0.05, 3), 0.1), grad_norm=(noisy(samples, 0.02, 4), 1.0)
    )
    found = rank_strategies(given, [get_strategy(name) for name in ("snip", "grad_norm")], prices)
    assert [row.strategy.name for row in found.top] == ["grad_norm", "snip"]
    assert [found.price(row) for row in found.top] == [12 + 2, 18]


def test_among_equal_prices_the_better_rank_is_first(samples, prices):
    """Both have a short list of eight, and ask for less than a training."""
    quality, blurred = [sample.quality for sample in samples], noisy(samples, 0.005, 1)
    names = "snip", "sotl"
    for better, worse in (names, names[::-1]):
        given = asked(samples, **{better: (quality, 0.2), worse: (blurred, 0.1)})
        found = rank_strategies(given, [get_strategy(name) for name in names], prices)
        assert {found.price(row) for row in found.top} == {8}
        assert found.chosen.strategy.name == better


def test_what_needs_an_architecture_alone_is_asked_of_a_whole_space_that_is_not_too_large(samples):
    """Else as many as a search has trials."""
    snip = asked(samples, snip=([sample.quality for sample in samples], 0.1))
    for size, queries in ((91_184, 91_184), (10**9, 120)):
        sized = Prices(space_size=size, training_s=60)
        found = rank_strategies(snip, [FLOPS, get_strategy("snip")], sized)
        flops, asked_little = found.named("flops"), found.named("snip")
        assert flops is not None
        assert asked_little is not None
        assert found.search_s(flops) == queries * flops.query_s
        assert found.search_s(asked_little) == pytest.approx(120 * 0.1)


def test_a_rank_by_lot_does_not_beat_chance(samples, prices):
    """The interval of tau holds 0."""
    scores = np.random.default_rng(5).normal(size=len(samples)).tolist()
    given = asked(samples, snip=(scores, 0.1))
    found = rank_strategies(given, [get_strategy("snip"), FLOPS], prices)
    flops, snip = found.named("flops"), found.named("snip")
    assert flops is not None
    assert snip is not None
    assert flops.beats_chance
    assert not snip.beats_chance
    assert snip.tau.low <= 0 <= snip.tau.high


def test_a_strategy_that_the_task_cannot_give_is_said_so(samples, prices):
    """One sentence where it was asked for, a row without a tau where it was not."""
    snip = get_strategy("snip")
    with pytest.raises(ConfigurationError, match="SNIP needs a network"):
        rank_strategies(samples, [FLOPS, snip], prices, strict=True)
    assert rank_strategies(samples, [FLOPS, snip], prices).unscored[0].strategy is snip
    with pytest.raises(ConfigurationError, match="no strategy can be asked"):
        rank_strategies(samples, [snip], prices)


def test_what_was_refused_beside_the_training_keeps_its_reason(samples, prices):
    """Such as pictures without labels."""
    refused = [replace(one, refused={"snip": "SNIP needs labels; add some."}) for one in samples]
    found = rank_strategies(refused, [FLOPS, get_strategy("snip")], prices)
    assert found.unscored[0].reason == "SNIP needs labels; add some."


def test_an_early_training_is_part_of_what_a_curve_costs(samples, prices):
    """Its seconds stand in every query, before what the answer itself takes."""
    given = [
        replace(one, evidence=replace(one.evidence, curve=(3.0, 2.0, 1.5, 1.0, 0.9, n)), curve_s=7)
        for n, one in enumerate(samples)
    ]
    (row,) = rank_strategies(given, [get_strategy("sotl-e")], prices).scored
    assert row.query_s > 7
