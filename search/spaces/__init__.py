"""Search spaces by name, and out of files."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.search.spaces._base import Dimension, Indices, Point, SearchSpace
from hwprof.search.spaces._built import BuiltNetworks, ParameterAxis
from hwprof.search.spaces._file import Choice, EditAxis, EditedNetwork, load_space
from hwprof.search.spaces._person_detection import PersonDetection
from hwprof.search.spaces._toml import load_toml_space
from hwprof.search.spaces._trained import TrainedSpace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SPACES: Mapping[str, SearchSpace] = MappingProxyType({PersonDetection.name: PersonDetection()})

_READERS: Mapping[str, Callable[[Path], SearchSpace]] = MappingProxyType(
    {".json": load_space, ".toml": load_toml_space}
)


def get_space(name: str) -> SearchSpace:
    """The search space of that name, or in the file of that name: ``advised.json``, ``mine.toml``.

    Raises:
        UnknownNameError: no such space; the message suggests the nearest.
        ConfigurationError: the file is no search space, or ends in another way.
    """
    read = _READERS.get(Path(name).suffix)
    if read is not None:
        return read(Path(name))
    if Path(name).suffix:
        raise ConfigurationError(
            f"a search space is read from a file that ends in {' or '.join(_READERS)}; got {name}; "
            f"rename it, or name one of hwprof's own: {', '.join(SPACES)}."
        )
    if name not in SPACES:
        raise UnknownNameError("search space", name, SPACES)
    return SPACES[name]


__all__ = [
    "SPACES",
    "BuiltNetworks",
    "Choice",
    "Dimension",
    "EditAxis",
    "EditedNetwork",
    "Indices",
    "ParameterAxis",
    "PersonDetection",
    "Point",
    "SearchSpace",
    "TrainedSpace",
    "get_space",
    "load_space",
    "load_toml_space",
]
