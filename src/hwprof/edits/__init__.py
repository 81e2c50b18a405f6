"""Edits of a network: what could be changed, and the network with it changed."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from hwprof.edits._base import Edit
from hwprof.edits._channels import Channels
from hwprof.edits._groups import Groups
from hwprof.edits._input_size import InputSize
from hwprof.edits._kernel import Kernel
from hwprof.edits._regroup import Regrouped, regroup
from hwprof.edits._stride import EarlierStride
from hwprof.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hwprof.graph import Graph

EDITS: Mapping[str, type[Edit]] = MappingProxyType(
    {kind.kind: kind for kind in (Kernel, Channels, Groups, EarlierStride, InputSize)}
)


def proposals(graph: Graph) -> Iterator[Edit]:
    """Edits of every kind that are worth trying; some of them may not build."""
    for kind in EDITS.values():
        yield from kind.proposals(graph)


def get_edit(kind: str) -> type[Edit]:
    """The kind of edit of that name.

    Raises:
        UnknownNameError: there is none; the message suggests the nearest.
    """
    if kind not in EDITS:
        raise UnknownNameError("kind of edit", kind, EDITS)
    return EDITS[kind]


__all__ = [
    "EDITS",
    "Channels",
    "EarlierStride",
    "Edit",
    "Groups",
    "InputSize",
    "Kernel",
    "Regrouped",
    "get_edit",
    "proposals",
    "regroup",
]
