"""Every regressor keeps one contract; trees from arrays equal the library's."""

# ruff: noqa: N806 - X and y are the field's names

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.errors import ArtefactError
from hwprof.surrogates.learners import TreeEnsemble, booster_arrays, forest_arrays
from hwprof.surrogates.regressors import (
    REGRESSOR_TYPES,
    MacsCoefficient,
    NearestSample,
    PhysicalPrior,
    RidgeResidual,
)

COSTS = np.array([3.0, 0.5, 0.0, 20.0])


def samples(n=80, seed=0):
    """Counts, and cycles that are nearly a sum of them."""
    rng = np.random.default_rng(seed)
    X = rng.integers(1, 2000, (n, 4)).astype(float)
    return X, (X @ COSTS) * rng.normal(1, 0.01, n)


def make(name):
    """A regressor of that name."""
    kind = REGRESSOR_TYPES[name]
    plain = kind in {PhysicalPrior, MacsCoefficient}
    return kind() if plain else kind(PhysicalPrior())


@pytest.mark.parametrize("name", REGRESSOR_TYPES)
class TestContract:
    """What any stored regressor does."""

    def test_round_trip(self, name):
        """A regressor made from another's arrays predicts the same numbers."""
        X, y = samples()
        fitted = make(name).fit(X, y)

        again = type(fitted).from_arrays(fitted.arrays(), X.shape[1])

        np.testing.assert_array_equal(again.predict(X), fitted.predict(X))

    def test_row_by_row(self, name):
        """One row alone is predicted as it is among others."""
        X, y = samples()
        fitted = make(name).fit(X, y)
        together = fitted.predict(X)

        alone = np.array([fitted.predict(row[None])[0] for row in X])

        np.testing.assert_allclose(alone, together, rtol=1e-12)

    def test_same_seed(self, name):
        """Fitting twice gives the same regressor."""
        X, y = samples()

        first, second = (make(name).fit(X, y).predict(X) for _ in range(2))

        np.testing.assert_array_equal(first, second)

    def test_missing_array(self, name):
        """A stored state without one of its arrays is refused by the array's name."""
        X, y = samples()
        arrays = dict(make(name).fit(X, y).arrays())
        missing = next(iter(arrays))
        del arrays[missing]

        with pytest.raises(ArtefactError, match=f"needs the array '{missing}'"):
            REGRESSOR_TYPES[name].from_arrays(arrays, X.shape[1])

    def test_not_a_number(self, name):
        """A stored state that holds a NaN is refused."""
        X, y = samples()
        arrays = dict(make(name).fit(X, y).arrays())
        hurt = next(key for key, array in arrays.items() if array.dtype == np.float64)
        arrays[hurt] = np.full_like(arrays[hurt], np.nan)

        with pytest.raises(ArtefactError, match="must be finite"):
            REGRESSOR_TYPES[name].from_arrays(arrays, X.shape[1])


class TestPhysicalPrior:
    """Cycles are a non-negative sum of counts."""

    def test_recovers_costs(self):
        """Exact sums give the costs back."""
        X, _ = samples()

        fitted = PhysicalPrior().fit(X, X @ COSTS)

        np.testing.assert_allclose(fitted.coefficients_, COSTS, atol=1e-6)

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 1000))
    def test_never_negative(self, seed):
        """No cost is negative, whatever the rows."""
        rng = np.random.default_rng(seed)
        X = rng.integers(0, 9, (12, 5)).astype(float)

        fitted = PhysicalPrior().fit(X, rng.uniform(1, 9, 12))

        assert (fitted.coefficients_ >= 0).all()

    def test_unmoved_column(self):
        """A count that no row has keeps its anchor's cost."""
        X, y = samples()
        X[:, 2] = 0

        fitted = PhysicalPrior(np.full(4, 7.0)).fit(X, y)

        assert fitted.coefficients_[2] == 7.0

    def test_weak_anchor(self):
        """Where rows speak, the anchor hardly does."""
        X, _ = samples()

        fitted = PhysicalPrior(10 * COSTS + 1).fit(X, X @ COSTS)

        np.testing.assert_allclose(fitted.predict(X), X @ COSTS, rtol=0.02)


