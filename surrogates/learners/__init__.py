"""Learners of a number from standardised columns, for regressors and performance strategies."""

from hwprof.surrogates.learners._base import Learner
from hwprof.surrogates.learners._gaussian import GaussianProcessLearner
from hwprof.surrogates.learners._linear import BayesianRidgeLearner, RidgeLearner
from hwprof.surrogates.learners._networks import NetworksLearner
from hwprof.surrogates.learners._support import SupportVectorLearner
from hwprof.surrogates.learners._trees import (
    RandomForestLearner,
    TreeEnsemble,
    XGBoostLearner,
    booster_arrays,
    forest_arrays,
)

__all__ = [
    "BayesianRidgeLearner",
    "GaussianProcessLearner",
    "Learner",
    "NetworksLearner",
    "RandomForestLearner",
    "RidgeLearner",
    "SupportVectorLearner",
    "TreeEnsemble",
    "XGBoostLearner",
    "booster_arrays",
    "forest_arrays",
]
