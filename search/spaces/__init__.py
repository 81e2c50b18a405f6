"""Search spaces by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from hwprof.errors import UnknownNameError
from hwprof.search.spaces._base import Dimension, Point, SearchSpace
from hwprof.search.spaces._person_detection import PersonDetection

if TYPE_CHECKING:
    from collections.abc import Mapping

SPACES: Mapping[str, SearchSpace] = MappingProxyType({PersonDetection.name: PersonDetection()})


def get_space(name: str) -> SearchSpace:
    """The search space of that name.

    Raises:
        UnknownNameError: no such space; the message suggests the nearest.
    """
    if name not in SPACES:
        raise UnknownNameError("search space", name, SPACES)
    return SPACES[name]


__all__ = ["SPACES", "Dimension", "PersonDetection", "Point", "SearchSpace", "get_space"]
