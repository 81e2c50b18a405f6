"""Advice as a search space: one axis for each place, its alternatives the choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import prod

from hwprof.architecture import Architecture
from hwprof.edits import EarlierStride, Edit, regroup
from hwprof.errors import ConfigurationError, ModelError
from hwprof.graph import Graph
from hwprof.search.spaces import Choice, EditAxis, EditedNetwork
from hwprof.workflows.advise import Advice, Alternative

MOST_ARCHITECTURES = 1 << 13  # a search predicts the whole space too: half a minute
_AS_IT_IS = Choice("as it is")
_NAMELESS = "edits"  # of an ONNX graph without a name: a space has one


@dataclass(frozen=True, slots=True)
class AdvisedSpace:
    """A space and what of the advice is in it.

    Attributes:
        used, offered: alternatives that save time, in the space and in all.
    """

    space: EditedNetwork
    used: int
    offered: int


def advised_space(advice: Advice) -> AdvisedSpace:
    """The largest savings as axes, as many as a search can try; every two choices fit together.

    Blocks that an edit breaks into operators are operators everywhere in the space.

    Raises:
        ConfigurationError: no edit saves time.
    """
    saving = [one for one in advice.alternatives if one.saving.saved_us > 0]
    places = _places(advice.graph, saving)
    if not places:
        raise ConfigurationError(
            f"no edit of {advice.architecture.name!r} saves time, so there is nothing to search."
        )
    used = list(chain.from_iterable(places.values()))
    network, renamed = _broken_up(advice, used)
    axes = [
        EditAxis(name, (_AS_IT_IS, *(_choice(one.edit, renamed) for one in ones)))
        for name, ones in places.items()
    ]
    own_name = advice.architecture.name.strip() or _NAMELESS
    space = EditedNetwork(own_name, network, axes)
    return AdvisedSpace(space, len(used), len(saving))


def _places(graph: Graph, alternatives: Iterable[Alternative]) -> dict[str, list[Alternative]]:
    """Alternatives by axis, the largest savings first, until the space is full."""
    places: dict[str, list[Alternative]] = {}
    for alternative in alternatives:
        name = _axis_name(alternative)
        sizes = {place: 1 + len(ones) for place, ones in places.items()}
        sizes[name] = 1 + sizes.get(name, 1)
        others = chain.from_iterable(ones for place, ones in places.items() if place != name)
        if prod(sizes.values()) <= MOST_ARCHITECTURES and _fits(graph, alternative, others):
            places.setdefault(name, []).append(alternative)
    return places


def _axis_name(alternative: Alternative) -> str:
    """Alternatives of one axis exclude each other."""
    edit = alternative.edit
    place = edit.nodes[1] if isinstance(edit, EarlierStride) else alternative.where
    return f"{edit.kind} of {place}"


def _fits(graph: Graph, alternative: Alternative, others: Iterable[Alternative]) -> bool:
    """Whether an edit can be made before and after each of the others, to the same effect."""
    try:
        for other in others:
            one = alternative.edit.apply(other.edit.apply(graph))
            two = other.edit.apply(alternative.edit.apply(graph))
            if [node.op for node in one.nodes] != [node.op for node in two.nodes]:
                return False
    except ModelError:
        return False
    return True


def _broken_up(
    advice: Advice, used: Sequence[Alternative]
) -> tuple[Architecture, Mapping[str, str]]:
    """The network with blocks that stay whole under every edit, and its operators' new names."""
    network, graph = advice.architecture, advice.graph
    split = frozenset[str]().union(
        *(regroup(network, graph, one.edit.apply(graph)).split for one in used)
    )
    whole = regroup(network, graph, graph, split=split).architecture
    names = (node.name for node in graph.nodes)
    return whole, dict(zip(names, (node.name for node in whole.graph().nodes), strict=True))


def _choice(edit: Edit, names: Mapping[str, str]) -> Choice:
    return Choice(edit.setting, (replace(edit, nodes=tuple(names[name] for name in edit.nodes)),))
