"""Learners keep one contract, and say from arrays what the library says."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor
from sklearn.svm import SVR

from hwprof.errors import ArtefactError
from hwprof.surrogates.learners import (
    BayesianRidgeLearner,
    GaussianProcessLearner,
    NetworksLearner,
    RandomForestLearner,
    RidgeLearner,
    SupportVectorLearner,
    XGBoostLearner,
)

LEARNERS = (
    RidgeLearner,
    BayesianRidgeLearner,
    GaussianProcessLearner,
    RandomForestLearner,
    XGBoostLearner,
    SupportVectorLearner,
    NetworksLearner,
)


def _samples(n=40, columns=3):
    generator = np.random.default_rng(0)
    z = generator.normal(size=(n, columns))
    return z, np.tanh(z.sum(axis=1)) + generator.normal(0, 0.05, n)


@pytest.mark.parametrize("kind", LEARNERS)
@pytest.mark.parametrize("columns", [0, 3])
def test_arrays_say_what_the_learner_said(kind, columns):
    """A learner made from another's arrays predicts the same numbers, without columns too."""
    z, r = _samples(columns=columns)
    learner = kind().fit(z, r)

    again = kind.from_arrays(learner.arrays(), columns)

    np.testing.assert_array_equal(again.predict(z), learner.predict(z))


@pytest.mark.parametrize("kind", LEARNERS)
def test_a_missing_array_is_refused(kind):
    """A stored state without one of its arrays is refused by the array's name."""
    arrays = dict(kind().fit(*_samples()).arrays())
    missing = next(iter(arrays))
    del arrays[missing]

    with pytest.raises(ArtefactError, match=f"needs the array '{missing}'"):
        kind.from_arrays(arrays, 3)


def test_support_vectors_equal_the_library():
    """The sum over support vectors is scikit-learn's prediction."""
    z, r = _samples()
    library = SVR(kernel="rbf", gamma=1 / 3, C=1.0, epsilon=0.1).fit(z, r)

    np.testing.assert_allclose(
        SupportVectorLearner().fit(z, r).predict(z), library.predict(z), rtol=1e-10
    )


def test_networks_equal_the_mean_of_the_library():
    """Five networks, seeds 0 to 4."""
    z, r = _samples()
    options = {"activation": "tanh", "solver": "lbfgs", "alpha": 1.0, "max_iter": 500}
    answers = [
        MLPRegressor(hidden_layer_sizes=(16,), random_state=seed, **options).fit(z, r).predict(z)
        for seed in range(5)
    ]

    np.testing.assert_allclose(
        NetworksLearner().fit(z, r).predict(z), np.mean(answers, axis=0), rtol=1e-10
    )


def test_a_gamma_that_is_not_positive_is_refused():
    """A kernel that grows with distance was never fitted."""
    arrays = dict(SupportVectorLearner().fit(*_samples()).arrays()) | {"gamma": np.array([-1.0])}

    with pytest.raises(ArtefactError, match="gamma of stored support_vectors is positive"):
        SupportVectorLearner.from_arrays(arrays, 3)
