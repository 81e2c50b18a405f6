"""Pooling, means and nearest-neighbour resizing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType

import numpy as np

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.graph import AveragePool, MaxPool, Mean, Requantise, ResizeNearest, Slice, Transpose
from hwprof.tflite_io._activations import finish_activated
from hwprof.tflite_io._draft import Call
from hwprof.tflite_io._windows import window

_POOLS: Mapping[str, type[AveragePool | MaxPool]] = MappingProxyType(
    {"AVERAGE_POOL_2D": AveragePool, "MAX_POOL_2D": MaxPool}
)


def import_pool(call: Call) -> None:
    """AVERAGE_POOL_2D and MAX_POOL_2D, padding left out of both."""
    source = call.picture()
    extents = window(call, call.option("FilterHeight"), call.option("FilterWidth"))
    op = _POOLS[call.operator.code](**extents)
    output = call.add(op, source, params=call.kept_params())
    finish_activated(call, output, clamped=False)


def import_mean(call: Call) -> None:
    """The mean over neighbouring axes.

    The kernel sums over pixels: axes behind those that are summed are its channels. Where axes lie
    before them, these are brought behind first.
    """
    dims = call.tensor(0).dims
    before, reduced, behind = _grouped(dims, _axes(call, len(dims)))
    source, params = call.source(), call.params()
    if reduced == 1:
        output = call.add(Requantise(), source, params=params)
    else:
        if before > 1:
            view = (1, before, reduced, behind)
            shape = (1, reduced, before * behind)
            turned = Transpose(view=view, permutation=(0, 2, 1, 3), shape=shape)
            kept = call.draft.quantisation[source]
            source = call.add(turned, source, params=kept, role="pixels")
        elif call.shape()[2] != behind:
            source = call.reshaped(source, (1, reduced, behind), "pixels")
        output = call.add(Mean(), source, params=params)
    call.finish(call.reshaped(output, call.declared()))


def _axes(call: Call, rank: int) -> list[int]:
    given = call.integers(1).tolist()
    if any(not -rank <= axis < rank for axis in given):
        raise ModelError(f"axes lie between {-rank} and {rank - 1}; got {given}.")
    return sorted({axis % rank for axis in given})


def _grouped(dims: Sequence[int], axes: Sequence[int]) -> tuple[int, int, int]:
    """Elements before, along and behind the axes, which have to be neighbours."""
    summed = [axis for axis in axes if dims[axis] > 1]
    if not summed:
        return 1, 1, prod(dims)
    first, last = summed[0], summed[-1]
    reduced = prod(dims[first : last + 1])
    if reduced != prod(dims[axis] for axis in summed):
        raise UnsupportedOperatorError(
            f"a mean runs over neighbouring axes; got {list(axes)} of shape {list(dims)}."
        )
    return prod(dims[:first]), reduced, prod(dims[last + 1 :])


def import_resize(call: Call) -> None:
    """RESIZE_NEAREST_NEIGHBOR: rows and columns repeated, or every n-th taken."""
    source, params = call.picture(), call.kept_params()
    sizes = call.integers(1).tolist()
    if len(sizes) != 2 or min(sizes) < 1 or (sizes[0], sizes[1]) != call.declared()[:2]:
        raise ModelError(f"the new height and width are those of the output; got {sizes}.")
    height, width, channels = call.shape()
    positions = [_nearest(call, *pair) for pair in zip((height, width), sizes, strict=True)]
    repeated = [_is_repeated(p, size) for p, size in zip(positions, (height, width), strict=True)]
    if not all(repeated):
        taken = [
            (0, size, 1) if is_repeated else _progression(call, p)
            for p, size, is_repeated in zip(positions, (height, width), repeated, strict=True)
        ]
        (top, rows, step_h), (left, columns, step_w) = taken
        op = Slice(start=(top, left, 0), size=(rows, columns, channels), step=(step_h, step_w, 1))
        source = call.add(op, source, params=params, role="taken")
    output = call.add(ResizeNearest(out_h=sizes[0], out_w=sizes[1]), source, params=params)
    call.finish(output)


def _nearest(call: Call, size: int, out: int) -> list[int]:
    """Source of each output position, in float32 (reference/resize_nearest_neighbor.h)."""
    corners, centres = call.option("AlignCorners"), call.option("HalfPixelCenters")
    spans = (size - 1, out - 1) if corners and out > 1 else (size, out)
    scale = np.float32(spans[0]) / np.float32(spans[1])
    position = (np.arange(out, dtype=np.float32) + np.float32(0.5 if centres else 0)) * scale
    nearest = np.floor(position + np.float32(0.5)) if corners else np.floor(position)
    found: list[int] = np.clip(nearest.astype(np.int64), 0, size - 1).tolist()
    return found


def _is_repeated(positions: Sequence[int], size: int) -> bool:
    """Whether positions are what the kernel computes: floor(i * in / out)."""
    return list(positions) == [i * size // len(positions) for i in range(len(positions))]


def _progression(call: Call, positions: Sequence[int]) -> tuple[int, int, int]:
    """First position, count and step of positions at even distance."""
    step = positions[1] - positions[0] if len(positions) > 1 else 1
    if step < 1 or list(positions) != [positions[0] + i * step for i in range(len(positions))]:
        raise UnsupportedOperatorError(
            "resizing takes the element at floor(i * in / out), or every n-th; with align_corners "
            f"{bool(call.option('AlignCorners'))} and half_pixel_centers "
            f"{bool(call.option('HalfPixelCenters'))} these sizes do neither; resize by a whole "
            "factor, without align_corners."
        )
    return positions[0], len(positions), step
