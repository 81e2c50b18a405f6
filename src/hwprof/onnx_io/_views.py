"""What an ONNX tensor is while its file is read: a constant, or a view of a tensor of the Graph.

Data movement is not executed but traced. A ``View`` says for each element of an ONNX tensor where
in the memory of a Graph tensor (h, w, c) it lies, so any chain of Reshape, Transpose, Slice ... is
numpy on an array of positions, and only an operator that computes decides in which order it wants
the elements.

Notation: a layout is the tuple of an ONNX tensor's axes longer than 1, slowest in memory first.
NCHW data in channels-last memory has layout (2, 3, 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError
from hwprof.graph import Shape
from hwprof.onnx_io._limits import MAX_ELEMENTS

Array = npt.NDArray[Any]
Positions = npt.NDArray[np.int32]
OnnxShape = tuple[int, ...]
Layout = tuple[int, ...]
CHANNELS_LAST = (0, 2, 3, 1)


@dataclass(frozen=True, slots=True, eq=False)
class QuantisedArray:
    """Where a constant came from through DequantizeLinear.

    Attributes:
        values: the integers less their zero point as int8, where they all fit; else as stored.
        scales: float32, () for all or (n,) along ``axis``.
        reach: steps between the zero point of 8-bit ``values`` and the farthest of them; 0 where
            that is taken off.
    """

    values: Array
    scales: Array
    axis: int
    reach: int


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A tensor known before the network runs."""

    array: Array
    quantised: QuantisedArray | None = None

    @property
    def shape(self) -> OnnxShape:
        """ONNX shape."""
        return self.array.shape


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """An ONNX tensor as positions in a Graph tensor; compared and hashed by identity.

    Attributes:
        tensor: number of the Graph tensor in the draft.
        source_shape: its (h, w, c).
        shape: ONNX shape of this view.
        layout: if the view is the whole tensor with its axes permuted, else None.
        name: of the ONNX node that made the view.
        origin: the view that data movement made this one from.
    """

    tensor: int
    source_shape: Shape
    shape: OnnxShape
    layout: Layout | None
    name: str
    origin: View | None = None
    _positions: Positions | None = field(default=None, repr=False)

    @property
    def positions(self) -> Positions:
        """Position of each element in the tensor's memory, in elements; has the ONNX shape."""
        if self._positions is not None:
            return self._positions
        if self.layout is None:
            raise AssertionError("a view without a layout has positions")
        order = axes_in_memory(self.shape, self.layout)
        memory = np.arange(prod(self.shape), dtype=np.int32)
        return memory.reshape([self.shape[a] for a in order]).transpose(np.argsort(order))

    @property
    def is_permutation(self) -> bool:
        """Whether the view has each element of its tensor exactly once."""
        if self.layout is not None:
            return True
        size = prod(self.source_shape)
        positions = self.positions
        return positions.size == size and bool((np.bincount(positions.reshape(-1)) == 1).all())

    def moved(self, positions: Positions, name: str) -> View:
        """The view after data movement."""
        check_size(positions.shape)
        return View(
            self.tensor,
            self.source_shape,
            positions.shape,
            layout_of(positions, prod(self.source_shape)),
            name,
            self,
            positions,
        )

    def on(self, tensor: int, name: str) -> View:
        """The same elements of another tensor of the same shape."""
        return View(tensor, self.source_shape, self.shape, self.layout, name, None, self._positions)

    def origins(self) -> Iterator[View]:
        """The views before this one, latest first."""
        view = self.origin
        while view is not None:
            yield view
            view = view.origin


Value = Constant | View


def check_size(shape: OnnxShape) -> None:
    """Refuse a tensor that no board could hold, before anything allocates it."""
    if min(shape, default=1) < 1:
        raise ModelError(f"every tensor needs at least one element; got shape {list(shape)}.")
    if prod(shape) > MAX_ELEMENTS:
        raise ModelError(
            f"a tensor has at most {MAX_ELEMENTS:,} elements; got shape {list(shape)}."
        )


def axes_in_memory(shape: OnnxShape, layout: Layout) -> tuple[int, ...]:
    """All axes, slowest first; those of length 1 lead."""
    return (*(axis for axis, size in enumerate(shape) if size == 1), *layout)


def restrict(shape: OnnxShape, order: tuple[int, ...]) -> Layout:
    """The layout of a shape whose axes lie in this order."""
    return tuple(axis for axis in order if shape[axis] > 1)


def natural_order(shape: OnnxShape) -> tuple[int, ...]:
    """Channels last for a feature map (1, c, h, w), the order of its axes for anything else."""
    return CHANNELS_LAST if is_feature_map(shape) else tuple(range(len(shape)))


def natural_layout(shape: OnnxShape) -> Layout:
    """The natural order, as a layout."""
    return restrict(shape, natural_order(shape))


def natural_shape(shape: OnnxShape) -> Shape:
    """(h, w, c) of a feature map, (1, 1, n) of anything else."""
    if is_feature_map(shape):
        return (shape[2], shape[3], shape[1])
    return (1, 1, prod(shape))


def is_feature_map(shape: OnnxShape) -> bool:
    """Whether an ONNX shape reads as (1, c, h, w)."""
    return len(shape) == 4 and shape[0] == 1


def layout_of(positions: Positions, size: int) -> Layout | None:
    """The layout of an array of positions; None if it is no permutation of a tensor's axes."""
    if positions.size != size:
        return None
    corner = (0,) * positions.ndim
    strides = {
        axis: int(positions[(*corner[:axis], 1, *corner[axis + 1 :])]) - int(positions[corner])
        for axis, length in enumerate(positions.shape)
        if length > 1
    }
    layout = tuple(sorted(strides, key=lambda axis: -strides[axis]))
    memory = positions.transpose(axes_in_memory(positions.shape, layout)).reshape(-1)
    return layout if np.array_equal(memory, np.arange(size, dtype=np.int32)) else None
