"""Held-out predictions, scores, ties and intervals mean what they say."""

# ruff: noqa: N806 - X and y are the field's names

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.surrogates.intervals import conformal_quantile, cross_coverage, log_errors
from hwprof.surrogates.regressors import PhysicalPrior
from hwprof.surrogates.validation import assign_folds, held_out, score, simplest_of_the_best


class TestFolds:
    """Folds are even, seeded, and never split a group."""

    @settings(max_examples=30, deadline=None)
    @given(
        groups=st.lists(st.integers(0, 20), min_size=5, max_size=60),
        n_folds=st.integers(2, 5),
        seed=st.integers(0, 9),
    )
    def test_groups_stay_together(self, groups, n_folds, seed):
        """Rows of one group are in one fold."""
        folds = assign_folds(groups, n_folds, seed)

        assert all(
            len({f for f, g in zip(folds, groups, strict=True) if g == one}) == 1 for one in groups
        )

    def test_even(self):
        """Distinct rows spread evenly over the folds."""
        assert np.bincount(assign_folds(range(100), 5, 0)).tolist() == [20] * 5

    def test_seed(self):
        """Another seed deals another hand."""
        assert assign_folds(range(50), 5, 0).tolist() != assign_folds(range(50), 5, 1).tolist()


def test_held_out_models_do_not_see_the_fold():
    """A row whose cost only it could teach is mispredicted when held out."""
    X = np.eye(4)
    y = np.array([1.0, 2.0, 3.0, 4.0])

    predicted = held_out(lambda _: PhysicalPrior(), (X, y), np.arange(4))

    assert predicted.tolist() == [0.0] * 4


class TestScore:
    """Scores are the usual ones, in percent."""

    def test_errors(self):
        """Relative errors are averaged and counted."""
        scores = score(np.array([100.0, 200, 400, 800]), np.array([100.0, 208, 436, 1000]))

        assert scores.mape_percent == pytest.approx((0 + 4 + 9 + 25) / 4)
        assert (scores.within_5_percent, scores.within_10_percent) == (50, 75)

    def test_ranks(self):
        """Monotone predictions have rank correlation 1."""
        scores = score(np.array([1.0, 2, 3]), np.array([10.0, 20, 90]))

        assert (scores.spearman, scores.kendall) == pytest.approx((1, 1))

    def test_constant(self):
        """Constant cycles have no rank correlation, which JSON calls null."""
        assert score(np.ones(3), np.ones(3)).to_json()["spearman"] is None


class TestTies:
    """The simplest of equals wins."""

    def test_equal(self):
        """Two equal candidates: the first."""
        errors = np.array([0.01, 0.02, 0.03])

        assert simplest_of_the_best([errors, errors]) == 0

    def test_clear(self):
        """A clearly better candidate wins although it is less simple."""
        errors = np.linspace(0.05, 0.06, 50)

        assert simplest_of_the_best([errors, errors - 0.03]) == 1

    def test_hair(self):
        """An advantage below the noise of a board is a tie."""
        errors = np.full(50, 0.01)

        assert simplest_of_the_best([errors, errors - 0.001]) == 0


class TestIntervals:
    """Conformal intervals cover what they promise."""

    def test_quantile(self):
        """The quantile is the ceil((n + 1) level)-th smallest error."""
        assert conformal_quantile(np.arange(1.0, 20), 0.9) == 18

    def test_few(self):
        """Too few errors for the level give the largest."""
        assert conformal_quantile(np.array([0.1, 0.3]), 0.9) == 0.3

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 10_000))
    def test_coverage(self, seed):
        """Fresh errors of the same kind are covered about as often as promised."""
        rng = np.random.default_rng(seed)
        errors = np.abs(rng.standard_t(3, 1000))
        fresh = np.abs(rng.standard_t(3, 1000))

        covered = (fresh <= conformal_quantile(errors, 0.9)).mean()

        assert 0.85 < covered < 0.95

    def test_cross_coverage(self):
        """Errors of like folds cover each other."""
        errors = np.random.default_rng(0).uniform(size=500)

        assert 0.87 < cross_coverage(errors, np.arange(500) % 5, 0.9) < 0.93

    def test_log_errors(self):
        """Twice as much and half as much are equally wrong."""
        assert log_errors(np.array([2.0, 1.0]), np.array([1.0, 2.0])).tolist() == [np.log(2)] * 2
