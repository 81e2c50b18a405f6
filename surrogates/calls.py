"""Which kernel calls a graph becomes: one row of integers for each call.

The rows mirror what lowering does with a node (profiler/lowering) without importing it, because
a prediction needs no program: a convolution is one call of the kernel its shapes select, a
concatenation one copy for each input, a reshape none. ``cost_terms`` turns rows into features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from hwprof.blocks import GraphBuilder
from hwprof.errors import ModelError
from hwprof.graph import (
    Add,
    AveragePool,
    Concat,
    Conv2d,
    FullyConnected,
    Graph,
    Lookup,
    MaxPool,
    Mean,
    Mul,
    Node,
    Op,
    Pad,
    Requantise,
    Reshape,
    ResizeNearest,
    Scalar,
    Shape,
    Slice,
    Softmax,
    Sub,
    Transpose,
    Unary,
)
from hwprof.surrogates.cache import LINE_BYTES, grain_of, touched_lines
from hwprof.surrogates.residency import Held, Residency

Integers: TypeAlias = npt.NDArray[np.int64]
Row: TypeAlias = tuple[int, ...]


class KernelClass(IntEnum):
    """Code paths of the kernel library whose costs differ in kind (``kernels.h``)."""

    POINTWISE = 0
    CONV = 1
    DEPTHWISE_3X3 = 2
    DEPTHWISE_BUFFERED = 3
    DEPTHWISE_GENERIC = 4
    FULLY_CONNECTED = 5
    AVERAGE_POOL = 6
    MAX_POOL = 7
    ADD = 8
    MUL = 9
    COPY = 10
    FILL = 11
    TRANSPOSE = 12
    RESIZE = 13
    LOOKUP = 14
    SOFTMAX = 15
    REQUANTISE = 16


ZIPPED = 0
DENSE = 1
STEP_2 = 2


class Calls(NamedTuple):
    """Kernel calls, one array of length n_calls for each field; lengths in elements.

    Attributes:
        kernel: a ``KernelClass``.
        runs: stretches that a data movement copies one by one, with ``run_length`` elements
            each, every ``run_step``-th of its source; 0 for other kernels.
        run_step: 1 for contiguous runs, ``ZIPPED`` where a run interleaves two rows of
            ``run_length`` elements each.
        run_start: first element of the source that is read.
        read_stride, write_stride: elements from the start of a run to that of the next, in the
            source and in the output; 0 for other kernels.
        input_held, output_held: bytes of input and output that the data cache holds when the
            call begins (``residency``).
        inserted: cache lines that the block inserted before the call.
    """

    kernel: Integers
    in_h: Integers
    in_w: Integers
    in_c: Integers
    out_h: Integers
    out_w: Integers
    out_c: Integers
    kernel_h: Integers
    kernel_w: Integers
    stride_h: Integers
    stride_w: Integers
    pad_top: Integers
    pad_left: Integers
    groups: Integers
    runs: Integers
    run_length: Integers
    run_step: Integers
    run_start: Integers
    read_stride: Integers
    write_stride: Integers
    input_held: Integers
    output_held: Integers
    inserted: Integers
    macs: Integers

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Calls:
        """Rows of ``graph_calls`` as columns.

        Raises:
            ModelError: a count beyond 64 bits.
        """
        try:
            table = np.array(rows, dtype=np.int64).reshape(-1, len(cls._fields))
        except OverflowError as error:
            raise ModelError(
                "a block has more MACs than 64 bits count; use a smaller one."
            ) from error
        return cls(*table.T)


def graph_calls(graph: Graph | GraphBuilder) -> list[Row]:
    """Kernel calls of a graph or of unfinished nodes in order, rows of the fields of ``Calls``."""
    shapes = graph.shapes
    residency = Residency(graph)
    fixed_scale = {node.name for node in graph.nodes if type(node.op) is Softmax}
    rows: list[Row] = []
    for node in graph.nodes:
        residency.begin(node)
        if fixed_scale and type(node.op) is Concat:
            # Softmax writes one scale only; joined to another tensor it is brought to that one's.
            rescaled = [name for name in node.inputs if name in fixed_scale]
            rows += [_placed(elementwise_call(shapes[i]), residency, [i]) for i in rescaled]
        inputs = [shapes[name] for name in node.inputs]
        calls = list(_CALLS[type(node.op)](node.op, inputs, shapes[node.name]))
        for call, names in zip(calls, _read_by(node, len(calls)), strict=True):
            rows.append(_placed(call, residency, names))
        residency.end(node)
    return rows


def _read_by(node: Node, n_calls: int) -> list[tuple[str, ...]]:
    """Names of what each call of a node reads; the fill before a padded copy reads nothing."""
    if type(node.op) is Concat:
        return [(name,) for name in node.inputs]
    return [()] * (n_calls - 1) + [node.inputs] * (n_calls > 0)


def _written_lines(call: Row) -> float:
    """Lines of its output that a call touches."""
    c = Calls(*call)  # type: ignore[arg-type]  # plain integers
    if not c.runs:
        return int(c.out_h * c.out_w * c.out_c) / LINE_BYTES
    grain = grain_of(c.write_stride)
    return float(touched_lines(c.runs, *output_run(c), grain))


def _weights(call: Row) -> int:
    c = Calls(*call)  # type: ignore[arg-type]
    return int(c.kernel_h * c.kernel_w * (c.in_c // c.groups) * c.out_c if c.macs else 0)


def _placed(call: Row, residency: Residency, names: Sequence[str]) -> Row:
    """A call with what the cache holds of its tensors."""
    *_, held_input, held_output, inserted, macs = call
    del held_input, held_output, inserted
    return (*call[:-4], *residency.find(names, _written_lines(call), _weights(call)), macs)


def elementwise_call(shape: Shape) -> Row:
    """One requantising pass over a tensor, for operators that nothing describes."""
    return _plain(KernelClass.REQUANTISE, shape, shape)


def output_run(c: Calls) -> tuple[Integers, Integers]:
    """Bytes that a run of a movement writes, and bytes from one run's output to the next's."""
    zipped = 1 + (c.run_step == ZIPPED)
    return c.run_length * zipped, c.write_stride


class _Run(NamedTuple):
    runs: int
    length: int
    step: int = DENSE
    start: int = 0
    read_stride: int = 0
    write_stride: int = 0


_NO_RUN = _Run(0, 0)
_COLD = Held(0, 0, 0)


def _plain(kernel: KernelClass, shape: Shape, out: Shape) -> Row:
    return (kernel, *shape, *out, 1, 1, 1, 1, 0, 0, 1, *_NO_RUN, *_COLD, 0)


def _windowed(kernel: KernelClass, op: Any, shape: Shape, out: Shape, *rest: int) -> Row:
    pads = op.pads
    groups, macs = rest or (1, 0)
    window = (op.kernel_h, op.kernel_w, op.stride_h, op.stride_w, pads.top, pads.left)
    return (kernel, *shape, *out, *window, groups, *_NO_RUN, *_COLD, macs)


def _moved(kernel: KernelClass, shape: Shape, rows: int, run: _Run) -> Row:
    return (kernel, *shape, rows, 1, 1, 1, 1, 1, 1, 0, 0, 1, *run, *_COLD, 0)


def _conv2d(op: Conv2d, inputs: list[Shape], out: Shape) -> Iterator[Row]:
    shape = inputs[0]
    kernel, groups = _conv_kernel(op, shape), op.groups
    macs = prod(out) * op.kernel_h * op.kernel_w * (shape[2] // groups)
    yield _windowed(kernel, op, shape, out, groups, macs)


def _conv_kernel(op: Conv2d, shape: Shape) -> KernelClass:
    unpadded = op.pads.top == 0 and op.pads.left == 0
    if op.groups > 1 and op.groups == shape[2]:
        return _depthwise_kernel(op, shape)
    if op.groups == 1 and op.kernel_h == op.kernel_w == 1 and unpadded:
        return KernelClass.POINTWISE
    return KernelClass.CONV


def _depthwise_kernel(op: Conv2d, shape: Shape) -> KernelClass:
    if op.out_channels != shape[2]:
        return KernelClass.DEPTHWISE_GENERIC
    narrow = op.pads.top <= 1 and op.pads.left <= 1
    if op.kernel_h == op.kernel_w == _DEDICATED_KERNEL and narrow:
        return KernelClass.DEPTHWISE_3X3
    return KernelClass.DEPTHWISE_BUFFERED


def _fully_connected(op: FullyConnected, inputs: list[Shape], out: Shape) -> Iterator[Row]:
    features = prod(inputs[0])
    row = _plain(KernelClass.FULLY_CONNECTED, (1, 1, features), out)
    yield (*row[:-1], features * op.out_features)


def _average_pool(op: AveragePool, inputs: list[Shape], out: Shape) -> Iterator[Row]:
    yield _windowed(KernelClass.AVERAGE_POOL, op, inputs[0], out)


def _max_pool(op: MaxPool, inputs: list[Shape], out: Shape) -> Iterator[Row]:
    yield _windowed(KernelClass.MAX_POOL, op, inputs[0], out)


def _mean(op: Mean, inputs: list[Shape], out: Shape) -> Iterator[Row]:
    """The pooling kernel's loop over one window that is the whole map."""
    del op
    height, width, _ = inputs[0]
    window = AveragePool(kernel_h=height, kernel_w=width)
    yield _windowed(KernelClass.AVERAGE_POOL, window, inputs[0], out)


