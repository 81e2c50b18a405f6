"""Search spaces by name, and out of files."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from hwprof.errors import UnknownNameError
from hwprof.search.spaces._base import Dimension, Point, SearchSpace
from hwprof.search.spaces._file import Choice, EditAxis, EditedNetwork, load_space
from hwprof.search.spaces._person_detection import PersonDetection
from hwprof.search.spaces._trained import TrainedSpace

if TYPE_CHECKING:
    from collections.abc import Mapping

SPACES: Mapping[str, SearchSpace] = MappingProxyType({PersonDetection.name: PersonDetection()})


def get_space(name: str) -> SearchSpace:
    """The search space of that name, or in the file of that name: ``advised.json``.

    Raises:
        UnknownNameError: no such space; the message suggests the nearest.
        ConfigurationError: the file is no search space.
    """
    if Path(name).suffix == ".json":
        return load_space(Path(name))
    if name not in SPACES:
        raise UnknownNameError("search space", name, SPACES)
    return SPACES[name]


__all__ = [
    "SPACES",
    "Choice",
    "Dimension",
    "EditAxis",
    "EditedNetwork",
    "PersonDetection",
    "Point",
    "SearchSpace",
    "TrainedSpace",
    "get_space",
    "load_space",
]
