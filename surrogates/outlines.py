"""Blocks as structure and numbers, and the kernel calls that they become, many at a time.

Blocks of one type mostly have the same operators in the same order and differ in extents. What
they share, the structure, is followed once, with arrays of the numbers that differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from math import prod
from typing import NamedTuple

import numpy as np

from hwprof.blocks import GraphBuilder
from hwprof.graph import Concat, Graph, Op, Shape, Softmax, Transpose
from hwprof.surrogates.calls import BlockCalls, Calls, Integers, too_many_macs
from hwprof.surrogates.elementwise import Number
from hwprof.surrogates.operators import OPERATORS, Call, Numbers, elementwise_call
from hwprof.surrogates.residency import Residency, Step

_Row = tuple[Number, ...]


class Structure(NamedTuple):
    """What blocks share.

    Attributes:
        tensors: names of the tensors, inputs first.
        nodes: the fields of a ``Step``, and the order of axes that a transpose makes.
    """

    tensors: tuple[str, ...]
    nodes: tuple[tuple[str, type[Op], tuple[str, ...], tuple[int, ...]], ...]


class Outline(NamedTuple):
    """One block; without a structure it is one pass over a tensor of the extents ``numbers``.

    Attributes:
        numbers: extents of all tensors, then the numbers of all operators.
    """

    structure: Structure | None
    numbers: tuple[int, ...]


def outline_graph(graph: Graph | GraphBuilder) -> Outline:
    """The outline of a graph or of unfinished nodes."""
    nodes = []
    numbers = list(chain.from_iterable(graph.shapes.values()))
    for node in graph.nodes:
        kind = type(node.op)
        numbers += OPERATORS[kind].read(node.op)
        order = node.op.permutation if isinstance(node.op, Transpose) else ()
        nodes.append((node.name, kind, node.inputs, order))
    return Outline(Structure(tuple(graph.shapes), tuple(nodes)), tuple(numbers))


def outline_unknown(inputs: Sequence[Shape]) -> Outline:
    """The outline of a block that nothing describes."""
    return Outline(None, tuple(inputs[0]) if inputs else ())


def graph_calls(graphs: Iterable[Graph | GraphBuilder]) -> BlockCalls:
    """Kernel calls of graphs, each a block, in order of execution."""
    return outline_calls(map(outline_graph, graphs))


def outline_calls(outlines: Iterable[Outline]) -> BlockCalls:
    """Kernel calls of blocks, each block's in order of execution.

    Raises:
        ModelError: a call has more MACs than 64 bits count.
    """
    alike: dict[Structure | None, dict[int, tuple[int, ...]]] = {}
    n_blocks = 0
    for structure, numbers in outlines:
        alike.setdefault(structure, {})[n_blocks] = numbers
        n_blocks += 1
    tables, blocks = [_NO_CALLS], [_NO_BLOCKS]
    for structure, members in alike.items():
        try:
            table = _table(structure, list(members.values()))
        except OverflowError as error:
            raise too_many_macs() from error
        tables.append(table.reshape(-1, len(Calls._fields)))
        blocks.append(np.repeat(np.array(list(members)), table.shape[1]))
    return BlockCalls(Calls.of(np.concatenate(tables)), np.concatenate(blocks), n_blocks)


_NO_CALLS = np.zeros((0, len(Calls._fields)), np.int64)
_NO_BLOCKS = np.zeros(0, np.int64)


def _table(structure: Structure | None, numbers: Sequence[tuple[int, ...]]) -> Integers:
    """Calls of n blocks of one structure, (n, n_calls, n_fields)."""
    if len(numbers) == 1:
        rows = _rows(structure, numbers[0])
        return np.array(rows, np.int64).reshape(1, -1, len(Calls._fields))
    rows = _rows(structure, list(np.array(numbers, np.int64).T))
    table = np.empty((len(numbers), len(rows), len(Calls._fields)), np.int64)
    for position, row in enumerate(rows):
        for field, values in enumerate(row):
            table[:, position, field] = values
    return table


def _rows(structure: Structure | None, numbers: Numbers) -> list[_Row]:
    """Fields of ``Calls`` of one block, each a plain number or an array (n_blocks,)."""
    if structure is None:
        return [_cold(elementwise_call((*numbers,)))] if numbers else []
    values = iter(numbers)
    shapes = {name: tuple(islice(values, 3)) for name in structure.tensors}
    steps = [Step(name, kind, inputs) for name, kind, inputs, _ in structure.nodes]
    residency = Residency({name: prod(shape) for name, shape in shapes.items()}, steps)
    fixed_scale = {step.name for step in steps if step.kind is Softmax}
    rows: list[_Row] = []
    for step, (*_, order) in zip(steps, structure.nodes, strict=True):
        operator = OPERATORS[step.kind]
        own = [*order, *islice(values, operator.width)]
        residency.begin(step)
        calls = list(operator.calls(own, [shapes[i] for i in step.inputs], shapes[step.name]))
        pairs = [*zip(calls, _read_by(step, len(calls)), strict=True)]
        if step.kind is Concat and fixed_scale:
            # Softmax writes one scale only; joined to another tensor it is brought to that one's.
            rescaled = [name for name in step.inputs if name in fixed_scale]
            pairs = [(elementwise_call(shapes[name]), (name,)) for name in rescaled] + pairs
        rows += [_placed(call, residency, names) for call, names in pairs]
        residency.end(step)
    return rows


def _cold(call: Call) -> _Row:
    return (*call.row, 0, 0, 0, call.macs)


def _read_by(step: Step, n_calls: int) -> list[tuple[str, ...]]:
    """Names of what each call of a node reads; the fill before a padded copy reads nothing."""
    if step.kind is Concat:
        return [(name,) for name in step.inputs]
    return [()] * (n_calls - 1) + [step.inputs] * (n_calls > 0)


def _placed(call: Call, residency: Residency, names: Sequence[str]) -> _Row:
    """A call with what the cache holds of its tensors."""
    return (*call.row, *residency.find(names, call.written_lines, call.weight_bytes), call.macs)
