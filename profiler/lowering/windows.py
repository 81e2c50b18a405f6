"""The fields that every record of a sliding window has."""

from __future__ import annotations

from typing import TypedDict

from hwprof.graph import AveragePool, Conv2d, MaxPool, Shape
from hwprof.profiler.program import Buffer


class WindowFields(TypedDict):
    """Extents of a window's record, in elements."""

    input: Buffer
    output: Buffer
    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pad_top: int
    pad_left: int


def window_fields(
    op: Conv2d | AveragePool | MaxPool, source: Buffer, target: Buffer
) -> WindowFields:
    """Fields of ``op`` that reads one arena buffer and writes another."""
    (in_h, in_w, in_c), (out_h, out_w, out_c) = shape_of(source), shape_of(target)
    return WindowFields(
        input=source,
        output=target,
        in_h=in_h,
        in_w=in_w,
        in_c=in_c,
        out_h=out_h,
        out_w=out_w,
        out_c=out_c,
        kernel_h=op.kernel_h,
        kernel_w=op.kernel_w,
        stride_h=op.stride_h,
        stride_w=op.stride_w,
        pad_top=op.pads.top,
        pad_left=op.pads.left,
    )


def shape_of(buffer: Buffer) -> Shape:
    """Shape (h, w, c) of an arena buffer, which always has one."""
    return buffer.shape or (1, 1, buffer.size_bytes)
