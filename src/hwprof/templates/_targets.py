"""Which operators and widths of a subgraph a variation means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.graph import Conv2d, Node
from hwprof.templates._cut import Subgraph
from hwprof.templates._vary import C_IN, CHANNELS, GROUPS, KERNEL, OF_INPUTS, STRIDE, Variation
from hwprof.templates._widths import Widths, find_widths


@dataclass(frozen=True, slots=True)
class Target:
    """What one variation sets.

    Attributes:
        param: name in block keys, ``kernel``, or ``kernel_3`` for that of the fourth operator.
        names: operators whose attribute is set, or sources whose width is scaled.
        reference: the tensor or operator that has the value itself.
    """

    param: str
    names: frozenset[str]
    reference: str


def find_targets(subgraph: Subgraph, variations: Sequence[Variation]) -> dict[Variation, Target]:
    """What each variation sets; one that names a node goes before one that does not.

    Raises:
        UnknownNameError: a node that the subgraph does not hold.
        ConfigurationError: a variation means nothing here, or what another one means too.
    """
    position = {node.name: number for number, node in enumerate(subgraph.nodes)}
    for variation in variations:
        if variation.node and variation.node not in position:
            raise UnknownNameError("node of the block", variation.node, position)
    if len({str(variation) for variation in variations}) < len(variations):
        raise ConfigurationError("each quantity varies once; join its values with commas.")
    widths = find_widths(subgraph)
    found: dict[Variation, Target] = {}
    for variation in sorted(variations, key=lambda one: not one.node and one.quantity != C_IN):
        family = _family(variation)
        taken = {v: t.names for v, t in found.items() if _family(v) == family}
        names = _names(subgraph, widths, variation, frozenset[str]().union(*taken.values()))
        for other, theirs in taken.items():
            if names & theirs:
                raise ConfigurationError(
                    f"{variation} and {other} are one width in this block; vary one of them."
                )
        param = variation.quantity
        param += f"_{position[variation.node]}" if variation.node else ""
        reference = _reference(subgraph, widths, variation, names)
        found[variation] = Target(param, names, reference)
    return found


def _family(variation: Variation) -> str:
    return CHANNELS if variation.quantity in {CHANNELS, C_IN} else variation.quantity


def _names(
    subgraph: Subgraph, widths: Widths, variation: Variation, taken: frozenset[str]
) -> frozenset[str]:
    if variation.quantity == C_IN:
        return widths.tied(name for name, _ in subgraph.inputs)
    if variation.quantity in OF_INPUTS:
        return frozenset()
    if variation.quantity == CHANNELS:
        return _channel_sources(subgraph, widths, variation, taken)
    convs = {node.name: node for node in subgraph.nodes if isinstance(node.op, Conv2d)}
    if variation.node:
        if variation.node not in convs:
            raise ConfigurationError(f"{variation} needs a convolution; the node is none.")
        chosen = [convs[variation.node]]
    else:
        free = [node for name, node in convs.items() if name not in taken]
        chosen = _CHOOSE[variation.quantity](subgraph, free)
    if not chosen:
        raise ConfigurationError(
            f"no convolution of the block has a {variation.quantity} to vary; leave it out, or "
            f"name a node: {variation.quantity}@NODE."
        )
    _check_alike(variation, chosen)
    return frozenset(node.name for node in chosen)


def _channel_sources(
    subgraph: Subgraph, widths: Widths, variation: Variation, taken: frozenset[str]
) -> frozenset[str]:
    if variation.node:
        return widths.tied(widths.sources[variation.node])
    # The output's width, and every width that is equal to it or to a part of it.
    ends = widths.sources[subgraph.output.name]
    equal = {subgraph.shapes[name][2] for name in (*ends, subgraph.output.name)}
    alike = [source for source in widths.group if subgraph.shapes[source][2] in equal]
    free = widths.tied((*ends, *alike)) - taken
    if not free:
        raise ConfigurationError("every width that channels would mean varies by itself already.")
    return free


def _larger(subgraph: Subgraph, convs: Iterable[Node]) -> list[Node]:
    del subgraph
    return [node for node in convs if _side(node) != (1, 1)]


def _strided(subgraph: Subgraph, convs: Sequence[Node]) -> list[Node]:
    strided = [node for node in convs if _strides(node) != (1, 1)]
    candidates = strided or _larger(subgraph, convs) or list(convs)
    if not strided and len(candidates) > 1:
        names = ", ".join(node.name for node in candidates[:4])
        raise ConfigurationError(
            f"no convolution of the block has a stride, and several could: {names}; name one: "
            "stride@NODE."
        )
    return candidates


def _groupable(subgraph: Subgraph, convs: Sequence[Node]) -> list[Node]:
    dense = [node for node in convs if not _op(node).is_depthwise(subgraph.input_shapes(node))]
    return [node for node in dense if _op(node).groups > 1] or dense


_CHOOSE: Mapping[str, Callable[[Subgraph, Sequence[Node]], list[Node]]] = MappingProxyType(
    {KERNEL: _larger, STRIDE: _strided, GROUPS: _groupable}
)


def _op(node: Node) -> Conv2d:
    if not isinstance(node.op, Conv2d):
        raise ConfigurationError(f"{node.name!r} is no convolution.")
    return node.op


def _side(node: Node) -> tuple[int, int]:
    return _op(node).kernel_h, _op(node).kernel_w


def _strides(node: Node) -> tuple[int, int]:
    return _op(node).stride_h, _op(node).stride_w


def _check_alike(variation: Variation, nodes: Sequence[Node]) -> None:
    """Kernels and strides are square, and the same wherever one variation sets them."""
    read = {KERNEL: _side, STRIDE: _strides}.get(variation.quantity)
    if read is None:
        return
    values = {read(node): node.name for node in nodes}
    if len(values) > 1:
        words = ", ".join(f"{h}x{w} at {name}" for (h, w), name in values.items())
        raise ConfigurationError(
            f"the block has more than one {variation.quantity}: {words}; name a node: "
            f"{variation.quantity}@NODE."
        )
    (height, width) = next(iter(values))
    if height != width:
        raise ConfigurationError(
            f"a {variation.quantity} that varies is square; {nodes[0].name!r} has {height}x{width}."
        )


def _reference(
    subgraph: Subgraph, widths: Widths, variation: Variation, names: frozenset[str]
) -> str:
    if variation.quantity in OF_INPUTS:
        return subgraph.inputs[0][0]
    if variation.quantity == CHANNELS:
        wanted = variation.node or subgraph.output.name
        if widths.sources[wanted] <= names:
            return wanted
    return next(name for name in subgraph.shapes if name in names)
