"""A search space out of a file: one network and, for each of its axes, edits to choose from.

Format (docs/FORMATS.md, "Search space"): JSON, bounded, nothing in it is executed. The blocks
of the network stay the same at every point, so that points are priced alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from hwprof.architecture import Architecture
from hwprof.documents import (
    BrokenRuleError,
    as_list,
    as_name,
    as_number,
    as_object,
    as_text,
    load_object,
)
from hwprof.edits import Edit, get_edit, regroup
from hwprof.errors import ConfigurationError, ModelError, UnknownNameError
from hwprof.files import FileKind
from hwprof.graph import Graph
from hwprof.partition import ARCHITECTURE_KEY, architecture_metadata, read_architecture
from hwprof.search.spaces._base import Dimension, Point, SearchSpace

FORMAT = "hwprof-space"
FORMAT_VERSION = 1
SPACE_FILE = FileKind(
    noun="a search space",
    most_bytes=8 << 20,
    error=ConfigurationError,
    check="'hwprof advise MODEL --emit-space FILE' writes one",
    shrink="give it fewer axes, or a smaller network",
)
MOST_AXES = 64
MOST_CHOICES = 64
MOST_ARCHITECTURES = 1_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """One way for an axis to go: edits, none for the network as it is."""

    label: str
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class EditAxis:
    """Choices of which each architecture takes one; the first leaves the network as it is."""

    name: str
    choices: tuple[Choice, ...]


class EditedNetwork(SearchSpace):
    """The architectures that edits of one network make.

    Args:
        name: the space's own.
        architecture: the network that is edited; every block stays of its type.
        axes: in the order in which their edits are made.

    Raises:
        ConfigurationError: an axis has no choice or two of one name, the first is an edit, there
            are too many, or an edit cannot be made on its own.
    """

    def __init__(self, name: str, architecture: Architecture, axes: Iterable[EditAxis]) -> None:
        self.name = name
        self.network = architecture
        self.axes = tuple(axes)
        _check_axes(self)
        for axis in self.axes:
            for choice in axis.choices:
                self._check(axis, choice)

    @cached_property
    def graph(self) -> Graph:
        """The network's operators, unedited; edits name these."""
        return self.network.graph()

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        return tuple(
            Dimension(axis.name, tuple(choice.label for choice in axis.choices))
            for axis in self.axes
        )

    @property
    def origin(self) -> str:
        """The network and all edits."""
        return json.dumps(self._document(), sort_keys=True)

    @property
    def seed_point(self) -> Point:
        return (0,) * len(self.axes)

    def architecture(self, point: Point) -> Architecture:
        """The network with the chosen edits.

        Raises:
            ModelError: the edits cannot be made together; none of those that hwprof writes is so.
        """
        chosen = [axis.choices[choice] for axis, choice in zip(self.axes, point, strict=True)]
        graph = self.graph
        for choice in chosen:
            graph = _edited(graph, choice.edits)
        made = regroup(self.network, self.graph, graph).architecture
        labels = [
            f"{axis.name}={choice.label}"
            for axis, choice in zip(self.axes, chosen, strict=True)
            if choice.edits
        ]
        return replace(made, name=";".join([self.name, *labels]))

    def save(self, path: Path) -> None:
        """Write the space as a file that ``load_space`` reads.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        try:
            path.write_text(json.dumps(self._document(), indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"cannot write {path}: {error.strerror}; choose another place or make room."
            ) from error

    def _document(self) -> dict[str, object]:
        metadata = architecture_metadata(self.network)[ARCHITECTURE_KEY]
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "name": self.name,
            "architecture": json.loads(metadata),
            "axes": [
                {
                    "name": axis.name,
                    "choices": [
                        {"label": choice.label, "edits": [_document(e) for e in choice.edits]}
                        for choice in axis.choices
                    ],
                }
                for axis in self.axes
            ],
        }

    def _check(self, axis: EditAxis, choice: Choice) -> None:
        try:
            _edited(self.graph, choice.edits)
        except (ModelError, UnknownNameError) as error:
            reason = str(error).rstrip(".?")
            raise ConfigurationError(
                f"choice {choice.label!r} of axis {axis.name!r} of space {self.name!r} cannot be "
                f"built ({reason}); remove it."
            ) from error


def _edited(graph: Graph, edits: Iterable[Edit]) -> Graph:
    for edit in edits:
        graph = edit.apply(graph)
    return graph


def _check_axes(space: EditedNetwork) -> None:
    names = [axis.name for axis in space.axes]
    faults = {
        f"1 to {MOST_AXES} axes of different names": not 0 < len(names) <= MOST_AXES
        or len(set(names)) < len(names),
        f"1 to {MOST_CHOICES} choices of different labels on each axis": any(
            not 0 < len(axis.choices) <= MOST_CHOICES
            or len({choice.label for choice in axis.choices}) < len(axis.choices)
            for axis in space.axes
        ),
        "a first choice on each axis that edits nothing": any(
            axis.choices and axis.choices[0].edits for axis in space.axes
        ),
    }
    broken = [rule for rule, is_so in faults.items() if is_so]
    if not broken and space.size > MOST_ARCHITECTURES:
        broken = [f"at most {MOST_ARCHITECTURES:,} architectures, not {space.size:,}"]
    if broken:
        raise ConfigurationError(
            f"the search space {space.name!r} needs {broken[0]}; change its axes."
        )


def _document(edit: Edit) -> dict[str, object]:
    return {"kind": edit.kind, "nodes": list(edit.nodes), "values": list(edit.values)}


def load_space(path: Path) -> EditedNetwork:
    """The search space in a file that ``hwprof advise --emit-space`` or a person wrote.

    Raises:
        ConfigurationError: the file cannot be read, is not that format, or beyond its bounds.
    """
    data = SPACE_FILE.read(path)
    try:
        return _space(load_object(data.decode("utf-8"), FORMAT_VERSION))
    except (ValueError, ModelError, UnknownNameError) as error:
        if isinstance(error, ConfigurationError) and not isinstance(error, UnknownNameError):
            raise
        reason = str(error).rstrip(".?")
        raise ConfigurationError(
            f"{path} is no search space ({reason}); 'hwprof advise MODEL --emit-space FILE' writes "
            "one."
        ) from error


def _space(document: Mapping[str, Any]) -> EditedNetwork:
    if document.get("format") != FORMAT:
        raise ValueError(f"it needs format {FORMAT!r}")
    network = read_architecture(json.dumps(as_object(document.get("architecture"))))
    axes = [axis_of(as_object(axis)) for axis in as_list(document.get("axes"))]
    return EditedNetwork(text_field(document, "name"), network, axes)


def text_field(document: Mapping[str, Any], name: str) -> str:
    """A text that a document must have, and that names something.

    Raises:
        BrokenRuleError: it has none, or one that is blank, too long or does not print.
    """
    if name not in document:
        raise BrokenRuleError(f"a text {name!r}, which it has not")
    return as_name(document[name])


def check_keys(document: Mapping[str, Any], known: Sequence[str], kind: str) -> None:
    """Refuse names that nobody reads, which are mistakes of writing.

    Raises:
        UnknownNameError: there is one.
    """
    for name in document:
        if name not in known:
            raise UnknownNameError(kind, name, known)


def axis_of(document: Mapping[str, Any]) -> EditAxis:
    """One axis as a file writes it.

    Raises:
        BrokenRuleError: a field is missing or of another kind.
        UnknownNameError: no such edit or field.
    """
    check_keys(document, ("name", "choices"), "field of an axis")
    choices = _list_field(document, "choices")
    return EditAxis(
        text_field(document, "name"), tuple(_choice(as_object(choice)) for choice in choices)
    )


def _choice(document: Mapping[str, Any]) -> Choice:
    check_keys(document, ("label", "edits"), "field of a choice")
    edits = _list_field(document, "edits")
    return Choice(text_field(document, "label"), tuple(_edit(as_object(edit)) for edit in edits))


def _edit(document: Mapping[str, Any]) -> Edit:
    check_keys(document, ("kind", "nodes", "values"), "field of an edit")
    nodes = tuple(as_text(name) for name in _list_field(document, "nodes"))
    values = tuple(as_number(value) for value in _list_field(document, "values"))
    return get_edit(text_field(document, "kind"))(nodes, values)


def _list_field(document: Mapping[str, Any], name: str) -> list[Any]:
    if name not in document:
        raise BrokenRuleError(f"a list {name!r}, which it has not")
    return as_list(document[name])
