"""Operators that move whole tensors: shapes, axes, padding, joins."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.graph import Concat, Pad, Pads, Transpose
from hwprof.tflite_io._activations import finish_activated
from hwprof.tflite_io._draft import Call, graph_axis


def import_reshape(call: Call) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: the same bytes."""
    call.kept_params()
    call.finish(call.reshaped(call.source(), call.declared()))


def import_concat(call: Call) -> None:
    """CONCATENATION; inputs of other scales are brought to the output's."""
    axis = graph_axis(call.output().dims, call.option("Axis"))
    sources = [call.source(index) for index in range(len(call.operator.inputs))]
    output = call.add(Concat(axis=axis), *sources, params=call.params())
    finish_activated(call, output, clamped=False)


def import_transpose(call: Call) -> None:
    """A permutation of axes; axes that stay together are moved as one."""
    dims, order = call.tensor(0).dims, call.integers(1).tolist()
    if sorted(order) != list(range(len(dims))):
        raise ModelError(f"a permutation names each of {len(dims)} axes once; got {order}.")
    view, permutation = _merged(dims, order)
    shape, params = call.declared(), call.kept_params()
    if len(view) < 2:
        call.finish(call.reshaped(call.source(), shape))
        return
    if len(view) > 4:
        raise UnsupportedOperatorError(
            f"a transpose moves up to four groups of axes; {order} moves {len(view)}; split it."
        )
    ones = 4 - len(view)
    lengths = (*(1,) * ones, *view)
    places = (*range(ones), *(ones + place for place in permutation))
    op = Transpose(
        view=(lengths[0], lengths[1], lengths[2], lengths[3]),
        permutation=(places[0], places[1], places[2], places[3]),
        shape=shape,
    )
    call.finish(call.add(op, call.source(), params=params))


def _merged(dims: Sequence[int], order: Sequence[int]) -> tuple[list[int], list[int]]:
    """Extents and permutation with axes of extent 1 dropped and neighbours merged."""
    groups: list[list[int]] = []
    long_axes = [axis for axis in range(len(dims)) if dims[axis] > 1]
    place = {axis: number for number, axis in enumerate(long_axes)}
    for axis in (axis for axis in order if axis in place):
        if groups and place[axis] == place[groups[-1][-1]] + 1:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    ranked = sorted(groups)
    view = [prod(dims[axis] for axis in group) for group in ranked]
    return view, [ranked.index(group) for group in groups]


def import_pad(call: Call) -> None:
    """PAD, and PADV2 with the zero point: zeros around height, width or channels."""
    params = call.kept_params()
    if call.has(2):
        _check_padding_value(call, params.zero_point)
    dims, pads = call.tensor(0).dims, call.integers(1)
    if pads.size != 2 * len(dims) or pads.min(initial=0) < 0:
        raise ModelError(
            f"padding has two numbers for each of {len(dims)} axes; got {pads.tolist()[:16]}."
        )
    sides = {
        graph_axis(dims, axis): (int(pads[2 * axis]), int(pads[2 * axis + 1]))
        for axis in range(len(dims))
        if pads[2 * axis : 2 * axis + 2].any()
    }
    tensor = call.source()
    if 2 in sides:
        tensor = _pad_channels(call, tensor, sides[2])
    (top, bottom), (left, right) = sides.get(0, (0, 0)), sides.get(1, (0, 0))
    if top or bottom or left or right:
        op = Pad(pads=Pads(top, left, bottom, right))
        tensor = call.add(op, tensor, params=params)
    call.finish(tensor)


def _check_padding_value(call: Call, zero_point: int) -> None:
    values = call.integers(2).tolist()
    if values != [zero_point]:
        raise UnsupportedOperatorError(
            f"padding is zero in real numbers, {zero_point} here; got {values[:3]}; pad with zeros."
        )


def _pad_channels(call: Call, tensor: str, sides: tuple[int, int]) -> str:
    """Channels are padded as columns of one element, the same bytes."""
    height, width, channels = call.draft.shapes[tensor]
    rows = call.reshaped(tensor, (height * width, channels, 1), "columns")
    op = Pad(pads=Pads(left=sides[0], right=sides[1]))
    padded = call.add(op, rows, params=call.draft.quantisation[tensor], role="channels")
    return call.reshaped(padded, (height, width, channels + sum(sides)), "picture")
