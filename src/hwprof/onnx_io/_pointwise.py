"""Operators on elements: arithmetic, activations, softmax, and joining along an axis."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.graph import (
    Add,
    Concat,
    Mul,
    Requantise,
    ResizeNearest,
    Shape,
    Softmax,
    Unary,
    UnaryFunction,
)
from hwprof.onnx_io._call import Call, axis_of, finite
from hwprof.onnx_io._draft import AffineWeights, ChannelAffine, Draft
from hwprof.onnx_io._views import (
    CHANNELS_LAST,
    Layout,
    OnnxShape,
    Value,
    View,
    axes_in_memory,
    is_feature_map,
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
            f"Clip is supported as ReLU (0 to infinity) and ReLU6 (0 to 6); got {bounds[0]} to {bounds[1]}."
        )
    return [_apply_function(call, _CLIPS[bounds])]


def _bound(call: Call, position: int, attribute: str, default: float) -> float:
    array = call.array(position)
    return call.number(attribute, default) if array is None else float(array.item())


def _apply_function(call: Call, function: UnaryFunction) -> View:
    view = _whole(call.draft, call.view())
    op = Unary(function=function)
    return view.on(call.draft.add(op, [view.tensor], call.name), call.name)


def _whole(draft: Draft, view: View) -> View:
    """A view of all of a tensor, so that work on the tensor is work on the view and no more."""
    if view.is_permutation:
        return view
    tensor = draft.place_naturally(view)
    return draft.view(tensor, view.shape, natural_layout(view.shape), view.name)


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
    """The view's own layout, or the natural one, if these axes are its fastest; else one so made."""
    last = restrict(view.shape, axes)
    for layout in (view.layout, natural_layout(view.shape)):
        if layout is not None and layout[len(layout) - len(last) :] == last:
            return layout
    others = tuple(axis for axis in range(len(view.shape)) if axis not in axes)
    return restrict(view.shape, (*others, *axes))


def import_arithmetic(call: Call) -> list[View]:
    """Add, Sub, Mul and Div of two tensors, or of one and constants."""
    left, right = call.operand(0), call.operand(1)
    if isinstance(left, View) and isinstance(right, View):
        return [_combine(call, left, right)]
    if isinstance(left, View):
        scale, shift = _WITH_CONSTANT[call.node.op_type](finite(call.required(1).array, "a constant"))
        return [affine(call, left, scale, shift)]
    if not isinstance(right, View) or call.node.op_type == "Div":
        raise ModelError("a constant cannot be divided by the network's data.")
    constant = finite(call.required(0).array, "a constant")
    scale, shift = _WITH_CONSTANT[call.node.op_type](constant)
    if call.node.op_type == "Sub":
        scale, shift = -scale, constant
    return [affine(call, right, scale, shift)]


_WITH_CONSTANT: dict[str, Callable[[Array], tuple[Array, Array]]] = {
    "Add": lambda value: (np.ones_like(value), value),
    "Sub": lambda value: (np.ones_like(value), -value),
    "Mul": lambda value: (value, np.zeros_like(value)),
    "Div": lambda value: (_inverse(value), np.zeros_like(value)),
}


def _inverse(value: Array) -> Array:
    if not value.all():
        raise ModelError("the network's data is divided by zero.")
    return np.asarray(1 / value)


def import_sum(call: Call) -> list[View]:
    """Sum of two or more tensors."""
    total = call.view(0)
    for position in range(1, len(call.values)):
        total = _add_or_multiply(call, total, call.view(position))
    return [total]


def import_batch_normalisation(call: Call) -> list[View]:
    """BatchNormalization with the statistics of training."""
    if call.integer("training_mode", 0):
        raise ModelError("batch normalisation must be exported for inference; got training_mode 1.")
    gamma, beta, mean, variance = (
        finite(call.required(i).array, "batch normalisation") for i in range(1, 5)
    )
    scale = gamma / np.sqrt(variance + call.number("epsilon", 1e-5))
    columns = (-1, *(1,) * (len(call.view().shape) - 2))
    return [affine(call, call.view(), scale.reshape(columns), (beta - mean * scale).reshape(columns))]


def affine(call: Call, view: View, scale: Array, shift: Array) -> View:
    """scale * view + shift with constants that vary over the channels only.

    Raises:
        ModelError: they vary otherwise, or have more elements than the view.
    """
    scale, shift = finite(scale, "a constant"), finite(shift, "a constant")
    if not (scale != 1).any() and not shift.any():
        return view
    if np.broadcast_shapes(view.shape, scale.shape, shift.shape) != view.shape:
        raise ModelError(f"a constant of shape {list(shift.shape)} enlarges data {list(view.shape)}.")
    view = _whole(call.draft, view)
    if view.layout is None:
        tensor = call.draft.place_naturally(view)
        view = call.draft.view(tensor, view.shape, natural_layout(view.shape), view.name)
    weights = AffineWeights(_by_channel(view, scale), _by_channel(view, shift))
    return view.on(call.draft.add(ChannelAffine(), [view.tensor], call.name, weights), call.name)


def _by_channel(view: View, values: Array) -> Array:
    """Values (c,) of constants that are broadcast over the view."""
    channels = view.source_shape[2]
    if values.size == 1:
        return np.broadcast_to(values.reshape(-1), (channels,))
    order = axes_in_memory(view.shape, view.layout or ())
    rows = np.broadcast_to(values, view.shape).transpose(order).reshape(-1, channels)
    if (rows != rows[0]).any():
        raise ModelError("a constant may vary over channels only; this one varies over pixels.")
    return rows[0]


def _combine(call: Call, left: View, right: View) -> View:
    if call.node.op_type == "Div":
        raise ModelError("one tensor of the network cannot be divided by another.")
    if call.node.op_type == "Sub":
        right = affine(call, right, np.float64(-1), np.float64(0))
    return _add_or_multiply(call, left, right)


def _add_or_multiply(call: Call, left: View, right: View) -> View:
    shape = np.broadcast_shapes(left.shape, right.shape)
    op = Mul() if call.node.op_type == "Mul" else Add()
    left, right = _spread(call.draft, left, shape), _spread(call.draft, right, shape)
    layout, place = common_layout([left, right])
    tensors = [call.draft.place(view, layout, place) for view in (left, right)]
    return call.draft.view(call.draft.add(op, tensors, call.name), shape, layout, call.name)


def _spread(draft: Draft, view: View, shape: OnnxShape) -> View:
    """One value for each channel repeated over all pixels, as squeeze and excitation needs it."""
    if view.shape == shape:
        return view
    if not is_feature_map(shape) or view.shape != (1, shape[1], 1, 1):
        raise ModelError(
            f"data {list(view.shape)} cannot be repeated to {list(shape)}; only one value for each "
            "channel (1, c, 1, 1) can."
        )
    tensor = draft.place_naturally(view)
    spread = draft.add(ResizeNearest(out_h=shape[2], out_w=shape[3]), [tensor], f"{view.name}/spread")
    return draft.natural_view(spread, view.name)


def common_layout(views: list[View]) -> tuple[Layout, Shape]:
    """Layout and shape in which tensors of one ONNX shape meet with the least movement."""
    first = views[0]
    if first.layout is not None and all(view.layout == first.layout for view in views):
        return first.layout, first.source_shape
    return natural_layout(first.shape), natural_shape(first.shape)


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
