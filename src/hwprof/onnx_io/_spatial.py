"""Feature maps and windows: what convolution, pooling, padding and resizing share, and the last three.

A 1-D feature map (1, c, l) is read as one of height 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.graph import AveragePool, MaxPool, Pad, Pads, ResizeNearest
from hwprof.onnx_io._call import Call, axis_of, finite
from hwprof.onnx_io._views import View, natural_layout, restrict

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Window:
    """Kernel, stride and padding over (height, width)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: Pads

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a windowed operator of the Graph."""
        return {
            "kernel_h": self.kernel[0],
            "kernel_w": self.kernel[1],
            "stride_h": self.stride[0],
            "stride_w": self.stride[1],
            "pads": self.pads,
        }


def feature_map(call: Call) -> int:
    """The first operand as a channels-last tensor (h, w, c)."""
    view = call.view()
    if len(view.shape) == 4 and view.shape[0] == 1:
        return call.draft.place(view, natural_layout(view.shape), _height_width_channels(view))
    if len(view.shape) == 3 and view.shape[0] == 1:
        layout = restrict(view.shape, (2, 1))
        return call.draft.place(view, layout, (1, view.shape[2], view.shape[1]))
    raise ModelError(
        f"a feature map is (1, c, h, w) or (1, c, l); got {list(view.shape)}; use batch 1."
    )


def _height_width_channels(view: View) -> tuple[int, int, int]:
    return view.shape[2], view.shape[3], view.shape[1]


def spatial_view(call: Call, tensor: int) -> View:
    """A tensor (h, w, c) as ONNX sees it, with as many axes as the first operand."""
    view = call.draft.natural_view(tensor, call.name)
    if len(call.view().shape) == 4:
        return view
    shape = (1, view.shape[1], view.shape[3])
    return call.draft.view(tensor, shape, restrict(shape, (2, 1)), call.name)


def two(values: Sequence[int]) -> tuple[int, int]:
    """Height and width from what a 1-D or 2-D operator gives."""
    if len(values) not in (1, 2):
        raise ModelError(f"operators have one or two spatial axes; got {len(values)}.")
    return (1, values[0]) if len(values) == 1 else (values[0], values[1])


def window(call: Call, kernel: Sequence[int]) -> Window:
    """The window of a convolution or pooling node over its first operand.

    Raises:
        ModelError: dilated, or strides and padding that mean nothing.
    """
    rank = len(kernel)
    if set(call.integers("dilations", [1] * rank)) != {1}:
        raise ModelError(
            f"the firmware has no dilated windows; got dilations {call.integers('dilations', [])}."
        )
    strides = call.integers("strides", [1] * rank)
    if min(kernel) < 1 or min(strides) < 1 or len(strides) != rank:
        raise ModelError(f"kernel and strides must be positive; got {list(kernel)} and {strides}.")
    return Window(two(kernel), two(strides), _pads(call, kernel, strides))


def _pads(call: Call, kernel: Sequence[int], strides: Sequence[int]) -> Pads:
    rank = len(kernel)
    mode = call.text("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        pads = _same_pads(call.view().shape[2:], kernel, strides, upper=mode == "SAME_UPPER")
    elif mode == "VALID":
        pads = [0] * (2 * rank)
    else:
        pads = call.integers("pads", [0] * (2 * rank))
    if len(pads) != 2 * rank or min(pads) < 0:
        raise ModelError(f"a window of {rank} axes has {2 * rank} pads, none negative; got {pads}.")
    return _as_pads(pads[:rank], pads[rank:])


def _as_pads(begin: Sequence[int], end: Sequence[int]) -> Pads:
    if len(begin) == 1:
        return Pads(0, begin[0], 0, end[0])
    return Pads(begin[0], begin[1], end[0], end[1])


def _same_pads(
    extents: Sequence[int], kernel: Sequence[int], strides: Sequence[int], *, upper: bool
) -> list[int]:
    """Padding that gives ceil(extent / stride) outputs; the odd one goes last if ``upper``."""
    totals = [
        max(0, (-(-extent // stride) - 1) * stride + size - extent)
        for extent, size, stride in zip(extents, kernel, strides, strict=True)
    ]
    small = [total // 2 for total in totals]
    large = [total - total // 2 for total in totals]
    return small + large if upper else large + small


def import_pool(call: Call) -> list[View]:
    """MaxPool and AveragePool."""
    if len(call.node.outputs) > 1 and call.node.outputs[1]:
        raise ModelError("the positions of maxima (second output) are not computed; drop that output.")
    source = feature_map(call)
    frame = window(call, call.integers("kernel_shape", []))
    averages = call.node.op_type == "AveragePool"
    includes_pads = bool(call.integer("count_include_pad", 0))
    if call.integer("ceil_mode", 0):
        frame = _rounded_up(frame, call.draft.shape(source)[:2], may_pad=not (averages and includes_pads))
    if averages:
        padded = frame.pads != Pads()
        op: AveragePool | MaxPool = AveragePool(
            **frame.fields, count_include_pad=includes_pads and padded
        )
    else:
        op = MaxPool(**frame.fields)
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
    """Rows or columns to add after ``leading`` ones (padding before, then data) and ``trailing``."""
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
    """ReduceMean over any axes: an average pool over all of them, with the other axes as channels."""
    view = call.view()
    rank = len(view.shape)
    given = call.integers_at(1, "axes")
    reduced = sorted({axis_of(axis, rank) for axis in (given if given else range(rank))})
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
    return [call.draft.view(pooled, shape, restrict(shape, tuple(range(len(shape)))), call.name)]


def _reduction_shape(view: View, reduced: list[int], kept: list[int]) -> tuple[int, int, int]:
    long = [view.shape[axis] for axis in reduced if view.shape[axis] > 1]
    h, w = (long[0], long[1]) if len(long) == 2 else (1, int(np.prod(long, dtype=np.int64)))
    return h, w, int(np.prod([view.shape[axis] for axis in kept], dtype=np.int64))


def import_pad(call: Call) -> list[View]:
    """Pad with zeros around the feature map."""
    view = call.view()
    pads = call.integers_at(1, "pads") or []
    fill = call.array(2)
    value = call.number("value", 0.0) if fill is None else float(finite(fill, "padding").item())
    if call.text("mode", "constant") != "constant" or value != 0:
        raise UnsupportedOperatorError(
            f"Pad is supported with zeros only; got mode {call.text('mode', 'constant')!r}, value {value}."
        )
    rank = len(view.shape)
    axes = call.array(3)
    order = range(rank) if axes is None else [axis_of(int(axis), rank) for axis in axes]
    begin, end = [0] * rank, [0] * rank
    for position, axis in enumerate(order):
        begin[axis], end[axis] = pads[position], pads[len(pads) // 2 + position]
    # A Pad of nothing is an exporter's leftover, but in a file of ours it is a node.
    return [_padded(call, begin, end) if call.is_ours or any(begin + end) else view]


def _padded(call: Call, begin: list[int], end: list[int]) -> View:
    if any(begin[:2] + end[:2]) or min(begin + end) < 0:
        raise UnsupportedOperatorError(
            f"Pad is supported on height and width, outwards; got {begin} before and {end} after."
        )
    op = Pad(pads=_as_pads(begin[2:], end[2:]))
    return spatial_view(call, call.draft.add(op, [feature_map(call)], call.name))


def import_resize(call: Call) -> list[View]:
    """Resize and Upsample, where they copy the nearest pixel at floor(i * in / out)."""
    source = feature_map(call)
    mode = call.text("mode", "nearest")
    if mode != "nearest":
        raise UnsupportedOperatorError(f"{call.node.op_type} is supported in mode 'nearest'; got {mode!r}.")
    before = call.view().shape
    after, scales = _resized(call, before)
    if after[:2] != before[:2]:
        raise UnsupportedOperatorError(
            f"Resize is supported on height and width; got {list(before)} to {list(after)}."
        )
    for extent, size, scale in zip(before[2:], after[2:], scales[2:], strict=True):
        if not np.array_equal(_nearest(call, extent, size, scale), np.arange(size) * extent // size):
            raise UnsupportedOperatorError(
                f"Resize is supported where pixel i comes from floor(i * in / out); got {extent} to "
                f"{size} with {call.text('coordinate_transformation_mode', 'half_pixel')!r} and "
                f"{call.text('nearest_mode', 'round_prefer_floor')!r}; use asymmetric and floor."
            )
    out_h, out_w = two(after[2:])
    resized = call.draft.add(ResizeNearest(out_h=out_h, out_w=out_w), [source], call.name)
    return [spatial_view(call, resized)]


def _resized(call: Call, before: tuple[int, ...]) -> tuple[tuple[int, ...], list[float]]:
    """ONNX shape after a Resize, and its scale on each axis."""
    if call.integers("axes", []) or call.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise UnsupportedOperatorError("Resize is supported with sizes or scales for all axes.")
    sizes = call.array(3)
    if sizes is not None and sizes.size:
        after = tuple(int(size) for size in sizes)
        return after, [size / extent for size, extent in zip(after, before, strict=True)]
    # Upsample, and Resize of opset 10, have their scales second, Resize since opset 11 third.
    position = 1 if call.node.op_type == "Upsample" or call.opset < 11 else 2
    given = call.array(position)
    numbers = call.node.attributes.get("scales") if given is None else given
    scales = [float(scale) for scale in finite(np.asarray(numbers, np.float64), "scales")]
    after = tuple(int(np.floor(n * s + 1e-6)) for n, s in zip(before, scales, strict=True))
    return after, scales


def _nearest(call: Call, extent: int, size: int, scale: float) -> Array:
    """Source pixel of each output pixel, as the ONNX standard defines it for this node."""
    is_old = call.node.op_type == "Upsample" or call.opset < 11  # before there were modes
    transformation = "asymmetric" if is_old else call.text("coordinate_transformation_mode", "half_pixel")
    rounding = "floor" if is_old else call.text("nearest_mode", "round_prefer_floor")
    i = np.arange(size, dtype=np.float64)
    coordinates = {
        "asymmetric": i / scale,
        "half_pixel": (i + 0.5) / scale - 0.5,
        "pytorch_half_pixel": (i + 0.5) / scale - 0.5 if size > 1 else i * 0,
        "half_pixel_symmetric": (i + 0.5) / scale - 0.5,
        "align_corners": i * (extent - 1) / max(1, size - 1),
    }.get(transformation)
    if coordinates is None:
        raise UnsupportedOperatorError(f"Resize is not supported with {transformation!r} coordinates.")
    # A source pixel that is whole in exact arithmetic must not be rounded below itself.
    pixels = {
        "floor": np.floor(coordinates + 1e-9),
        "ceil": np.ceil(coordinates - 1e-9),
        "round_prefer_floor": np.ceil(coordinates - 0.5 - 1e-9),
        "round_prefer_ceil": np.floor(coordinates + 0.5 + 1e-9),
    }[rounding]
    return np.clip(pixels, 0, extent - 1).astype(np.int64)
