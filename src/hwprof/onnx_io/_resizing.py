"""Padding with zeros, and resizing to the nearest pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import UnsupportedOperatorError
from hwprof.graph import Pad, ResizeNearest
from hwprof.onnx_io._call import Call, axis_of, finite
from hwprof.onnx_io._spatial import as_pads, feature_map, spatial_view, two
from hwprof.onnx_io._views import View, check_size

Array = npt.NDArray[Any]


def import_pad(call: Call) -> list[View]:
    """Pad with zeros around the feature map."""
    view = call.view()
    pads = call.integers_at(1, "pads") or []
    fill = call.array(2)
    value = call.number("value", 0.0) if fill is None else float(finite(fill, "padding").item())
    if call.text("mode", "constant") != "constant" or value != 0:
        raise UnsupportedOperatorError(
            f"Pad is supported with zeros only; got mode {call.text('mode', 'constant')!r}, "
            f"value {value}."
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
    op = Pad(pads=as_pads(begin[2:], end[2:]))
    return spatial_view(call, call.draft.add(op, [feature_map(call)], call.name))


def import_resize(call: Call) -> list[View]:
    """Resize and Upsample, where they copy the nearest pixel at floor(i * in / out)."""
    source = feature_map(call)
    mode = call.text("mode", "nearest")
    if mode != "nearest":
        raise UnsupportedOperatorError(
            f"{call.node.op_type} is supported in mode 'nearest'; got {mode!r}."
        )
    before = call.view().shape
    after, scales = _resized(call, before)
    if after[:2] != before[:2]:
        raise UnsupportedOperatorError(
            f"Resize is supported on height and width; got {list(before)} to {list(after)}."
        )
    check_size(after)
    for extent, size, scale in zip(before[2:], after[2:], scales[2:], strict=True):
        _refuse_other_pixels(call, extent, size, scale)
    out_h, out_w = two(after[2:])
    resized = call.draft.add(ResizeNearest(out_h=out_h, out_w=out_w), [source], call.name)
    return [spatial_view(call, resized)]


def _resized(call: Call, before: tuple[int, ...]) -> tuple[tuple[int, ...], list[float]]:
    """ONNX shape after a Resize, and its scale on each axis."""
    if call.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise UnsupportedOperatorError("Resize is supported without keep_aspect_ratio_policy.")
    axes = [axis_of(axis, len(before)) for axis in call.integers("axes", range(len(before)))]
    sizes = call.array(3)
    if sizes is not None and sizes.size:
        given = dict(zip(axes, sizes.tolist(), strict=True))
        after = tuple(int(given.get(axis, extent)) for axis, extent in enumerate(before))
        return after, [size / extent for size, extent in zip(after, before, strict=True)]
    # Upsample, and Resize of opset 10, have their scales second, Resize since opset 11 third.
    position = 1 if call.node.op_type == "Upsample" or call.opset < 11 else 2
    factors = call.array(position)
    if factors is None:  # Upsample of opset 7
        factors = np.array(call.node.attributes.get("scales", ()), np.float64)
    by_axis = dict(zip(axes, finite(factors, "scales").tolist(), strict=True))
    scales = [by_axis.get(axis, 1.0) for axis in range(len(before))]
    # 1e-6: a scale such as 4/3 was rounded to float32 in the file.
    after = tuple(int(np.floor(n * s + 1e-6)) for n, s in zip(before, scales, strict=True))
    return after, scales


def _refuse_other_pixels(call: Call, extent: int, size: int, scale: float) -> None:
    if np.array_equal(_nearest(call, extent, size, scale), np.arange(size) * extent // size):
        return
    raise UnsupportedOperatorError(
        f"Resize is supported where pixel i comes from floor(i * in / out); got {extent} to {size} "
        f"with {call.text('coordinate_transformation_mode', 'half_pixel')!r} and "
        f"{call.text('nearest_mode', 'round_prefer_floor')!r}; use asymmetric and floor."
    )


def _nearest(call: Call, extent: int, size: int, scale: float) -> Array:
    """Source pixel of each output pixel, as the ONNX standard defines it for this node."""
    is_old = call.node.op_type == "Upsample" or call.opset < 11  # before there were modes
    mode = "asymmetric" if is_old else call.text("coordinate_transformation_mode", "half_pixel")
    rounding = "floor" if is_old else call.text("nearest_mode", "round_prefer_floor")
    i = np.arange(size, dtype=np.float64)
    coordinates = {
        "asymmetric": i / scale,
        "half_pixel": (i + 0.5) / scale - 0.5,
        "pytorch_half_pixel": (i + 0.5) / scale - 0.5 if size > 1 else i * 0,
        "align_corners": i * (extent - 1) / max(1, size - 1),
    }.get(mode)
    if coordinates is None:
        raise UnsupportedOperatorError(f"Resize is not supported with {mode!r} coordinates.")
    # A source pixel that is whole in exact arithmetic must not be rounded below itself.
    pixels = {
        "floor": np.floor(coordinates + 1e-9),
        "ceil": np.ceil(coordinates - 1e-9),
        "round_prefer_floor": np.ceil(coordinates - 0.5 - 1e-9),
        "round_prefer_ceil": np.floor(coordinates + 0.5 + 1e-9),
    }[rounding]
    return np.clip(pixels, 0, extent - 1).astype(np.int64)
