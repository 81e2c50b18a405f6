"""The Graph while it is being read: numbered tensors, suggested names, weights not yet final."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError
from hwprof.graph import Concat, Op, QuantParams, Reshape, Shape
from hwprof.onnx_io._limits import MAX_NODES
from hwprof.onnx_io._plan import Plan, cost, plan_channels, plan_movement
from hwprof.onnx_io._views import (
    Layout,
    OnnxShape,
    Positions,
    View,
    axes_in_memory,
    check_size,
    is_feature_map,
    natural_layout,
    natural_shape,
)

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class DraftWeights:
    """Weights while batch normalisation may still be folded into them.

    Attributes:
        kernel: (out, h, w, in) or (out, in); float, or int8 where ``scales`` is set.
        bias: (out,) float64 real numbers.
        scales: (out,) float64 of an int8 kernel; None for a float one.
    """

    kernel: Array
    bias: Array
    scales: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAffine(Op):
    """x * scale[c] + shift[c]: batch normalisation and arithmetic with constants.

    Lives in drafts only; what cannot be folded becomes a 1x1 depthwise convolution.
    """

    kind = "channel_affine"


@dataclass(frozen=True, slots=True, eq=False)
class AffineWeights:
    """scale and shift, (c,) float64 each."""

    scale: Array
    shift: Array


@dataclass(frozen=True, slots=True, eq=False)
class DraftNode:
    """A node and its output tensor, whose number is its key in the draft.

    Attributes:
        is_final: the name is one of ours, and nothing may merge the tensor into a later node.
    """

    op: Op
    inputs: tuple[int, ...]
    shape: Shape
    name: str
    weights: DraftWeights | AffineWeights | None = None
    is_final: bool = False


class Draft:
    """Nodes in execution order, by the number of their output tensor."""

    def __init__(self) -> None:
        self.inputs: dict[int, tuple[str, Shape]] = {}
        self.nodes: dict[int, DraftNode] = {}
        self.outputs: list[int] = []
        self.quantisation: dict[int, QuantParams] = {}
        self.placed: dict[tuple[View, Layout, Shape], int] = {}
        self._count = 0

    def add_input(self, name: str, shape: Shape) -> int:
        """Declare a graph input."""
        tensor = self._number()
        self.inputs[tensor] = (name, shape)
        return tensor

    def add(
        self,
        op: Op,
        inputs: Sequence[int],
        name: str,
        weights: DraftWeights | AffineWeights | None = None,
    ) -> int:
        """Append a node and return its output tensor."""
        shape = op.output_shape([self.shape(tensor) for tensor in inputs])
        check_size(shape)
        if len(self.nodes) >= MAX_NODES:
            raise ModelError(
                f"a network has at most {MAX_NODES:,} operators; no microcontroller runs more."
            )
        tensor = self._number()
        self.nodes[tensor] = DraftNode(op, tuple(inputs), shape, name, weights)
        return tensor

    def shape(self, tensor: int) -> Shape:
        """(h, w, c) of a tensor."""
        return self.nodes[tensor].shape if tensor in self.nodes else self.inputs[tensor][1]

    def view(self, tensor: int, shape: OnnxShape, layout: Layout, name: str) -> View:
        """A whole tensor as ONNX sees it."""
        return View(tensor, self.shape(tensor), shape, layout, name)

    def natural_view(self, tensor: int, name: str) -> View:
        """A whole tensor (h, w, c) as the ONNX feature map (1, c, h, w)."""
        h, w, c = self.shape(tensor)
        shape = (1, c, h, w)
        return self.view(tensor, shape, natural_layout(shape), name)

    def place_naturally(self, view: View) -> int:
        """The view as a tensor of its own: channels last, or flat if it is no feature map."""
        return self.place(view, natural_layout(view.shape), natural_shape(view.shape))

    def whole(self, view: View) -> View:
        """A view of all of a tensor, so that work on the tensor is work on the view and no more."""
        if view.is_permutation:
            return view
        tensor = self.place_naturally(view)
        return self.view(tensor, view.shape, natural_layout(view.shape), view.name)

    def place(self, view: View, layout: Layout, shape: Shape) -> int:
        """A tensor ``shape`` whose memory holds the view's elements in ``layout``.

        Adds the data movement that this needs, once however often it is asked for.

        Raises:
            ModelError: the firmware's operators cannot produce that order.
        """
        key = (view, layout, shape)
        if key not in self.placed:
            self.placed[key] = self._move(view, layout, shape)
        return self.placed[key]

    def finish(self, view: View, name: str) -> View:
        """End a node of ours: the view becomes a tensor of that name."""
        tensor = self.place_naturally(view)
        if tensor in self.inputs or self.nodes[tensor].is_final:
            tensor = self.add(Reshape(shape=self.shape(tensor)), [tensor], name)
        self.nodes[tensor] = replace(self.nodes[tensor], name=name, is_final=True)
        return self.view(tensor, view.shape, natural_layout(view.shape), name)

    def _number(self) -> int:
        self._count += 1
        return self._count

    def _move(self, view: View, layout: Layout, shape: Shape) -> int:
        if view.layout == layout:
            plan: Plan = () if view.source_shape == shape else (Reshape(shape=shape),)
            return self._apply(plan, view.tensor, view.name)
        wanted = _in_memory_order(view.positions, layout)
        direct = plan_movement(view.source_shape, wanted, shape)
        if direct is not None and cost(direct) <= 1:
            return self._apply(direct, view.tensor, view.name)
        tensor = self._move_in_two(view, wanted, shape)
        if tensor is not None:
            return tensor
        if direct is not None:
            return self._apply(direct, view.tensor, view.name)
        return self._choose_channels(view, wanted, shape)

    def _move_in_two(self, view: View, wanted: Positions, shape: Shape) -> int | None:
        """Through a feature map that the file itself passes through, and others can share."""
        for origin in view.origins():
            layout = natural_layout(origin.shape)
            if not is_feature_map(origin.shape) or origin.layout == layout:
                continue
            between = _in_memory_order(origin.positions, layout)
            place = natural_shape(origin.shape)
            first = plan_movement(origin.source_shape, between, place)
            second = plan_movement(place, _relative(wanted, between), shape)
            if first and second is not None and cost(first) == 1 and cost(second) <= 1:
                return self._apply(second, self.place(origin, layout, place), view.name)
        return None

    def _choose_channels(self, view: View, wanted: Positions, shape: Shape) -> int:
        slices = plan_channels(view.source_shape, wanted, shape)
        if slices is None:
            raise ModelError(
                f"data movement must be a few slices and transposes; that of ONNX node "
                f"{view.name!r} to shape {list(view.shape)} is not; replace it by slicing, "
                "splitting or a channel shuffle."
            )
        parts = [self._apply((part,), view.tensor, f"{view.name}/slice") for part in slices]
        return self.add(Concat(), parts, view.name)

    def _apply(self, plan: Plan, tensor: int, name: str) -> int:
        for step, op in enumerate(plan, start=1):
            tensor = self.add(op, [tensor], name if step == len(plan) else f"{name}/{op.kind}")
        return tensor


def _in_memory_order(positions: Positions, layout: Layout) -> Positions:
    return positions.transpose(axes_in_memory(positions.shape, layout)).reshape(-1)


def _relative(wanted: Positions, between: Positions) -> Positions:
    """Positions in a tensor that holds ``between`` instead of in the source of both."""
    inverse = np.full(max(int(between.max()), int(wanted.max())) + 1, -1, np.int32)
    inverse[between] = np.arange(between.size, dtype=np.int32)
    return inverse[wanted]
