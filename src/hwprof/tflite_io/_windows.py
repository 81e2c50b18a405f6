"""Padding and strides of convolution and pooling."""

from __future__ import annotations

from typing import TypedDict

from hwprof.errors import ModelError
from hwprof.graph import Pads
from hwprof.tflite_io._draft import Call

_SAME, _VALID = 0, 1  # schema.fbs, enum Padding


class Window(TypedDict):
    """Attributes of a sliding window, as the graph's operators take them."""

    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pads: Pads


def window(call: Call, kernel_h: int, kernel_w: int) -> Window:
    """The window of an operator over one picture.

    Raises:
        ModelError: strides, extents or padding that are none.
    """
    height, width, _ = call.shape()
    strides = call.option("StrideH"), call.option("StrideW")
    if min(kernel_h, kernel_w, *strides) < 1:
        raise ModelError(
            f"extents and strides of a window are at least 1; got {kernel_h}x{kernel_w} in steps "
            f"of {strides[0]}x{strides[1]}."
        )
    top, bottom = _padding(call, height, kernel_h, strides[0])
    left, right = _padding(call, width, kernel_w, strides[1])
    return Window(
        kernel_h=kernel_h,
        kernel_w=kernel_w,
        stride_h=strides[0],
        stride_w=strides[1],
        pads=Pads(top, left, bottom, right),
    )


def _padding(call: Call, size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Elements before and behind an axis; of an odd number the last one goes behind."""
    padding = call.option("Padding")
    if padding not in (_SAME, _VALID):
        raise ModelError(f"padding is SAME (0) or VALID (1); got {padding}.")
    if padding == _VALID:
        return 0, 0
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
