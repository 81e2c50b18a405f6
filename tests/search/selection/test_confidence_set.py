"""The set of strategies that may be the best holds it as often as it says."""

from __future__ import annotations

import numpy as np
import pytest

from hwprof.search.selection import Ranks, confidence_set

N = 40


def taus(quality, scores, seed=0):
    """Of several strategies under one set of resamples."""
    ranks = Ranks(quality, np.arange(float(len(quality))), seed=seed)
    return np.array([ranks.taus(one) for one in scores])


def noisy(quality, scales, generator):
    """Scores that follow the quality with noise of a scale each."""
    return [quality + generator.normal(scale=scale, size=len(quality)) for scale in scales]


def test_one_strategy_is_its_own_set():
    """And two that rank alike are tied."""
    quality = np.arange(10.0)
    assert confidence_set(taus(quality, [quality])).tolist() == [True]
    assert confidence_set(taus(quality, [quality, 2 * quality])).tolist() == [True, True]


def test_what_is_behind_in_all_resamples_goes():
    """A perfect rank, its reverse, and a perfect one again: no noise, so no doubt."""
    quality = np.arange(10.0)
    scores = [quality, -quality, quality**3]
    assert confidence_set(taus(quality, scores)).tolist() == [True, False, True]


def test_the_best_by_tau_is_always_in_it():
    """Whatever the others do."""
    generator = np.random.default_rng(0)
    for _ in range(20):
        quality = generator.normal(size=N)
        found = taus(quality, noisy(quality, (0.3, 0.5, 1, 2, 9), generator))
        assert confidence_set(found)[found[:, 0].argmax()]


def test_strategies_that_are_equally_good_stay_together():
    """Ten of one skill: all of them should stay in 95 of 100 draws, and do in at least 85."""
    generator = np.random.default_rng(1)
    whole = 0
    for draw in range(40):
        quality = generator.normal(size=N)
        found = taus(quality, noisy(quality, [0.8] * 10, generator), seed=draw)
        whole += bool(confidence_set(found).all())
    assert whole >= 34


@pytest.mark.parametrize("many", [2, 24])
def test_a_guess_by_lot_leaves_the_set_of_a_good_one(many):
    """One that follows the quality closely, among many that do not."""
    generator = np.random.default_rng(2)
    quality = generator.normal(size=N)
    found = taus(quality, noisy(quality, [0.3, *[50] * (many - 1)], generator))
    assert confidence_set(found).tolist() == [True] + [False] * (many - 1)
