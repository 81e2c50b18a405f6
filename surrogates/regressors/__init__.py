"""Regressors from features to cycles, simplest first."""

from hwprof.surrogates.regressors._base import Arrays, Matrix, Regressor, Vector
from hwprof.surrogates.regressors._baselines import MacsCoefficient, NearestSample
from hwprof.surrogates.regressors._linear import BayesianRidgeResidual, RidgeResidual
from hwprof.surrogates.regressors._prior import PhysicalPrior
from hwprof.surrogates.regressors._residual import ResidualRegressor
from hwprof.surrogates.regressors._trees import (
    RandomForestResidual,
    TreeEnsemble,
    XGBoostResidual,
    booster_arrays,
    forest_arrays,
)

RESIDUAL_TYPES: tuple[type[ResidualRegressor], ...] = (
    RidgeResidual,
    BayesianRidgeResidual,
    RandomForestResidual,
    XGBoostResidual,
)
"""Corrections that compete with the bare prior, in the order that breaks ties."""

REGRESSOR_TYPES: dict[str, type[Regressor]] = {
    kind.name: kind for kind in (PhysicalPrior, *RESIDUAL_TYPES, MacsCoefficient)
}

__all__ = [
    "REGRESSOR_TYPES",
    "RESIDUAL_TYPES",
    "Arrays",
    "BayesianRidgeResidual",
    "MacsCoefficient",
    "Matrix",
    "NearestSample",
    "PhysicalPrior",
    "RandomForestResidual",
    "Regressor",
    "ResidualRegressor",
    "RidgeResidual",
    "TreeEnsemble",
    "Vector",
    "XGBoostResidual",
    "booster_arrays",
    "forest_arrays",
]
