"""Which kernel calls an operator becomes.

This mirrors what lowering does with a node (profiler/lowering) without importing it, because a
prediction needs no program: a convolution is one call of the kernel its shapes select, a
concatenation one copy for each input, a reshape none. Numbers are plain ones of one operator, or
arrays (n,) of as many operators of one kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from hwprof.graph import (
    Add,
    AveragePool,
    Concat,
    Conv2d,
    FullyConnected,
    Lookup,
    MaxPool,
    Mean,
    Mul,
    Op,
    Pad,
    Requantise,
    Reshape,
    ResizeNearest,
    Scalar,
    Slice,
    Softmax,
    Sub,
    Transpose,
    Unary,
)
from hwprof.surrogates.cache import LINE_BYTES, grain_of, touched_lines
from hwprof.surrogates.calls import DENSE, ZIPPED, KernelClass, output_run
from hwprof.surrogates.elementwise import Number, where

Extents: TypeAlias = tuple[Number, Number, Number]
"""Of a tensor (h, w, c)."""

Numbers: TypeAlias = Sequence[Number]


class Call(NamedTuple):
    """One call before anything is known about the cache.

    Attributes:
        row: the fields of ``Calls`` up to what the cache holds.
        written_lines: lines of its output that it touches.
        weight_bytes: of the weights that it reads.
    """

    row: tuple[Number, ...]
    written_lines: Number
    macs: Number = 0
    weight_bytes: Number = 0


class Operator(NamedTuple):
    """How operators of one kind become calls.

    Attributes:
        read: the numbers of an operator, ``width`` of them, that shapes do not tell.
        calls: its calls, from those numbers, the inputs' extents and the output's.
    """

    calls: Callable[[Numbers, Sequence[Extents], Extents], Iterator[Call]]
    read: Callable[[Any], tuple[int, ...]] = lambda op: ()  # noqa: ARG005
    width: int = 0


def elementwise_call(shape: Extents) -> Call:
    """One requantising pass over a tensor, for operators that nothing describes."""
    return _call(KernelClass.REQUANTISE, shape, shape)


class _Run(NamedTuple):
    """The fields of ``Calls`` of these names."""

    runs: Number
    run_length: Number
    run_step: Number = DENSE
    run_start: Number = 0
    read_stride: Number = 0
    write_stride: Number = 0


_NO_RUN = _Run(0, 0)
_PIXEL = (1, 1, 1, 1, 0, 0)


def _call(kernel: Number, shape: Extents, out: Extents, window: Numbers = _PIXEL) -> Call:
    row = (kernel, *shape, *out, *window, 1, *_NO_RUN)
    return Call(row, prod(out) / LINE_BYTES)


def _moved(kernel: KernelClass, shape: Extents, rows: Number, run: _Run) -> Call:
    lines = touched_lines(run.runs, *output_run(run), grain_of(run.write_stride))
    row = (kernel, *shape, rows, 1, 1, *_PIXEL, 1, *run)
    return Call(row, lines if isinstance(lines, np.ndarray) else float(lines))


def _conv2d(numbers: Numbers, inputs: Sequence[Extents], out: Extents) -> Iterator[Call]:
    *window, groups = numbers
    shape = inputs[0]
    kernel = _conv_kernel(numbers, shape, out)
    taps = window[0] * window[1] * (shape[2] // groups)
    row = (kernel, *shape, *out, *window, groups, *_NO_RUN)
    yield Call(row, prod(out) / LINE_BYTES, prod(out) * taps, taps * out[2])


def _conv_kernel(numbers: Numbers, shape: Extents, out: Extents) -> Number:
    kernel_h, kernel_w, _, _, top, left, groups = numbers
    dedicated = (kernel_h == _DEDICATED) & (kernel_w == _DEDICATED) & (top <= 1) & (left <= 1)
    depthwise = where(dedicated, KernelClass.DEPTHWISE_3X3, KernelClass.DEPTHWISE_BUFFERED)
    depthwise = where(out[2] == shape[2], depthwise, KernelClass.DEPTHWISE_GENERIC)
    single = (kernel_h == 1) & (kernel_w == 1) & (top == 0) & (left == 0)
    dense = where(single & (groups == 1), KernelClass.POINTWISE, KernelClass.CONV)
    return where((groups > 1) & (groups == shape[2]), depthwise, dense)


_DEDICATED = 3  # extent of the window of the 3x3 depthwise variant of kernels.h


def _fully_connected(numbers: Numbers, inputs: Sequence[Extents], out: Extents) -> Iterator[Call]:
    del numbers
    features = prod(inputs[0])
    call = _call(KernelClass.FULLY_CONNECTED, (1, 1, features), out)
    weights = features * out[2]
    yield call._replace(macs=weights, weight_bytes=weights)


def _mean(numbers: Numbers, inputs: Sequence[Extents], out: Extents) -> Iterator[Call]:
    """The pooling kernel's loop over one window that is the whole map."""
    del numbers
    height, width, _ = inputs[0]
    yield _call(KernelClass.AVERAGE_POOL, inputs[0], out, (height, width, 1, 1, 0, 0))