def _concat(op: Concat, inputs: list[Shape], out: Shape) -> Iterator[Row]:
    del op
    for shape in inputs:
        yield _copied(shape, out, _Box(shape))


@dataclass(frozen=True, slots=True)
class _Box:
    """Elements of a source, from ``start`` and ``step`` apart."""

    size: Shape
    start: Shape = (0, 0, 0)
    step: Shape = (1, 1, 1)


def _copied(shape: Shape, out: Shape, box: _Box) -> Row:
    """Copy of a box: a run for each pixel, or for each row where pixels lie side by side."""
    height, width, channels = box.size
    start = (box.start[0] * shape[1] + box.start[1]) * shape[2] + box.start[2]
    if box.step[1] == box.step[2] == 1 and channels == shape[2] == out[2]:
        read, written = box.step[0] * shape[1] * shape[2], out[1] * out[2]
        run = _Run(height, width * channels, DENSE, start, read, written)
    else:
        read = box.step[1] * shape[2]
        run = _Run(height * width, channels, box.step[2], start, read, out[2])
    return _moved(KernelClass.COPY, shape, height, run)


def _slice(op: Slice, inputs: list[Shape], out: Shape) -> Iterator[Row]:
    yield _copied(inputs[0], out, _Box(op.size, op.start, op.step))


