"""Scalar functions, softmax, and joining along an axis."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.graph import (
    Concat,
    Requantise,
    Shape,
    Softmax,
    Unary,
    UnaryFunction,
)
from hwprof.onnx_io._call import Call, axis_of
from hwprof.onnx_io._views import (
    CHANNELS_LAST,
    Layout,
    OnnxShape,
    Value,
    View,
    natural_layout,
    natural_order,
    natural_shape,
    restrict,
)

Array = npt.NDArray[Any]
_CLIPS = {(0.0, 6.0): UnaryFunction.RELU6, (0.0, np.inf): UnaryFunction.RELU}
_FUNCTIONS = {
    "Relu": UnaryFunction.RELU,
    "Sigmoid": UnaryFunction.SIGMOID,
    "Tanh": UnaryFunction.TANH,
}


def import_unary(call: Call) -> list[View]:
    """Relu, Sigmoid and Tanh."""
    return [_apply_function(call, _FUNCTIONS[call.node.op_type])]


def import_clip(call: Call) -> list[View]:
    """Clip to what ReLU and ReLU6 clip to."""
    bounds = (_bound(call, 1, "min", -np.inf), _bound(call, 2, "max", np.inf))
    largest = float(np.finfo(np.float32).max)
    bounds = (bounds[0], np.inf if bounds[1] >= largest else bounds[1])
    if bounds not in _CLIPS:
        raise UnsupportedOperatorError(
            f"Clip is supported as ReLU (0 to infinity) and ReLU6 (0 to 6); got {bounds[0]} to "
            f"{bounds[1]}."
        )
    return [_apply_function(call, _CLIPS[bounds])]


def _bound(call: Call, position: int, attribute: str, default: float) -> float:
    array = call.array(position)
    return call.number(attribute, default) if array is None else float(array.item())


def _apply_function(call: Call, function: UnaryFunction) -> View:
    view = call.draft.whole(call.view())
    op = Unary(function=function)
    return view.on(call.draft.add(op, [view.tensor], call.name), call.name)


def import_identity(call: Call) -> list[Value]:
    """Identity is nothing, but in a file of ours it is a change of scale."""
    value = call.operand(0)
    if value is None:
        raise ModelError("operand 0 is missing.")
    if not isinstance(value, View) or not call.is_ours:
        return [value]
    tensor = call.draft.place_naturally(value)
    requantised = call.draft.add(Requantise(), [tensor], call.name)
    return [call.draft.view(requantised, value.shape, natural_layout(value.shape), call.name)]


def import_softmax(call: Call) -> list[View]:
    """Softmax; before opset 13 over all axes from ``axis`` on."""
    view = call.view()
    rank = len(view.shape)
    is_old = call.opset < 13
    first = axis_of(call.integer("axis", 1 if is_old else -1), rank)
    axes = tuple(range(first, rank)) if is_old else (first,)
    size = prod(view.shape[axis] for axis in axes)
    layout = _layout_ending_in(view, axes)
    shapes = [(1, prod(view.shape) // size, size)]
    if layout == natural_layout(view.shape):
        shapes.insert(0, natural_shape(view.shape))
    if layout == view.layout:
        shapes.insert(0, view.source_shape)
    shape = next(shape for shape in shapes if shape[2] == size)
    tensor = call.draft.place(view, layout, shape)
    output = call.draft.add(Softmax(), [tensor], call.name)
    return [call.draft.view(output, view.shape, layout, call.name)]


def _layout_ending_in(view: View, axes: tuple[int, ...]) -> Layout:
    """The view's own layout or the natural one, if these axes are its fastest; else one so made."""
    last = restrict(view.shape, axes)
    for layout in (view.layout, natural_layout(view.shape)):
        if layout is not None and layout[len(layout) - len(last) :] == last:
            return layout
    others = tuple(axis for axis in range(len(view.shape)) if axis not in axes)
    return restrict(view.shape, (*others, *axes))


def import_concat(call: Call) -> list[View]:
    """Concat along any axis, in the layout that the operands share if they do."""
    views = [call.view(position) for position in range(len(call.values))]
    rank = len(views[0].shape)
    axis = axis_of(call.integer("axis", 0), rank)
    shape = list(views[0].shape)
    shape[axis] = sum(view.shape[axis] for view in views)
    order = _common_order(views, tuple(shape))
    operands = [
        call.draft.place(view, restrict(view.shape, order), _around(view.shape, order, axis))
        for view in views
    ]
    output = call.draft.add(Concat(axis=_position(order, axis)), operands, call.name)
    return [call.draft.view(output, tuple(shape), restrict(tuple(shape), order), call.name)]


def _common_order(views: list[View], shape: OnnxShape) -> tuple[int, ...]:
    """All axes in memory order: the natural one, or another that every operand has already."""
    natural = natural_order(shape)
    for order in (natural, *(_completed(view.layout, shape) for view in views if view.layout)):
        if all(view.layout == restrict(view.shape, order) for view in views):
            return order
    return natural


def _completed(layout: Layout, shape: OnnxShape) -> tuple[int, ...]:
    return (*(axis for axis in range(len(shape)) if axis not in layout), *layout)


def _around(shape: OnnxShape, order: tuple[int, ...], axis: int) -> Shape:
    """(h, w, c) of an operand: natural for feature maps, else with the axis in the middle."""
    if order == CHANNELS_LAST:
        return shape[2], shape[3], shape[1]
    position = order.index(axis)
    before = prod(shape[a] for a in order[:position])
    after = prod(shape[a] for a in order[position + 1 :])
    return before, shape[axis], after


def _position(order: tuple[int, ...], axis: int) -> int:
    """The axis of (h, w, c) along which operands shaped by ``_around`` join."""
    return {2: 0, 3: 1, 1: 2}.get(axis, 1) if order == CHANNELS_LAST else 1
