"""Pooling over windows, over whole maps, and over whichever axes a ReduceMean names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from hwprof.errors import ModelError
from hwprof.graph import AveragePool, MaxPool, Pads, Shape
from hwprof.onnx_io._call import Call, axis_of
from hwprof.onnx_io._spatial import Window, feature_map, spatial_view, window
from hwprof.onnx_io._views import View, restrict


def import_pool(call: Call) -> list[View]:
    """MaxPool and AveragePool."""
    if len(call.node.outputs) > 1 and call.node.outputs[1]:
        raise ModelError("the positions of maxima (second output) are not computed; drop them.")
    source = feature_map(call)
    frame = window(call, call.integers("kernel_shape", []))
    averages = call.node.op_type == "AveragePool"
    includes_pads = bool(call.integer("count_include_pad", 0))
    if call.integer("ceil_mode", 0):
        may_pad = not (averages and includes_pads)
        frame = _rounded_up(frame, call.draft.shape(source)[:2], may_pad=may_pad)
    # Exporters set count_include_pad without padding, where it means nothing.
    includes_pads &= call.is_ours or frame.pads != Pads()
    op = (
        AveragePool(**frame.fields, count_include_pad=includes_pads)
        if averages
        else MaxPool(**frame.fields)
    )
    return [spatial_view(call, call.draft.add(op, [source], call.name))]


def _rounded_up(frame: Window, extents: Sequence[int], *, may_pad: bool) -> Window:
    """The window with the padding that makes floor division count as ceil_mode does."""
    pads = frame.pads
    bottom = _extra(extents[0] + pads.top, pads.bottom, frame.kernel[0], frame.stride[0])
    right = _extra(extents[1] + pads.left, pads.right, frame.kernel[1], frame.stride[1])
    if (bottom, right) != (0, 0) and not may_pad:
        raise ModelError(
            "ceil_mode together with count_include_pad is not read where the last window leaves "
            "the padded map; export without ceil_mode."
        )
    pads = replace(pads, bottom=pads.bottom + bottom, right=pads.right + right)
    return replace(frame, pads=pads)


def _extra(leading: int, trailing: int, kernel: int, stride: int) -> int:
    """Rows or columns to add after ``leading`` (padding before, then data) and ``trailing``."""
    outputs = -(-(leading + trailing - kernel) // stride) + 1
    if (outputs - 1) * stride >= leading:  # the last window would see only padding
        outputs -= 1
    return max(0, (outputs - 1) * stride + kernel - leading - trailing)


def import_global_pool(call: Call) -> list[View]:
    """GlobalAveragePool and GlobalMaxPool."""
    source = feature_map(call)
    h, w, _ = call.draft.shape(source)
    kind = AveragePool if call.node.op_type == "GlobalAveragePool" else MaxPool
    pooled = call.draft.add(kind(kernel_h=h, kernel_w=w), [source], call.name)
    return [spatial_view(call, pooled)]


def import_reduce_mean(call: Call) -> list[View]:
    """ReduceMean over any axes: one average over all of them; the other axes are channels."""
    view = call.view()
    rank = len(view.shape)
    given = call.integers_at(1, "axes")
    reduced = sorted({axis_of(axis, rank) for axis in (given or range(rank))})
    kept = [axis for axis in range(rank) if axis not in reduced]
    source = call.draft.place(
        view, restrict(view.shape, (*reduced, *kept)), _reduction_shape(view, reduced, kept)
    )
    h, w, _ = call.draft.shape(source)
    pooled = call.draft.add(AveragePool(kernel_h=h, kernel_w=w), [source], call.name)
    if call.integer("keepdims", 1):
        shape = tuple(1 if axis in reduced else n for axis, n in enumerate(view.shape))
    else:
        shape = tuple(view.shape[axis] for axis in kept)
    # One pixel: whatever its axes are called, they are channels in their own order.
    return [call.draft.view(pooled, shape, restrict(shape, tuple(range(len(shape)))), call.name)]


def _reduction_shape(view: View, reduced: list[int], kept: list[int]) -> Shape:
    long = [view.shape[axis] for axis in reduced if view.shape[axis] > 1]
    h, w = (long[0], long[1]) if len(long) == 2 else (1, prod(long))
    return h, w, prod(view.shape[axis] for axis in kept)
