"""An operator of a template made to fit other inputs, another kernel, stride, groups or width."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from typing import Any

from hwprof.errors import ModelError
from hwprof.graph import (
    AveragePool,
    Conv2d,
    FullyConnected,
    MaxPool,
    Op,
    Pads,
    Reshape,
    ResizeNearest,
    Shape,
    Slice,
    Transpose,
)


@dataclass(frozen=True, slots=True)
class Change:
    """New attributes of one operator; 0 keeps the template's."""

    kernel: int = 0
    stride: int = 0
    groups: int = 0
    channels: int = 0


def adapted(op: Op, was: Sequence[Shape], now: Sequence[Shape], change: Change) -> Op:
    """The operator on other inputs.

    Args:
        was: shapes of its inputs in the template.
        now: shapes of its inputs.

    Raises:
        ModelError: it cannot follow: a slice or view would be cut in two, or padding is neither
            'same' nor none.
    """
    adapt = _ADAPT.get(type(op))
    return adapt(op, was[0], now[0], change) if adapt else op


def _conv2d(op: Conv2d, was: Shape, now: Shape, change: Change) -> Conv2d:
    depthwise = op.is_depthwise([was])
    kernel = (change.kernel, change.kernel) if change.kernel else (op.kernel_h, op.kernel_w)
    strides = (change.stride, change.stride) if change.stride else (op.stride_h, op.stride_w)
    channels = now[2] * (op.out_channels // was[2]) if depthwise else change.channels
    return replace(
        op,
        kernel_h=kernel[0],
        kernel_w=kernel[1],
        stride_h=strides[0],
        stride_w=strides[1],
        pads=_pads(op, (was, now), kernel, strides),
        groups=now[2] if depthwise else change.groups or op.groups,
        out_channels=channels or op.out_channels,
    )


def _pads(
    op: Any, shapes: tuple[Shape, Shape], kernel: tuple[int, int], strides: tuple[int, int]
) -> Pads:
    """Padding of the same rule as the template's: none, PyTorch's 'same', or TensorFlow's."""
    was, now = shapes
    pads: Pads = op.pads
    side = (op.kernel_h, op.kernel_w)
    if pads == Pads() or (kernel == side and pads == Pads.same(side[0]) and side[0] == side[1]):
        return pads
    if side[0] == side[1] and pads == Pads.same(side[0]):
        return Pads.same(kernel[0])
    even = op.stride_h == op.stride_w and strides[0] == strides[1]
    if even and pads == Pads.tensorflow(was, side, op.stride_h):
        return Pads.tensorflow(now, kernel, strides[0])
    if kernel != side:
        raise ModelError(
            f"a kernel varies where padding is none or 'same'; a kernel of {side[0]}x{side[1]} "
            f"is padded by {pads.top}, {pads.left}, {pads.bottom}, {pads.right}."
        )
    return pads


def _pool(op: Any, was: Shape, now: Shape, change: Change) -> Op:
    del change
    kernel = (op.kernel_h, op.kernel_w)
    strides = (op.stride_h, op.stride_w)
    if kernel == was[:2] and op.pads == Pads():
        # One window over the whole map follows the map; its stride is 1 or the window.
        kept = [1 if stride == 1 else now[axis] for axis, stride in enumerate(strides)]
        window = {"kernel_h": now[0], "kernel_w": now[1], "stride_h": kept[0], "stride_w": kept[1]}
        pooled: Op = replace(op, **window)
        return pooled
    padded: Op = replace(op, pads=_pads(op, (was, now), kernel, strides))
    return padded


def _dense(op: FullyConnected, was: Shape, now: Shape, change: Change) -> FullyConnected:
    del was, now
    return replace(op, out_features=change.channels or op.out_features)


def _slice(op: Slice, was: Shape, now: Shape, change: Change) -> Slice:
    del change
    start, size = [], []
    for axis in range(3):
        ratio = Fraction(now[axis], was[axis])
        size.append(whole(op.size[axis] * ratio, "a slice"))
        # Behind a step the start is a phase: which of every second channel.
        phase = op.step[axis] > 1
        start.append(op.start[axis] if phase else whole(op.start[axis] * ratio, "a slice"))
    return replace(op, start=(start[0], start[1], start[2]), size=(size[0], size[1], size[2]))


def _resize(op: ResizeNearest, was: Shape, now: Shape, change: Change) -> ResizeNearest:
    del change
    return replace(
        op,
        out_h=whole(Fraction(op.out_h * now[0], was[0]), "a resized map"),
        out_w=whole(Fraction(op.out_w * now[1], was[1]), "a resized map"),
    )


def _reshape(op: Reshape, was: Shape, now: Shape, change: Change) -> Reshape:
    del change
    if was == now:
        return op
    if op.shape != (1, 1, prod(was)):
        raise ModelError("a reshape follows other shapes only where it makes one row of values.")
    return replace(op, shape=(1, 1, prod(now)))


def _transpose(op: Transpose, was: Shape, now: Shape, change: Change) -> Transpose:
    del change
    if was == now:
        return op
    groups = op.view[2]
    shuffled = (1, was[0] * was[1], groups, was[2] // groups)
    if op.view != shuffled or op.permutation != (0, 1, 3, 2) or op.shape != was:
        raise ModelError("a transpose follows other shapes only where it shuffles channels.")
    each = whole(Fraction(now[2], groups), "a channel shuffle")
    return replace(op, view=(1, now[0] * now[1], groups, each), shape=now)


def whole(value: Fraction, what: str) -> int:
    """A scaled extent as a number.

    Raises:
        ModelError: it is not whole.
    """
    if value.denominator != 1:
        raise ModelError(f"{what} has whole extents; got {value}.")
    return int(value)


_ADAPT: Mapping[type[Op], Callable[[Any, Shape, Shape, Change], Op]] = {
    AveragePool: _pool,
    Conv2d: _conv2d,
    FullyConnected: _dense,
    MaxPool: _pool,
    Reshape: _reshape,
    ResizeNearest: _resize,
    Slice: _slice,
    Transpose: _transpose,
}