def test_residual_finds_what_the_prior_cannot():
    """A correction learns a factor that no sum of counts has."""
    X, y = samples()
    y *= X[:, 0] ** 0.2
    prior, ridge = PhysicalPrior().fit(X, y), RidgeResidual(PhysicalPrior()).fit(X, y)

    errors = [np.abs(model.predict(X) / y - 1).mean() for model in (prior, ridge)]

    assert errors[1] < errors[0] / 2


def test_correction_is_bounded():
    """Far from its rows a correction stays within a factor e of the prior."""
    X, y = samples()
    ridge = RidgeResidual(PhysicalPrior()).fit(X, y * X[:, 0] ** 0.5)
    far = np.full((1, 4), 1e12)

    ratio = ridge.predict(far) / ridge.prior.predict(far)

    assert np.abs(np.log(ratio)) <= 1 + 1e-9


class TestTrees:
    """Ensembles walk their arrays to the library's answers."""

    def test_forest(self):
        """A forest's arrays give scikit-learn's prediction."""
        from sklearn.ensemble import RandomForestRegressor

        X, y = samples()
        forest = RandomForestRegressor(30, random_state=1).fit(X, y)

        np.testing.assert_allclose(forest_arrays(forest).predict(X), forest.predict(X), rtol=1e-12)

    def test_booster(self):
        """A booster's arrays give XGBoost's prediction, which adds in float32."""
        import xgboost

        X, y = samples()
        booster = xgboost.train({"max_depth": 4, "seed": 1}, xgboost.DMatrix(X, y), 40)

        expected = booster.predict(xgboost.DMatrix(X))

        np.testing.assert_allclose(booster_arrays(booster).predict(X), expected, rtol=1e-5)

    def test_booster_on_a_threshold(self):
        """A value equal to a split's condition goes right, as XGBoost sends it."""
        import xgboost

        X = np.array([[1.0], [2.0], [3.0], [4.0]] * 5)
        y = (X[:, 0] >= 3).astype(float)
        booster = xgboost.train({"max_depth": 1}, xgboost.DMatrix(X, y), 1)
        arrays = booster_arrays(booster)
        condition = float(np.nextafter(np.float32(arrays.threshold[0]), np.float32(np.inf)))
        at_split = np.array([[condition]])

        expected = booster.predict(xgboost.DMatrix(at_split))

        np.testing.assert_allclose(arrays.predict(at_split), expected, rtol=1e-6)

    @pytest.mark.parametrize(
        ("name", "value"), [("left", 99), ("right", 0), ("feature", 7), ("roots", -1)]
    )
    def test_hostile_links(self, name, value):
        """A tree that points backwards or outside its arrays is refused, not walked."""
        arrays = {
            "roots": np.array([0]),
            "feature": np.array([0, 0, 0]),
            "threshold": np.array([0.5, 0.0, 0.0]),
            "left": np.array([1, 1, 2]),
            "right": np.array([2, 1, 2]),
            "value": np.array([0.0, 1.0, 2.0]),
            "offset": np.array([0.0]),
        }
        arrays[name] = np.array([value, *arrays[name][1:]])
        if name == "right":
            arrays["right"] = np.array([2, 0, 2])

        with pytest.raises(ArtefactError, match="points outside its arrays"):
            TreeEnsemble.from_arrays(arrays, 1)


class TestBaselines:
    """What a surrogate is compared with."""

    def test_macs(self):
        """Proportional cycles give their coefficient back."""
        macs = np.array([[10.0], [30.0], [70.0]])

        assert MacsCoefficient().fit(macs, 2.5 * macs[:, 0]).cycles_per_mac_ == pytest.approx(2.5)

    def test_nearest(self):
        """A known row is its own nearest."""
        X, y = samples()

        np.testing.assert_array_equal(NearestSample().fit(X, y).predict(X), y)


def test_one_wild_row():
    """A row thirteen times too slow hardly moves the costs."""
    X, _ = samples()
    y = X @ COSTS
    y[3] *= 13

    fitted = PhysicalPrior().fit(X, y)

    others = np.arange(len(y)) != 3
    np.testing.assert_allclose(fitted.predict(X)[others], y[others], rtol=0.01)
