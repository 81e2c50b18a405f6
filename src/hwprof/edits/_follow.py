"""How an operator follows inputs of another shape: the same computation on what it is given.

Only what has one answer is done. A window over the whole map stays one, a flattening flattens,
a depthwise convolution stays depthwise; an operator that picks single channels, or that was
built for one size, raises ModelError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from hwprof.errors import ModelError
from hwprof.graph import (
    AveragePool,
    Conv2d,
    MaxPool,
    Op,
    Pads,
    Reshape,
    ResizeNearest,
    Shape,
    Slice,
    Transpose,
)

_Pool = TypeVar("_Pool", AveragePool, MaxPool)
_Rule: TypeAlias = Callable[[Any, Sequence[Shape], Sequence[Shape]], Op]


def follow(op: Op, before: Sequence[Shape], now: Sequence[Shape]) -> Op:
    """The operator for inputs ``now`` that does what ``op`` did for inputs ``before``.

    Raises:
        ModelError: nothing says what that would be.
    """
    rule = _RULES.get(type(op))
    return op if rule is None else rule(op, before, now)


def _convolution(op: Conv2d, before: Sequence[Shape], now: Sequence[Shape]) -> Conv2d:
    if not op.is_depthwise(before):
        return op
    multiplier = op.out_channels // op.groups
    return replace(op, groups=now[0][2], out_channels=multiplier * now[0][2])


def _pooling(op: _Pool, before: Sequence[Shape], now: Sequence[Shape]) -> _Pool:
    over_all = (op.kernel_h, op.kernel_w) == before[0][:2] and op.pads == Pads()
    return replace(op, kernel_h=now[0][0], kernel_w=now[0][1]) if over_all else op


def _resize(op: ResizeNearest, before: Sequence[Shape], now: Sequence[Shape]) -> ResizeNearest:
    (height, width, _), (new_height, new_width, _) = before[0], now[0]
    if op.out_h % height or op.out_w % width:
        if (height, width) == (new_height, new_width):
            return op
        raise ModelError(f"a resize of {height}x{width} to {op.out_h}x{op.out_w} has no factor.")
    return replace(op, out_h=op.out_h // height * new_height, out_w=op.out_w // width * new_width)


def _slice(op: Slice, before: Sequence[Shape], now: Sequence[Shape]) -> Slice:
    if before[0][2] != now[0][2] and op.size[2] != before[0][2]:
        raise ModelError("a slice takes some of the channels, whose number would change.")
    size = []
    axes = zip(op.start, op.size, op.step, before[0], now[0], strict=True)
    for start, count, step, extent, new_extent in axes:
        to_the_end = start + count * step >= extent
        if extent != new_extent and not to_the_end:
            raise ModelError("a slice ends inside a map whose size would change.")
        size.append(-(-(new_extent - start) // step) if to_the_end else count)
    return replace(op, size=(size[0], size[1], size[2]))


def _transpose(op: Transpose, before: Sequence[Shape], now: Sequence[Shape]) -> Transpose:
    """A permutation inside pixels, as a channel shuffle is, follows their number."""
    old, new = before[0], now[0]
    if old[2] != new[2] or op.shape != old or op.view[:2] != (1, old[0] * old[1]):
        raise ModelError("a transpose mixes axes whose extents would change.")
    if op.permutation[:2] != (0, 1):
        raise ModelError("a transpose moves pixels, whose number would change.")
    return replace(op, view=(1, new[0] * new[1], *op.view[2:]), shape=new)


def _reshape(op: Reshape, before: Sequence[Shape], now: Sequence[Shape]) -> Reshape:
    if op.shape == (1, 1, prod(before[0])):
        return replace(op, shape=(1, 1, prod(now[0])))
    if op.shape == before[0]:
        return replace(op, shape=now[0])
    raise ModelError(f"a reshape to {op.shape} has no counterpart for another size.")


_RULES: Mapping[type[Op], _Rule] = MappingProxyType(
    {
        AveragePool: _pooling,
        Conv2d: _convolution,
        MaxPool: _pooling,
        Reshape: _reshape,
        ResizeNearest: _resize,
        Slice: _slice,
        Transpose: _transpose,
    }
)
