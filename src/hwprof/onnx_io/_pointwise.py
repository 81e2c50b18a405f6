"""Scalar functions, softmax, and joining along an axis."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.functions import FUNCTIONS
from hwprof.graph import (
    Concat,
    Requantise,
    Shape,
    Softmax,
    Unary,
    UnaryFunction,
)
from hwprof.onnx_io._call import Call, axis_of, finite
from hwprof.onnx_io._steps import FUNCTION_NAMES
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
INT8_LEVELS = 128  # by which uint8 levels are moved to become int8 ones
_CLIPS = {(0.0, 6.0): UnaryFunction.RELU6, (0.0, np.inf): UnaryFunction.RELU}
_LARGEST = float(np.finfo(np.float32).max)
# Functions by the ONNX operator that computes them; its alpha and beta are their parameters.
_FUNCTIONS = {name: function for function, name in FUNCTION_NAMES.items()}


def import_unary(call: Call) -> list[View]:
    """Scalar functions that are one ONNX operator."""
    function = _FUNCTIONS[call.node.op_type]
    defaults = FUNCTIONS[function].defaults
    pairs = zip(("alpha", "beta"), defaults, strict=False)
    given = tuple(call.number(name, default) for name, default in pairs)
    if not np.isfinite(given).all():
        raise ModelError(f"alpha and beta must be finite; got {list(given)}.")
    are_defaults = np.array_equal(np.array(given, np.float32), np.array(defaults, np.float32))
    return [
        _apply_function(call, Unary(function=function, parameters=() if are_defaults else given))
    ]


def import_prelu(call: Call) -> list[View]:
    """PRelu with one slope for all channels."""
    slopes = finite(call.required(1).array, "a slope")
    if slopes.size == 0 or (slopes != slopes.flat[0]).any():
        raise UnsupportedOperatorError(
            "PRelu is supported with one slope for all channels; these differ; train a LeakyRelu."
        )
    op = Unary(function=UnaryFunction.LEAKY_RELU, parameters=(float(slopes.flat[0]),))
    return [_apply_function(call, op)]


def import_negation(call: Call) -> list[View]:
    """Neg."""
    return [_apply_function(call, Unary(function=UnaryFunction.AFFINE, parameters=(-1.0, 0.0)))]


def import_clip(call: Call) -> list[View]:
    """Clip, of real numbers or, as PyTorch exports narrower ranges, of quantised levels."""
    bounds = (_bound(call, 1, "min", -np.inf), _bound(call, 2, "max", np.inf))
    bounds = (
        -np.inf if bounds[0] <= -_LARGEST else bounds[0],
        np.inf if bounds[1] >= _LARGEST else bounds[1],
    )
    if not bounds[0] <= bounds[1]:
        raise ModelError(f"Clip needs a lower bound below the upper one; got {list(bounds)}.")
    view = call.view()
    if bounds == (-np.inf, np.inf):
        return [view]
    function = _CLIPS.get(bounds)
    op = (
        Unary(function=UnaryFunction.CLIP, parameters=bounds)
        if function is None
        else Unary(function=function)
    )
    clipped = _apply_function(call, op)
    if _clips_levels(call):
        call.draft.quantisation[clipped.tensor] = call.draft.quantisation[view.tensor]
    return [clipped]


def _bound(call: Call, position: int, attribute: str, default: float) -> float:
    array = call.array(position)
    if array is None:
        return call.number(attribute, default)
    bound = float(array.item())
    if not _clips_levels(call):
        return bound
    params = call.draft.quantisation[call.view().tensor]
    level = int(bound) - (INT8_LEVELS if array.dtype == np.uint8 else 0)
    return (level - params.zero_point) * params.scale


def _clips_levels(call: Call) -> bool:
    """Whether the bounds are 8-bit integers, so that what they bound is one too."""
    arrays = [array for array in (call.array(1), call.array(2)) if array is not None]
    return call.view().tensor in call.draft.quantisation and any(
        array.dtype in (np.int8, np.uint8) for array in arrays
    )


def _apply_function(call: Call, op: Unary) -> View:
    view = call.draft.whole(call.view())
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
