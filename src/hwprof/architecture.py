"""A network as a graph of blocks: what is searched, exported, lowered and predicted.

Everything countable comes from the blocks' graphs, so the sum over blocks, the exported file and
the program agree. A foreign graph becomes an Architecture of single-operator blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from hwprof.blocks import (
    BLOCK_TYPES,
    BlockConfig,
    GraphBuilder,
    SingleOperatorBlock,
    has_type,
    type_of,
)
from hwprof.errors import ModelError
from hwprof.graph import Conv2d, Graph, Node, Shape

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class BlockInstance:
    """One block of a network; its output tensor carries its name.

    Attributes:
        inputs: names of graph inputs or earlier blocks, in the order of ``config.inputs``.
        group: part of the network it is reported under, ``backbone``; empty for none.
        nodes: names of its operators where they are not the block type's own; a block cut out of
            a graph keeps them, and with them the seeds of its weights.
    """

    name: str
    config: BlockConfig
    inputs: tuple[str, ...]
    group: str = ""
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Architecture:
    """A network in execution order; hashable and cheap to make.

    Nothing is checked before ``graph`` is asked for, because a search makes many thousands.

    Attributes:
        inputs: (name, shape (h, w, c)) of each graph input.
        outputs: names of the blocks whose outputs a caller wants.
    """

    name: str
    inputs: tuple[tuple[str, Shape], ...]
    blocks: tuple[BlockInstance, ...]
    outputs: tuple[str, ...]

    def graph(self, seed: int = 0) -> Graph:
        """The network's operators, with seeded weights; each belongs to one block.

        Raises:
            ModelError: blocks do not fit each other, or a block is of no registered type.
        """
        builder = GraphBuilder()
        tensors = {name: builder.input(name, shape) for name, shape in self.inputs}
        for block in self.blocks:
            if block.name in tensors:
                raise ModelError(f"two blocks are called {block.name!r}; give each its own name.")
            tensors[block.name] = _append(builder, block, tensors)
        missing = [name for name in self.outputs if name not in tensors]
        if missing:
            raise ModelError(f"network output {missing[0]!r} is no block of {self.name!r}.")
        return builder.finish(self.name, [tensors[name] for name in self.outputs], seed)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, in covered blocks."""
        return sum(block_counts(block.config).macs for block in self.covered)

    @cached_property
    def parameters(self) -> int:
        """Weights and biases with batch normalisation folded, in covered blocks."""
        return sum(block_counts(block.config).parameters for block in self.covered)

    @cached_property
    def parameters_with_batch_norm(self) -> int:
        """Parameters while training: each convolution without bias, then a scale and a shift."""
        counts = (block_counts(block.config) for block in self.covered)
        return sum(count.parameters + count.conv_channels for count in counts)

    @property
    def covered(self) -> tuple[BlockInstance, ...]:
        """Blocks of a registered type."""
        return tuple(block for block in self.blocks if has_type(block.config))

    @property
    def uncovered(self) -> tuple[BlockInstance, ...]:
        """Operators of a foreign graph that no block type describes."""
        return tuple(block for block in self.blocks if not has_type(block.config))

    @property
    def groups(self) -> dict[str, str]:
        """Group of each block by block name."""
        return {block.name: block.group for block in self.blocks}


@dataclass(frozen=True, slots=True, eq=False)
class SharedBlocks:
    """One part of each of many networks, in which many of them are alike.

    Attributes:
        stretches: the distinct parts, each a run of blocks in execution order.
        index: position in ``stretches`` of each network's part, (n_networks,).
    """

    stretches: Sequence[tuple[BlockInstance, ...]]
    index: npt.NDArray[np.int64]


def _append(builder: GraphBuilder, block: BlockInstance, tensors: Mapping[str, str]) -> str:
    missing = [name for name in block.inputs if name not in tensors]
    if missing:
        raise ModelError(f"block {block.name!r} reads {missing[0]!r} before anything wrote it.")
    inputs = [tensors[name] for name in block.inputs]
    shapes = tuple(builder.shape(tensor) for tensor in inputs)
    if shapes != block.config.inputs:
        raise ModelError(
            f"block {block.name!r} is configured for inputs {list(block.config.inputs)}; "
            f"got {list(shapes)}."
        )
    with builder.named(block.nodes):
        return _build(builder, block.name, block.config, inputs)


def _build(builder: GraphBuilder, name: str, config: BlockConfig, inputs: Sequence[str]) -> str:
    kind = type_of(config)
    if len(inputs) not in kind.arity:
        raise ModelError(
            f"a {kind.name!r} block has {kind.arity.start} to {kind.arity.stop - 1} inputs; "
            f"got {len(inputs)}."
        )
    return kind.build(builder, name, config, inputs)


_KEPT_GRAPHS = 1 << 8


@dataclass(frozen=True, slots=True)
class BlockCounts:
    """What a block costs by counting.

    Attributes:
        parameters: weights and biases, batch normalisation folded.
        conv_channels: output channels over all convolutions.
        output: shape (h, w, c) of the output tensor.
    """

    macs: int
    parameters: int
    conv_channels: int
    output: Shape


@lru_cache(maxsize=1 << 16)
def block_counts(config: BlockConfig) -> BlockCounts:
    """Counts of one block, cached.

    Raises:
        ModelError, UnknownNameError: as ``block_graph``.
    """
    graph = block_graph(config)
    convs = (node for node in graph.nodes if isinstance(node.op, Conv2d))
    channels = sum(graph.shapes[node.name][2] for node in convs)
    return BlockCounts(graph.macs, graph.parameters, channels, graph.shapes[graph.outputs[0]])


@lru_cache(maxsize=_KEPT_GRAPHS)
def block_graph(config: BlockConfig, seed: int = 0) -> Graph:
    """One block on its own: its inputs are the graph's inputs, ``input_0`` and so on.

    The last ones are kept: who counts a block asks for its graph more than once.

    Raises:
        ModelError: the parameters do not fit the input shapes.
        UnknownNameError: no such block type.
    """
    builder, output = _built(config)
    return builder.finish(config.key, [output], seed)


def block_nodes(config: BlockConfig) -> GraphBuilder:
    """Nodes and shapes of one block, not yet a graph: half the time where thousands are counted.

    Raises:
        ModelError, UnknownNameError: as ``block_graph``.
    """
    return _built(config)[0]


def _built(config: BlockConfig) -> tuple[GraphBuilder, str]:
    builder = GraphBuilder()
    inputs = [builder.input(f"input_{i}", shape) for i, shape in enumerate(config.inputs)]
    return builder, _build(builder, config.block_type, config, inputs)


def block_architecture(config: BlockConfig) -> Architecture:
    """A network of one block; ``graph`` of it equals ``block_graph``."""
    names = tuple(f"input_{i}" for i in range(len(config.inputs)))
    block = BlockInstance(config.block_type, config, names)
    inputs = tuple(zip(names, config.inputs, strict=True))
    return Architecture(config.key, inputs, (block,), (block.name,))


def single_operator(node: Node, shapes: Sequence[Shape]) -> BlockInstance:
    """A node as a block of its own, of the type ``operator:KIND`` where no block type takes it."""
    for kind in BLOCK_TYPES.values():
        if isinstance(kind, SingleOperatorBlock):
            config = kind.config_of(node.op, shapes)
            if config is not None:
                return BlockInstance(node.name, config, node.inputs)
    unknown = BlockConfig.of(f"operator:{node.op.kind}", shapes)
    return BlockInstance(node.name, unknown, node.inputs)
