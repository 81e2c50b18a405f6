"""A network's memory from its blocks, by counting: for spaces with more networks than are lowered.

Blocks are counted by templates (``memory_templates``). Exact are weights, constants and scratch.
Of the arena it is the most that is alive at once, each tensor on cache lines of its own and
element-wise records over their input where they may: no plan is smaller, and most reach it
(``benchmarks/memory_plans.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from hwprof.architecture import Architecture, BlockInstance, block_counts, block_graph
from hwprof.blocks import BlockConfig
from hwprof.graph import Reshape
from hwprof.measurement import DEFAULT_SCHEME
from hwprof.profiler.lowering import lower
from hwprof.profiler.lowering.memory import align
from hwprof.profiler.memory_templates import CountedMemory, Kept, graph_memory
from hwprof.profiler.program import tensor_bytes

__all__ = ["CountedMemory", "counted_memory"]

_KEPT_BLOCKS = 1 << 17


def counted_memory(
    blocks: Sequence[BlockInstance], outputs: Sequence[str], scheme: str = DEFAULT_SCHEME
) -> CountedMemory:
    """Memory of blocks that run one after the other.

    Args:
        blocks: in execution order; names that none of them has are inputs from outside.
        outputs: blocks whose outputs stay until the end.
        scheme: quantisation scheme; constants depend on it.

    Raises:
        ModelError, UnknownNameError: a block cannot be built or lowered.
    """
    if not _is_countable(blocks):
        return _lowered(blocks, outputs, scheme)
    sizes, last = _tensors(blocks, outputs)
    counted = []
    for position, block in enumerate(blocks):
        kept = tuple(last[name] > position for name in block.inputs)
        own = {block.name, *block.inputs}
        passing = sum(
            size_bytes
            for name, (size_bytes, first) in sizes.items()
            if first < position <= last[name] and name not in own
        )
        memory = _block_memory(block.config, kept, scheme)
        counted.append(replace(memory, live_bytes=memory.live_bytes + passing))
    return _together(counted)


def _together(parts: Sequence[CountedMemory]) -> CountedMemory:
    return CountedMemory(
        live_bytes=max(part.live_bytes for part in parts),
        scratch_bytes=max(part.scratch_bytes for part in parts),
        constants_bytes=sum(part.constants_bytes for part in parts),
        weights_bytes=sum(part.weights_bytes for part in parts),
    )


def _tensors(
    blocks: Sequence[BlockInstance], outputs: Sequence[str]
) -> tuple[dict[str, tuple[int, int]], dict[str, int]]:
    """Aligned bytes and birth of each tensor between blocks, and the last block that reads it."""
    sizes: dict[str, tuple[int, int]] = {}
    last: dict[str, int] = {}
    for position, block in enumerate(blocks):
        for name, shape in zip(block.inputs, block.config.inputs, strict=True):
            sizes.setdefault(name, (align(tensor_bytes(shape)), -1))
            last[name] = position
        output = block_counts(block.config).output
        sizes[block.name] = align(tensor_bytes(output)), position
        last[block.name] = position
    last |= dict.fromkeys(outputs, len(blocks))
    return sizes, last


def _is_countable(blocks: Sequence[BlockInstance]) -> bool:
    """Whether blocks can be counted one by one: none reads a tensor twice or is but a view."""
    return all(
        len(set(block.inputs)) == len(block.inputs) and _is_closed(block.config) for block in blocks
    )


@lru_cache(maxsize=_KEPT_BLOCKS)
def _is_closed(config: BlockConfig) -> bool:
    """Whether no view reaches over the block's edge."""
    graph = block_graph(config)
    public = {*graph.inputs, *graph.outputs}
    return not any(
        isinstance(node.op, Reshape) and not public.isdisjoint((node.name, *node.inputs))
        for node in graph.nodes
    )


def _lowered(blocks: Sequence[BlockInstance], outputs: Sequence[str], scheme: str) -> CountedMemory:
    """The same by lowering all blocks together."""
    own = {block.name for block in blocks}
    inputs = {
        name: shape
        for block in blocks
        for name, shape in zip(block.inputs, block.config.inputs, strict=True)
        if name not in own
    }
    whole = Architecture("blocks", tuple(inputs.items()), tuple(blocks), tuple(outputs))
    return CountedMemory.of(lower(whole.graph(), scheme=scheme))


@lru_cache(maxsize=_KEPT_BLOCKS)
def _block_memory(config: BlockConfig, kept: Kept, scheme: str) -> CountedMemory:
    return graph_memory(block_graph(config), kept, scheme)
