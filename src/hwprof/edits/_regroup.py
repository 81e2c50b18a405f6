"""An edited graph as blocks again: a block that is still of its type stays one.

A block of several operators is tried with its own parameters on the new input shapes, and with
each number that the edit changed put for the old one, wherever it is a parameter. What builds
the edited operators exactly is the block; where nothing does, its operators become blocks of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice, product

from hwprof.architecture import Architecture, BlockInstance, block_graph, single_operator
from hwprof.blocks import BlockConfig, Value
from hwprof.errors import ModelError, UnknownNameError
from hwprof.graph import Graph, Node, Op, Shape

_MOST_CANDIDATES = 256


@dataclass(frozen=True, slots=True)
class Regrouped:
    """An edited network as blocks.

    Attributes:
        split: names of blocks that the edit broke into their operators.
    """

    architecture: Architecture
    split: frozenset[str]


def regroup(
    architecture: Architecture, graph: Graph, edited: Graph, *, split: frozenset[str] = frozenset()
) -> Regrouped:
    """The blocks of an edited graph.

    Args:
        architecture: of the network before the edit.
        graph: what ``architecture.graph()`` returned.
        edited: the same nodes in the same order, some with other attributes.
        split: blocks to break into their operators whether or not the edit does.

    Raises:
        ModelError: the graph has nodes that the architecture has not.
    """
    if [node.name for node in graph.nodes] != [node.name for node in edited.nodes]:
        raise ModelError(f"graph {graph.name!r} was not edited but exchanged.")
    work = _Regrouping(architecture, graph, edited)
    for block in architecture.blocks:
        config = None if block.name in split else work.config(block)
        if config is None:
            work.split(block)
        else:
            work.keep(block, config)
    return work.finished()


class _Regrouping:
    """The blocks so far, and the name under which each tensor is read."""

    def __init__(self, architecture: Architecture, graph: Graph, edited: Graph) -> None:
        self._architecture = architecture
        self._graph = graph
        self._edited = edited
        self._before = _members(graph)
        self._after = _members(edited)
        self._outputs = _output_tensors(graph)
        self._names = {name: name for name in graph.inputs}
        self._blocks: list[BlockInstance] = []
        self._split: set[str] = set()

    def config(self, block: BlockInstance) -> BlockConfig | None:
        """The block's configuration after the edit; None where it is no block any more."""
        before, after = self._before[block.name], self._after[block.name]
        shapes = tuple(self._edited.shapes[self._tensor(name)] for name in block.inputs)
        if shapes == block.config.inputs and _operators(before) == _operators(after):
            return block.config
        if len(after) == 1:
            (node,) = after
            return single_operator(node, self._edited.input_shapes(node)).config
        return _matching(block.config, shapes, (before, after), self._changes(before, after))

    def keep(self, block: BlockInstance, config: BlockConfig) -> None:
        """The block stays one."""
        inputs = tuple(self._names[self._tensor(name)] for name in block.inputs)
        self._blocks.append(replace(block, config=config, inputs=inputs))
        self._names[self._tensor(block.name)] = block.name

    def split(self, block: BlockInstance) -> None:
        """The block becomes its operators."""
        self._split.add(block.name)
        for node in self._after[block.name]:
            made = single_operator(node, self._edited.input_shapes(node))
            inputs = tuple(self._names[name] for name in node.inputs)
            self._blocks.append(replace(made, inputs=inputs, group=block.group))
            self._names[node.name] = node.name

    def finished(self) -> Regrouped:
        """All blocks."""
        architecture = Architecture(
            self._architecture.name,
            tuple(self._edited.inputs.items()),
            tuple(self._blocks),
            tuple(self._names[self._tensor(name)] for name in self._architecture.outputs),
        )
        return Regrouped(architecture, frozenset(self._split))

    def _tensor(self, name: str) -> str:
        """What a block or a graph input is called in the graph."""
        return self._outputs.get(name, name)

    def _changes(self, before: Sequence[Node], after: Sequence[Node]) -> set[tuple[int, int]]:
        """Numbers of attributes and shapes that the edit put in place of others."""
        changes: set[tuple[int, int]] = set()
        for old, new in zip(before, after, strict=True):
            for field in fields(old.op):
                pair = getattr(old.op, field.name), getattr(new.op, field.name)
                if all(type(value) is int for value in pair):
                    changes.add(pair)
            tensors = (old.name, *old.inputs)
            for name in tensors:
                changes |= set(
                    zip(self._graph.shapes[name], self._edited.shapes[name], strict=True)
                )
        return {(old, new) for old, new in changes if old != new}


def _members(graph: Graph) -> dict[str, list[Node]]:
    members: dict[str, list[Node]] = {}
    for node in graph.nodes:
        members.setdefault(node.block, []).append(node)
    return members


def _output_tensors(graph: Graph) -> dict[str, str]:
    """By block the tensor that it hands on: what others read, else its last."""
    blocks = {node.name: node.block for node in graph.nodes}
    outputs = {node.block: node.name for node in graph.nodes}
    for node in graph.nodes:
        outputs |= {
            blocks[name]: name
            for name in node.inputs
            if name in blocks and blocks[name] != node.block
        }
    return outputs | {blocks[name]: name for name in graph.outputs if name in blocks}


def _operators(nodes: Sequence[Node]) -> list[Op]:
    return [node.op for node in nodes]


def _matching(
    config: BlockConfig,
    shapes: tuple[Shape, ...],
    members: tuple[Sequence[Node], Sequence[Node]],
    changes: set[tuple[int, int]],
) -> BlockConfig | None:
    """The configuration whose operators are the edited ones, if there is one."""
    _, after = members
    wanted = _operators(after)
    for params in islice(_parameters(config, changes), _MOST_CANDIDATES):
        candidate = replace(config, params=params, inputs=shapes)
        try:
            built = block_graph(candidate)
        except (ModelError, UnknownNameError):
            continue
        if _operators(built.nodes) == wanted and _wired_alike(built.nodes, after):
            return candidate
    return None


def _parameters(
    config: BlockConfig, changes: set[tuple[int, int]]
) -> Iterator[tuple[tuple[str, Value], ...]]:
    """The block's parameters, each with the numbers that may have taken its place."""
    choices = [
        [(name, value), *((name, new) for old, new in sorted(changes) if old == value)]
        for name, value in config.params
    ]
    return product(*choices)


def _wired_alike(one: Sequence[Node], other: Sequence[Node]) -> bool:
    """Whether two blocks' operators read each other in the same places."""
    places = [{node.name: place for place, node in enumerate(nodes)} for nodes in (one, other)]
    return all(
        [places[0].get(name) for name in left.inputs]
        == [places[1].get(name) for name in right.inputs]
        for left, right in zip(one, other, strict=True)
    )
