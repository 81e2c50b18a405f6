"""Strategies are judged by designs they did not see, and a tie is called a tie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwprof.errors import ConfigurationError
from hwprof.search.performance import get_strategy
from hwprof.search.performance._base import FittedStrategy, Needs, PerformanceStrategy
from hwprof.search.selection import Query, Ranks, fewest_samples, out_of_fold, rank_strategies

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


def test_too_few_samples_for_a_model_say_how_many(samples):
    """All its folds but the largest must be enough for a fit."""
    needed = fewest_samples(RIDGE)
    assert needed - -(-needed // 5) >= RIDGE.needs.samples
    with pytest.raises(ConfigurationError, match=f"at least {needed} trained designs"):
        rank_strategies(samples[:5], [RIDGE], strict=True)
    found = rank_strategies(samples[:5], [FLOPS, RIDGE])
    assert [row.strategy.name for row in found.scored] == ["flops"]
    assert f"at least {needed}" in found.unscored[0].reason


def test_work_ranks_quality_that_is_made_of_work(samples):
    """FLOPs are ahead of parameters, which do not see the input size; intervals are ordered."""
    found = rank_strategies(samples, [PARAMS, FLOPS, RIDGE])
    flops = found.named("flops")
    assert flops is not None
    assert flops.tau.value > 0.7
    assert flops.tau.low <= flops.tau.value <= flops.tau.high
    assert flops.query_s < 1
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


def test_a_tie_goes_to_the_cheaper_and_what_is_worse_is_no_tie(samples):
    """SNIP ranks as FLOPs do and costs less; GraSP ranks backwards."""
    quality = [sample.quality for sample in samples]
    backwards = [-value for value in quality]
    given = asked(samples, snip=(quality, 0.5), grad_norm=(quality, 2.0), grasp=(backwards, 0.1))
    names = "grad_norm", "snip", "grasp"
    found = rank_strategies(given, [get_strategy(name) for name in names])
    assert [row.strategy.name for row in found.top] == ["snip", "grad_norm"]
    assert found.chosen.strategy.name == "snip"
    assert found.scored[-1].strategy.name == "grasp"
    assert found.scored[-1].tau.value == pytest.approx(-1)
    assert not found.scored[-1].is_top


def test_a_strategy_that_the_task_cannot_give_is_said_so(samples):
    """One sentence where it was asked for, a row without a tau where it was not."""
    snip = get_strategy("snip")
    with pytest.raises(ConfigurationError, match="SNIP needs a network"):
        rank_strategies(samples, [FLOPS, snip], strict=True)
    assert rank_strategies(samples, [FLOPS, snip]).unscored[0].strategy is snip
    with pytest.raises(ConfigurationError, match="no strategy can be asked"):
        rank_strategies(samples, [snip])


def test_what_was_refused_beside_the_training_keeps_its_reason(samples):
    """Such as pictures without labels."""
    refused = [replace(one, refused={"snip": "SNIP needs labels; add some."}) for one in samples]
    found = rank_strategies(refused, [FLOPS, get_strategy("snip")])
    assert found.unscored[0].reason == "SNIP needs labels; add some."


def test_an_early_training_is_part_of_what_a_curve_costs(samples):
    """Its seconds stand in every query."""
    given = [
        replace(one, evidence=replace(one.evidence, curve=(3.0, 2.0, 1.5, 1.0, 0.9, n)), early_s=7)
        for n, one in enumerate(samples)
    ]
    (row,) = rank_strategies(given, [get_strategy("sotl-e")]).scored
    assert 7 < row.query_s < 8
