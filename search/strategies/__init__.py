"""Search strategies by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from hwprof.errors import UnknownNameError
from hwprof.search.strategies._base import Strategy
from hwprof.search.strategies._constraints import constrain
from hwprof.search.strategies._exhaustive import Exhaustive
from hwprof.search.strategies._nsga2 import Nsga2
from hwprof.search.strategies._random import RandomSearch
from hwprof.search.strategies._tpe import MultiObjectiveTpe

if TYPE_CHECKING:
    from collections.abc import Mapping

STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        strategy.name: strategy
        for strategy in (MultiObjectiveTpe(), Nsga2(), RandomSearch(), Exhaustive())
    }
)


def get_strategy(name: str) -> Strategy:
    """The strategy of that name.

    Raises:
        UnknownNameError: no such strategy; the message suggests the nearest.
    """
    if name not in STRATEGIES:
        raise UnknownNameError("search strategy", name, STRATEGIES)
    return STRATEGIES[name]


__all__ = [
    "STRATEGIES",
    "Exhaustive",
    "MultiObjectiveTpe",
    "Nsga2",
    "RandomSearch",
    "Strategy",
    "constrain",
    "get_strategy",
]
