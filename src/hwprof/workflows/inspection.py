"""Where a model's work, time and memory go: its layers, and the groups they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod

from hwprof.errors import ConfigurationError
from hwprof.graph import Graph, Node
from hwprof.measurement import Measurement
from hwprof.models import Model
from hwprof.profiler.memory_report import MemoryReport

GROUPINGS = ("auto", "layer", "block", "part")


@dataclass(frozen=True, slots=True)
class Share:
    """What one layer or group costs, beside the whole model.

    Attributes:
        op: operator of a layer; how many layers a group holds.
        weights_bytes: int8 weights; biases and scales not counted.
        peak_ram_bytes: activations alive at its worst layer, each tensor on lines of its own.
        macs_percent, latency_percent: of the whole model.
    """

    name: str
    op: str
    macs: int
    cycles: int
    latency_us: float
    weights_bytes: int
    peak_ram_bytes: int
    macs_percent: float
    latency_percent: float

    @property
    def slow_for_its_macs(self) -> bool:
        """Whether it takes a larger share of the time than of the work."""
        return self.latency_percent > self.macs_percent


@dataclass(frozen=True, slots=True)
class Inspection:
    """A model's layers, its groups, and the layer that costs most.

    Attributes:
        grouping: what the groups are: parts of the network, blocks, or single layers.
    """

    row: Measurement
    layers: tuple[Share, ...]
    groups: tuple[Share, ...]
    grouping: str

    @property
    def bottleneck(self) -> Share:
        """The layer with the largest share of the latency."""
        return max(self.layers, key=lambda share: share.cycles)


@dataclass(frozen=True, slots=True)
class _Member:
    node: Node
    macs: int
    cycles: int
    weights_bytes: int
    live_bytes: int


def inspect_model(
    model: Model, row: Measurement, memory: MemoryReport, grouping: str = "auto"
) -> Inspection:
    """Join what a model is with what a board said it costs.

    Args:
        row: the same model measured or modelled.
        memory: of the program that was run.
        grouping: ``part`` groups by the network's parts (backbone, head), ``block`` by block,
            ``layer`` not at all; ``auto`` takes parts where the network has them, else blocks.

    Raises:
        ConfigurationError: the grouping is none of these, or the network has no parts.
    """
    parts = {name: part for name, part in model.architecture.groups.items() if part}
    if grouping == "auto":
        grouping = "part" if parts else "block"
    labels: dict[str, Callable[[Node], str]] = {
        "part": lambda node: parts.get(node.block, "other"),
        "block": lambda node: node.block,
        "layer": lambda node: node.name,
    }
    if grouping not in labels or (grouping == "part" and not parts):
        raise ConfigurationError(
            f"layers can be grouped by {', '.join(GROUPINGS)}, and by part only in a network that "
            f"names its parts; got {grouping!r}; use --group block."
        )
    members = list(_members(model.graph, row, memory))
    return Inspection(
        row,
        layers=_shares(members, row, labels["layer"]),
        groups=_shares(members, row, labels[grouping]),
        grouping=grouping,
    )


def _members(graph: Graph, row: Measurement, memory: MemoryReport) -> Iterable[_Member]:
    cycles = {layer.name: layer.cycles for layer in row.operators}
    live = 0
    for node in graph.nodes:
        live = memory.live_bytes_of.get(node.name, live)  # a view keeps alive what it views
        weights = node.op.weight_shape(graph.input_shapes(node))
        yield _Member(
            node,
            graph.node_macs(node),
            cycles.get(node.name, 0),
            prod(weights) if weights else 0,
            live,
        )


def _shares(
    members: Iterable[_Member], row: Measurement, label: Callable[[Node], str]
) -> tuple[Share, ...]:
    grouped: dict[str, list[_Member]] = {}
    for member in members:
        grouped.setdefault(label(member.node), []).append(member)
    return tuple(_share(name, group, row) for name, group in grouped.items())


def _share(name: str, group: list[_Member], row: Measurement) -> Share:
    macs = sum(member.macs for member in group)
    cycles = sum(member.cycles for member in group)
    single = len(group) == 1
    return Share(
        name=name,
        op=group[0].node.op.kind if single else f"{len(group)} layers",
        macs=macs,
        cycles=cycles,
        latency_us=row.origin.context.cycles_to_us(cycles),
        weights_bytes=sum(member.weights_bytes for member in group),
        peak_ram_bytes=max(member.live_bytes for member in group),
        macs_percent=100.0 * macs / max(row.macs, 1),
        latency_percent=100.0 * cycles / max(row.cycles, 1),
    )
