"""Regressors from features to cycles, simplest first."""

from collections.abc import Mapping
from types import MappingProxyType

from hwprof.surrogates.regressors._base import Arrays, Matrix, Regressor, Vector
from hwprof.surrogates.regressors._baselines import MacsCoefficient, NearestSample
from hwprof.surrogates.regressors._prior import PhysicalPrior
from hwprof.surrogates.regressors._residual import (
    BayesianRidgeResidual,
    GaussianProcessResidual,
    RandomForestResidual,
    ResidualRegressor,
    RidgeResidual,
    XGBoostResidual,
)

RESIDUAL_TYPES: tuple[type[ResidualRegressor], ...] = (
    RidgeResidual,
    BayesianRidgeResidual,
    GaussianProcessResidual,
    RandomForestResidual,
    XGBoostResidual,
)
"""Corrections that compete with the bare prior, in the order that breaks ties."""

_STORED_TYPES: tuple[type[Regressor], ...] = (PhysicalPrior, *RESIDUAL_TYPES, MacsCoefficient)

REGRESSOR_TYPES: Mapping[str, type[Regressor]] = MappingProxyType(
    {kind.name: kind for kind in _STORED_TYPES}
)
"""Regressors that an artefact may hold, by name."""

__all__ = [
    "REGRESSOR_TYPES",
    "RESIDUAL_TYPES",
    "Arrays",
    "BayesianRidgeResidual",
    "GaussianProcessResidual",
    "MacsCoefficient",
    "Matrix",
    "NearestSample",
    "PhysicalPrior",
    "RandomForestResidual",
    "Regressor",
    "ResidualRegressor",
    "RidgeResidual",
    "Vector",
    "XGBoostResidual",
]