def _concat(numbers: Numbers, inputs: Sequence[Extents], out: Extents) -> Iterator[Call]:
    del numbers
    for shape in inputs:
        yield _copied(shape, out, _Box(shape))


class _Box(NamedTuple):
    """Elements of a source, from ``start`` and ``step`` apart."""

    size: Extents
    start: Extents = (0, 0, 0)
    step: Extents = (1, 1, 1)


def _copied(shape: Extents, out: Extents, box: _Box) -> Call:
    """Copy of a box: a run for each pixel, or for each row where pixels lie side by side."""
    height, width, channels = box.size
    start = (box.start[0] * shape[1] + box.start[1]) * shape[2] + box.start[2]
    dense = (box.step[1] == 1) & (box.step[2] == 1)
    rows = dense & (channels == shape[2]) & (shape[2] == out[2])
    run = _Run(
        where(rows, height, height * width),
        where(rows, width * channels, channels),
        box.step[2],
        start,
        where(rows, box.step[0] * shape[1] * shape[2], box.step[1] * shape[2]),
        where(rows, out[1] * out[2], out[2]),
    )
    return _moved(KernelClass.COPY, shape, height, run)


def _slice(numbers: Numbers, inputs: Sequence[Extents], out: Extents) -> Iterator[Call]:
    start, size, step = ((*numbers[i : i + 3],) for i in (0, 3, 6))
    yield _copied(inputs[0], out, _Box(size, start, step))


def _pad(numbers: Numbers, inputs: Sequence[Extents], out: Extents) -> Iterator[Call]:
    del numbers
    yield _call(KernelClass.FILL, out, out)
    yield _copied(inputs[0], out, _Box(inputs[0]))


def _transpose(numbers: Numbers, inputs: Sequence[Extents], out: Extents) -> Iterator[Call]:
    """Of numbers that begin with the order of the axes, plain ones."""
    del out
    permutation, view = tuple(numbers[:4]), numbers[4:]
    sizes = [view[axis] for axis in permutation]
    length, step = sizes[3], prod(view[permutation[3] + 1 :])
    run = _Run(prod(sizes[:3]), length, step, 0, 1, length)
    if permutation == _PLANES:
        columns = view[3]
        zipped = _Run(prod(view[:2]), columns, ZIPPED, 0, 2 * columns, 2 * columns)
        pairs = view[2] == _ZIPPED_ROWS
        run = _Run(*(where(pairs, ours, theirs) for ours, theirs in zip(zipped, run, strict=True)))
    yield _moved(KernelClass.TRANSPOSE, inputs[0], prod(sizes[:2]), run)


_PLANES = (0, 1, 3, 2)  # the permutation of a channel shuffle: each plane is transposed
_ZIPPED_ROWS = 2


def _simple(kernel: KernelClass) -> Operator:
    def calls(numbers: Numbers, inputs: Sequence[Extents], out: Extents) -> Iterator[Call]:
        yield _call(kernel, inputs[0], out, numbers or _PIXEL)

    return Operator(calls)


_WINDOW = ("kernel_h", "kernel_w", "stride_h", "stride_w", "pads.top", "pads.left")


def _pool(kernel: KernelClass) -> Operator:
    return _simple(kernel)._replace(read=attrgetter(*_WINDOW), width=6)


OPERATORS: Mapping[type[Op], Operator] = MappingProxyType(
    {
        Add: _simple(KernelClass.ADD),
        AveragePool: _pool(KernelClass.AVERAGE_POOL),
        Concat: Operator(_concat),
        Conv2d: Operator(_conv2d, attrgetter(*_WINDOW, "groups"), 7),
        FullyConnected: Operator(_fully_connected),
        Lookup: _simple(KernelClass.LOOKUP),
        MaxPool: _pool(KernelClass.MAX_POOL),
        Mean: Operator(_mean),
        Mul: _simple(KernelClass.MUL),
        Pad: Operator(_pad),
        Requantise: _simple(KernelClass.REQUANTISE),
        Reshape: Operator(lambda numbers, inputs, out: iter(())),  # noqa: ARG005
        ResizeNearest: _simple(KernelClass.RESIZE),
        Scalar: _simple(KernelClass.LOOKUP),
        Slice: Operator(_slice, lambda op: (*op.start, *op.size, *op.step), 9),
        Softmax: _simple(KernelClass.SOFTMAX),
        Sub: _simple(KernelClass.ADD),
        Transpose: Operator(_transpose, attrgetter("view"), 4),
        Unary: _simple(KernelClass.LOOKUP),
    }
)
