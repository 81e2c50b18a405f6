"""Sums and products: of two tensors of the network, or of one and constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError
from hwprof.graph import Add, Mul, Op, ResizeNearest, Shape, Sub
from hwprof.onnx_io._call import Call, finite
from hwprof.onnx_io._draft import AffineWeights, ChannelAffine, Draft
from hwprof.onnx_io._views import (
    Layout,
    OnnxShape,
    View,
    axes_in_memory,
    is_feature_map,
    natural_layout,
    natural_shape,
)

Array = npt.NDArray[Any]


def import_arithmetic(call: Call) -> list[View]:
    """Add, Sub, Mul and Div of two tensors, or of one and constants."""
    left, right = call.operand(0), call.operand(1)
    if isinstance(left, View) and isinstance(right, View):
        return [_combine(call, left, right)]
    if isinstance(left, View):
        constant = finite(call.required(1).array, "a constant")
        scale, shift = _WITH_CONSTANT[call.node.op_type](constant)
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
        total = _join(call, total, call.view(position))
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
    shift = beta - mean * scale
    return [affine(call, call.view(), scale.reshape(columns), shift.reshape(columns))]


def affine(call: Call, view: View, scale: Array, shift: Array) -> View:
    """The view times scale, plus shift, with constants that vary over the channels only.

    Raises:
        ModelError: they vary otherwise, or have more elements than the view.
    """
    scale, shift = finite(scale, "a constant"), finite(shift, "a constant")
    if not (scale != 1).any() and not shift.any():
        return view
    if np.broadcast_shapes(view.shape, scale.shape, shift.shape) != view.shape:
        raise ModelError(
            f"a constant of shape {list(scale.shape)} enlarges data {list(view.shape)}."
        )
    view = call.draft.whole(view)
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
    return np.asarray(rows[0])


def _combine(call: Call, left: View, right: View) -> View:
    if call.node.op_type == "Div":
        raise ModelError("one tensor of the network cannot be divided by another.")
    return _join(call, left, right)


_JOINING: dict[str, Callable[[], Op]] = {"Add": Add, "Mul": Mul, "Sub": Sub, "Sum": Add}


def _join(call: Call, left: View, right: View) -> View:
    shape = np.broadcast_shapes(left.shape, right.shape)
    op = _JOINING[call.node.op_type]()
    left, right = _spread(call.draft, left, shape), _spread(call.draft, right, shape)
    layout, place = _common_layout([left, right])
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
    spread = draft.add(
        ResizeNearest(out_h=shape[2], out_w=shape[3]), [tensor], f"{view.name}/spread"
    )
    return draft.natural_view(spread, view.name)


def _common_layout(views: list[View]) -> tuple[Layout, Shape]:
    """Layout and shape in which tensors of one ONNX shape meet with the least movement."""
    first = views[0]
    if first.layout is not None and all(view.layout == first.layout for view in views):
        return first.layout, first.source_shape
    return natural_layout(first.shape), natural_shape(first.shape)
