"""Operators that take parts of a tensor: splits, slices, gathers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.graph import Concat, Shape, Slice, Transpose
from hwprof.tflite_io._draft import Call, graph_axis

_MOST_RUNS = 256  # of a gather: each is a copy of its own


@dataclass(frozen=True, slots=True)
class _Span:
    """``size`` elements of an axis from ``start``, ``step`` apart."""

    start: int
    size: int
    step: int = 1

    @classmethod
    def whole(cls, extent: int) -> _Span:
        """All elements of an axis."""
        return cls(0, extent)


def _taken(call: Call, spans: dict[int, _Span], *, role: str, source: int = 0) -> str:
    """The box of an input that lies in the spans of axes of (h, w, c); itself where that is all."""
    shape = call.shape(source)
    box = [spans.get(axis, _Span.whole(extent)) for axis, extent in enumerate(shape)]
    if box == [_Span.whole(extent) for extent in shape]:
        return call.source(source)
    op = Slice(
        start=(box[0].start, box[1].start, box[2].start),
        size=(box[0].size, box[1].size, box[2].size),
        step=(box[0].step, box[1].step, box[2].step),
    )
    return call.add(op, call.source(source), params=call.source_params(source), role=role)


def import_split(call: Call) -> None:
    """SPLIT and SPLIT_V, into the parts that the outputs' shapes say."""
    axis_operand, source = (0, 1) if call.operator.code == "SPLIT" else (2, 0)
    axis = graph_axis(call.tensor(source).dims, int(call.integers(axis_operand)[0]))
    extent, start = call.shape(source)[axis], 0
    for index in range(len(call.operator.outputs)):
        call.kept_params(source, index)
        span = _Span(start, call.declared(index)[axis])
        call.finish(_taken(call, {axis: span}, role=str(index), source=source), index)
        start += span.size
    if start != extent:
        raise ModelError(f"the parts have {start} of the {extent} elements that are split.")


def import_slice(call: Call) -> None:
    """SLICE: a dense box."""
    dims = call.tensor(0).dims
    begins, sizes = call.integers(1).tolist(), call.integers(2).tolist()
    if len(begins) != len(dims) or len(sizes) != len(dims):
        raise ModelError(f"a slice has a begin and a size for each of {len(dims)} axes.")
    spans = [
        _Span(begin, extent - begin if size == -1 else size)
        for begin, size, extent in zip(begins, sizes, dims, strict=True)
    ]
    _finish_box(call, spans)


def import_strided_slice(call: Call) -> None:
    """STRIDED_SLICE with positive strides."""
    for mask in ("EllipsisMask", "NewAxisMask"):
        if call.option(mask):
            raise UnsupportedOperatorError(f"a strided slice has no {mask}; spell out its axes.")
    dims = call.tensor(0).dims
    bounds = [call.integers(index).tolist() for index in (1, 2, 3)]
    if len({len(bound) for bound in bounds}) != 1 or len(bounds[0]) > len(dims):
        raise ModelError(f"begin, end and stride are given for the same axes; got {bounds}.")
    spans = [_Span.whole(extent) for extent in dims]
    for axis, (begin, end, step) in enumerate(zip(*bounds, strict=True)):
        spans[axis] = _strided(call, axis, (begin, end, step), dims[axis])
    _finish_box(call, spans)


def _strided(call: Call, axis: int, bounds: tuple[int, int, int], extent: int) -> _Span:
    begin, end, step = bounds
    if step < 1:
        raise UnsupportedOperatorError(f"a stride is positive; got {step} along axis {axis}.")
    bit = 1 << axis
    first = 0 if call.option("BeginMask") & bit else _clamped(begin, extent)
    last = extent if call.option("EndMask") & bit else _clamped(end, extent)
    if call.option("ShrinkAxisMask") & bit:
        last = first + 1
    return _Span(first, -(-(last - first) // step), step)


def _clamped(position: int, extent: int) -> int:
    return min(max(position + extent if position < 0 else position, 0), extent)


def _finish_box(call: Call, spans: Sequence[_Span]) -> None:
    dims = call.tensor(0).dims
    call.kept_params()
    moved = {
        graph_axis(dims, axis): span
        for axis, span in enumerate(spans)
        if span != _Span.whole(dims[axis])
    }
    call.finish(call.reshaped(_taken(call, moved, role=""), call.declared()))


def import_gather(call: Call) -> None:
    """GATHER at constant positions: a slice, a shuffle of groups, or runs that are joined."""
    if call.option("BatchDims"):
        raise UnsupportedOperatorError("a gather has no batch axes; take them apart.")
    dims = call.tensor(0).dims
    axis = graph_axis(dims, call.option("Axis"))
    positions, extent = call.integers(1).tolist(), call.shape()[axis]
    if not positions or min(positions) < 0 or max(positions) >= extent:
        raise ModelError(f"positions lie between 0 and {extent - 1}; some of the gather's do not.")
    params = call.kept_params()
    runs = _runs(positions)
    groups = _shuffled_groups(positions)
    if len(runs) == 1:
        output = _taken(call, {axis: runs[0]}, role="")
    elif groups and len(positions) == extent:
        output = call.add(_shuffle(call.shape(), axis, groups), call.source(), params=params)
    elif len(runs) <= _MOST_RUNS:
        parts = [_taken(call, {axis: run}, role=f"run{i}") for i, run in enumerate(runs)]
        output = call.add(Concat(axis=axis), *parts, params=params)
    else:
        raise UnsupportedOperatorError(
            f"a gather copies at most {_MOST_RUNS} runs of evenly spaced positions; this one has "
            f"{len(runs)}; order the channels in the weights before it."
        )
    call.finish(call.reshaped(output, call.declared()))


def _runs(positions: Sequence[int]) -> list[_Span]:
    """Positions as runs at even positive distances, taken greedily."""
    runs: list[_Span] = []
    for position in positions:
        last = runs[-1] if runs else None
        if last and last.size == 1 and position > last.start:
            runs[-1] = _Span(last.start, 2, position - last.start)
        elif last and last.size > 1 and position == last.start + last.size * last.step:
            runs[-1] = _Span(last.start, last.size + 1, last.step)
        else:
            runs.append(_Span(position, 1))
    return runs


def _shuffled_groups(positions: Sequence[int]) -> int:
    """Number of groups of a channel shuffle: 0, n, 2n, ..., 1, n + 1, ...; 0 if it is none."""
    count = len(positions)
    step = positions[1] - positions[0] if count > 1 else 0
    if step < 1 or count % step:
        return 0
    groups = count // step
    shuffled = np.arange(count).reshape(groups, step).T.reshape(-1)
    return groups if positions == shuffled.tolist() else 0


def _shuffle(shape: Shape, axis: int, groups: int) -> Transpose:
    before, behind = prod(shape[:axis]), prod(shape[axis + 1 :])
    view = (before, groups, shape[axis] // groups, behind)
    return Transpose(view=view, permutation=(0, 2, 1, 3), shape=shape)
