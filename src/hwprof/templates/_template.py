"""A block type made of a subgraph and of what varies in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from hwprof.architecture import BlockInstance, block_graph
from hwprof.blocks import BLOCK_TYPES, Axis, BlockConfig, BlockType, GraphBuilder, Value
from hwprof.errors import ConfigurationError, ModelError
from hwprof.graph import Node, Shape
from hwprof.templates._adapt import Change, adapted, whole
from hwprof.templates._cut import Subgraph
from hwprof.templates._match import GraphIndex, match
from hwprof.templates._targets import Target, find_targets
from hwprof.templates._vary import (
    C_IN,
    CHANNELS,
    GROUPS,
    HEIGHT,
    KERNEL,
    OF_INPUTS,
    STRIDE,
    WIDTH,
    Variation,
)
from hwprof.templates._widths import is_source

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_DRAWN_BY_RATIO = {CHANNELS, *OF_INPUTS}
_ATTRIBUTES = {KERNEL: "kernel_h", STRIDE: "stride_h", GROUPS: "groups"}
_EXTENTS = {HEIGHT: 0, WIDTH: 1, C_IN: 2}


@dataclass(frozen=True)
class TemplateBlock(BlockType):
    """A user's block type; two are equal if they build and vary the same.

    Extents and channels of the inputs are in a configuration's shapes, all else in its
    parameters.

    Attributes:
        targets: what each variation sets.
    """

    name: str
    subgraph: Subgraph
    variations: tuple[Variation, ...]
    arity: range = field(init=False, repr=False, compare=False)
    targets: Mapping[Variation, Target] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name in BLOCK_TYPES:
            raise ConfigurationError(
                "a block type is called by letters, digits and _, a letter first, and not like "
                f"one that hwprof has; got {self.name!r}; choose another --name."
            )
        if not self.variations:
            raise ConfigurationError(
                "a block type needs something to vary; add --vary kernel=3,5 or --vary "
                "channels=16..96."
            )
        count = len(self.subgraph.inputs)
        object.__setattr__(self, "arity", range(count, count + 1))
        object.__setattr__(self, "targets", find_targets(self.subgraph, self.variations))

    def axes(self) -> tuple[Axis, ...]:
        return tuple(
            Axis(
                self.targets[one].param,
                one.values,
                log=one.quantity in _DRAWN_BY_RATIO and len(one.values) > 1,
            )
            for one in self.variations
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        params = {
            self.targets[one].param: values[self.targets[one].param] for one in self.variations
        }
        first = self.subgraph.inputs[0][1]
        corner = [int(params.pop(name, first[axis])) for name, axis in _EXTENTS.items()]
        try:
            factors = self._factors(params, Fraction(corner[2], first[2]))
            shapes = self._input_shapes((corner[0], corner[1]), factors)
            config = BlockConfig(self.name, tuple(sorted(params.items())), shapes, self)
            block_graph(config)
        except ModelError:
            return None
        return config

    def build(
        self, builder: GraphBuilder, block: str, config: BlockConfig, inputs: Sequence[str]
    ) -> str:
        changes = self._changes(config)
        tensors = dict(zip((name for name, _ in self.subgraph.inputs), inputs, strict=True))
        for node in self.subgraph.nodes:
            names = [tensors[name] for name in node.inputs]
            now = [builder.shape(name) for name in names]
            was = self.subgraph.input_shapes(node)
            op = adapted(node.op, was, now, changes.get(node.name, Change()))
            tensors[node.name] = builder.add(block, node.name, op, *names)
        return tensors[self.subgraph.output.name]

    def recognise(self, index: GraphIndex, last: Node) -> BlockInstance | None:
        """This block where it ends in an operator of a graph, inside what was varied.

        Args:
            index: the graph.
            last: the operator that would be the block's output.
        """
        found = match(self.subgraph, index, last)
        if found is None:
            return None
        inputs = tuple(found[name] for name, _ in self.subgraph.inputs)
        nodes = tuple(found[node.name] for node in self.subgraph.nodes)
        config = self._read(index, found, tuple(index.shapes[name] for name in inputs))
        if config is None:
            return None
        try:
            built = block_graph(config)
        except ModelError:
            return None
        theirs = [index.nodes[name].op for name in nodes]
        if [node.op for node in built.nodes] != theirs:
            return None
        return BlockInstance(last.name, config, inputs, nodes=nodes)

    def _read(
        self, index: GraphIndex, found: Mapping[str, str], inputs: tuple[Shape, ...]
    ) -> BlockConfig | None:
        """The configuration that a graph's operators speak of; None outside what was varied."""
        params: dict[str, Value] = {}
        free = set(_EXTENTS)
        for one in self.variations:
            target = self.targets[one]
            name = found[target.reference]
            if one.quantity in _EXTENTS:
                free.discard(one.quantity)
                value = inputs[0][_EXTENTS[one.quantity]]
            elif one.quantity == CHANNELS:
                value = params[target.param] = index.shapes[name][2]
            else:
                value = getattr(index.nodes[name].op, _ATTRIBUTES[one.quantity])
                params[target.param] = value
            if not one.values[0] <= value <= one.values[-1]:
                return None
        first = self.subgraph.inputs[0][1]
        # Channels that nobody varies are held against the parameters when the block is built.
        if any(inputs[0][_EXTENTS[name]] != first[_EXTENTS[name]] for name in free - {C_IN}):
            return None
        return BlockConfig(self.name, tuple(sorted(params.items())), inputs, self)

    def _factors(self, params: Mapping[str, Value], c_in: Fraction) -> dict[str, Fraction]:
        """By how much each source's width is scaled; sources left out keep theirs."""
        factors: dict[str, Fraction] = {}
        for one, target in self.targets.items():
            if one.quantity == CHANNELS:
                was = self.subgraph.shapes[target.reference][2]
                factor = Fraction(int(params[target.param]), was)
            elif one.quantity == C_IN:
                factor = c_in
            else:
                continue
            factors.update(dict.fromkeys(target.names, factor))
        return factors

    def _input_shapes(
        self, extents: tuple[int, int], factors: Mapping[str, Fraction]
    ) -> tuple[Shape, ...]:
        first = self.subgraph.inputs[0][1]
        ratios = [Fraction(extent, was) for extent, was in zip(extents, first[:2], strict=True)]
        shapes = []
        for name, shape in self.subgraph.inputs:
            # A single row or column is a vector, which has no extent to follow.
            height, width = (
                extent if extent == 1 != first[axis] else whole(extent * ratios[axis], "an input")
                for axis, extent in enumerate(shape[:2])
            )
            channels = whole(shape[2] * factors.get(name, Fraction(1)), "an input")
            shapes.append((height, width, channels))
        return tuple(shapes)

    def _changes(self, config: BlockConfig) -> dict[str, Change]:
        """New attributes by operator.

        Raises:
            ModelError: a parameter is missing or too many, or does not fit the inputs' shapes.
        """
        wanted = {t.param: t for one, t in self.targets.items() if one.quantity not in _EXTENTS}
        if set(config.values) != set(wanted):
            raise ModelError(
                f"block type {self.name!r} has the parameters {', '.join(sorted(wanted))}; got "
                f"{config.key}."
            )
        params = {name: config.integer(name) for name in wanted}
        first, shape = self.subgraph.inputs[0][1], config.inputs[0]
        factors = self._factors(params, Fraction(shape[2], first[2]))
        expected = self._input_shapes((shape[0], shape[1]), factors)
        if config.inputs != expected:
            raise ModelError(
                f"block type {self.name!r} with these parameters reads {list(expected)}; got "
                f"{list(config.inputs)}."
            )
        changes = {
            node.name: {CHANNELS: self._channels(node, factors)}
            for node in self.subgraph.nodes
            if is_source(self.subgraph, node)
        }
        for one, target in self.targets.items():
            if one.quantity in _ATTRIBUTES:
                for name in target.names:
                    changes.setdefault(name, {})[one.quantity] = params[target.param]
        return {name: Change(**attributes) for name, attributes in changes.items()}

    def _channels(self, node: Node, factors: Mapping[str, Fraction]) -> int:
        channels = self.subgraph.shapes[node.name][2]
        return whole(channels * factors.get(node.name, Fraction(1)), "a convolution")