def _pad(op: Pad, inputs: list[Shape], out: Shape) -> Iterator[Row]:
    del op
    yield _plain(KernelClass.FILL, out, out)
    yield _copied(inputs[0], out, _Box(inputs[0]))


def _transpose(op: Transpose, inputs: list[Shape], out: Shape) -> Iterator[Row]:
    del out
    sizes = [op.view[axis] for axis in op.permutation]
    planes = op.permutation == _PLANES
    rows, columns = op.view[2:]
    if planes and rows == _ZIPPED_ROWS:
        run = _Run(prod(op.view[:2]), columns, ZIPPED, 0, 2 * columns, 2 * columns)
    else:
        length = sizes[3]
        run = _Run(prod(sizes[:3]), length, prod(op.view[op.permutation[3] + 1 :]), 0, 1, length)
    yield _moved(KernelClass.TRANSPOSE, inputs[0], prod(sizes[:2]), run)


def _simple(kernel: KernelClass) -> Callable[[Op, list[Shape], Shape], Iterator[Row]]:
    def call(op: Op, inputs: list[Shape], out: Shape) -> Iterator[Row]:
        del op
        yield _plain(kernel, inputs[0], out)

    return call


def _nothing(op: Op, inputs: list[Shape], out: Shape) -> Iterator[Row]:
    del op, inputs, out
    return iter(())


_PLANES = (0, 1, 3, 2)  # the permutation of a channel shuffle: each plane is transposed
_ZIPPED_ROWS = 2
_DEDICATED_KERNEL = 3  # the 3x3 depthwise variant of kernels.h

_CALLS: dict[type[Op], Callable[[Any, list[Shape], Shape], Iterator[Row]]] = {
    Add: _simple(KernelClass.ADD),
    AveragePool: _average_pool,
    Concat: _concat,
    Conv2d: _conv2d,
    FullyConnected: _fully_connected,
    Lookup: _simple(KernelClass.LOOKUP),
    MaxPool: _max_pool,
    Mean: _mean,
    Mul: _simple(KernelClass.MUL),
    Pad: _pad,
    Requantise: _simple(KernelClass.REQUANTISE),
    Reshape: _nothing,
    ResizeNearest: _simple(KernelClass.RESIZE),
    Scalar: _simple(KernelClass.LOOKUP),
    Slice: _slice,
    Softmax: _simple(KernelClass.SOFTMAX),
    Sub: _simple(KernelClass.ADD),
    Transpose: _transpose,
    Unary: _simple(KernelClass.LOOKUP),
}
