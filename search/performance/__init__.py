"""Performance strategies: 24 ways to guess how good a design would be if it were trained."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hwprof.documents import as_number, as_object, as_text
from hwprof.errors import ArtefactError, ConfigurationError, UnknownNameError
from hwprof.search.performance._base import (
    Evidence,
    FittedStrategy,
    Kind,
    Needs,
    PerformanceStrategy,
)
from hwprof.search.performance._counts import COUNTS
from hwprof.search.performance._curves import EARLY_EPOCHS, FEWEST_CURVE_EPOCHS, curves
from hwprof.search.performance._encoding import encoding_of
from hwprof.search.performance._models import MODELS, curve_model
from hwprof.search.performance._zero_cost import ZERO_COST


def strategies(early_epochs: int = EARLY_EPOCHS) -> Mapping[str, PerformanceStrategy]:
    """All strategies by name, those of learning curves looking at so many epochs.

    Raises:
        ConfigurationError: too few epochs for a learning curve.
    """
    rows: tuple[PerformanceStrategy, ...] = (
        *COUNTS,
        *ZERO_COST,
        *curves(early_epochs),
        curve_model(early_epochs),
        *MODELS,
    )
    return MappingProxyType({row.name: row for row in rows})


STRATEGIES = strategies()


def get_strategy(name: str, early_epochs: int = EARLY_EPOCHS) -> PerformanceStrategy:
    """The strategy of that name.

    Raises:
        UnknownNameError: no such strategy; the message suggests the nearest.
        ConfigurationError: too few epochs for a learning curve.
    """
    table = strategies(early_epochs)
    if name not in table:
        raise UnknownNameError("performance strategy", name, table)
    return table[name]


def load_fitted(document: Mapping[str, Any]) -> FittedStrategy:
    """What ``FittedStrategy.document`` wrote; scores as the one that wrote it.

    Raises:
        ArtefactError: it is something else, or of another hwprof.
    """
    try:
        fields = as_object(document)
        early_epochs = as_number(fields.get("early_epochs")) or EARLY_EPOCHS
        strategy = get_strategy(as_text(fields.get("strategy")), early_epochs)
    except (ValueError, ConfigurationError) as error:
        raise ArtefactError(f"this is no fitted strategy ({error}); fit it again.") from error
    return strategy.restored(fields)


__all__ = [
    "EARLY_EPOCHS",
    "FEWEST_CURVE_EPOCHS",
    "STRATEGIES",
    "Evidence",
    "FittedStrategy",
    "Kind",
    "Needs",
    "PerformanceStrategy",
    "encoding_of",
    "get_strategy",
    "load_fitted",
    "strategies",
]
