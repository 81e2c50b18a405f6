"""A graph under construction, and one operator of the file as its importer sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite, prod

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.graph import Node, Op, QuantisedWeights, QuantParams, Requantise, Reshape, Shape
from hwprof.tflite_io._content import TfliteFile, TfliteOperator, TfliteTensor

Int64 = npt.NDArray[np.int64]

# Weights and tables that may be copied out of a file, which may name the same bytes many times.
_MOST_WEIGHTS_BYTES = 256 << 20
_MOST_NODES = 1 << 13  # an operator may become several
_MOST_INTEGERS = 1 << 16  # of one operand that is read as positions or a shape
_UINT8_OFFSET = 128
_GRAPH_AXES = 3


def natural_shape(dims: Sequence[int]) -> Shape:
    """Dimensions as (h, w, c): the last three, whatever is before them counted as rows.

    The bytes are the same, so a reshape between two of these is free.
    """
    padded = (1, 1, 1, *dims)
    return (prod(padded[:-2]), padded[-2], padded[-1])


def graph_axis(dims: Sequence[int], axis: int) -> int:
    """The axis of (h, w, c) that an axis of the file's dimensions is.

    Raises:
        ModelError: there is no such axis.
        UnsupportedOperatorError: it lies before the rows of (h, w, c), or is one part of them.
    """
    rank = len(dims)
    if not -rank <= axis < rank:
        raise ModelError(f"an axis lies between {-rank} and {rank - 1}; got {axis}.")
    place = axis % rank + _GRAPH_AXES - rank
    merged = prod(dims[: max(rank - _GRAPH_AXES, 0)])
    if place < 0 or (place == 0 and merged != 1):
        raise UnsupportedOperatorError(
            f"operators run along height, width and channels; got axis {axis} of {list(dims)}; "
            "convert the model with batch 1."
        )
    return place


@dataclass(slots=True)
class Draft:
    """Nodes so far, and which of their tensors each tensor of the file is."""

    file: TfliteFile
    inputs: dict[str, Shape] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    weights: dict[str, QuantisedWeights] = field(default_factory=dict)
    quantisation: dict[str, QuantParams] = field(default_factory=dict)
    values: dict[int, str] = field(default_factory=dict)
    weights_bytes: int = 0

    def free_name(self, name: str) -> str:
        """The name, with a number behind it if a tensor has it already."""
        free, count = name, 1
        while free in self.shapes:
            count += 1
            free = f"{name}_{count}"
        return free

    def add_input(self, number: int, params: QuantParams) -> None:
        """Make a tensor of the file an input of the graph."""
        tensor = self.file.tensors[number]
        name = self.free_name(tensor.name)
        self.inputs[name] = self.shapes[name] = natural_shape(tensor.dims)
        self.quantisation[name] = params
        self.values[number] = name

    def add(self, name: str, op: Op, inputs: Sequence[str], params: QuantParams) -> str:
        """Append a node and return its tensor."""
        if len(self.nodes) == _MOST_NODES:
            raise ModelError(
                f"a program has at most {_MOST_NODES:,} layers; this model becomes more; a "
                "microcontroller needs a smaller network."
            )
        name = self.free_name(name)
        self.shapes[name] = op.output_shape([self.shapes[tensor] for tensor in inputs])
        self.nodes.append(Node(name, op, tuple(inputs), block=name))
        self.quantisation[name] = params
        return name

    def add_weights(self, name: str, weights: QuantisedWeights) -> None:
        """Weights of a node; their bytes are counted."""
        self.weights_bytes += weights.kernel.nbytes + weights.bias.nbytes
        if self.weights_bytes > _MOST_WEIGHTS_BYTES:
            raise ModelError(
                f"weights of at most {_MOST_WEIGHTS_BYTES:,} bytes in all are read; this model "
                "has more; a microcontroller needs a smaller network."
            )
        self.weights[name] = weights


def params_of(tensor: TfliteTensor) -> QuantParams:
    """Scale and zero point of an activation; those of uint8 are moved to int8.

    Raises:
        ModelError: there is not one of each, or they are impossible.
    """
    if tensor.scales.size != 1 or tensor.zero_points.size > 1:
        raise ModelError(
            f"an activation is quantised with one scale and one zero point; {tensor.name!r} has "
            f"{tensor.scales.size} and {tensor.zero_points.size}; quantise the whole model to int8."
        )
    moved = _UINT8_OFFSET if tensor.type == "UINT8" else 0
    zero_point = int(tensor.zero_points[0]) - moved if tensor.zero_points.size else -moved
    scale = float(tensor.scales[0])
    if not (isfinite(scale) and scale > 0 and -_UINT8_OFFSET <= zero_point < _UINT8_OFFSET):
        raise ModelError(
            f"a scale is positive and a zero point fits 8 bits; {tensor.name!r} has scale {scale} "
            f"and zero point {zero_point + moved}; convert the model again."
        )
    return QuantParams(scale, zero_point)


@dataclass(frozen=True, slots=True)
class Call:
    """One operator of the file while it is read."""

    draft: Draft
    operator: TfliteOperator

    # What it reads

    def tensor(self, index: int) -> TfliteTensor:
        """An input as the file describes it."""
        number = self._number(self.operator.inputs, index)
        return self.draft.file.tensors[number]

    def output(self, index: int = 0) -> TfliteTensor:
        """An output as the file describes it."""
        return self.draft.file.tensors[self._number(self.operator.outputs, index)]

    def has(self, index: int) -> bool:
        """Whether an optional input is there."""
        return index < len(self.operator.inputs) and self.operator.inputs[index] >= 0

    def _number(self, numbers: Sequence[int], index: int) -> int:
        if index >= len(numbers) or numbers[index] < 0:
            raise ModelError(f"operand {index} is missing.")
        return numbers[index]

    def source(self, index: int = 0) -> str:
        """The graph's tensor that an int8 input is.

        Raises:
            ModelError: it is a constant, of another type, or written by nothing before.
        """
        tensor = self.tensor(index)
        number = self.operator.inputs[index]
        if tensor.type != "INT8":
            raise ModelError(
                f"operators compute in int8; input {tensor.name!r} is {tensor.type}; quantise the "
                "whole model to int8."
            )
        if number not in self.draft.values:
            reason = "written by nothing before it" if tensor.data is None else "a constant"
            raise ModelError(
                f"input {tensor.name!r} must be computed by an earlier operator; it is {reason}; "
                "fold constants before the conversion."
            )
        return self.draft.values[number]

    def shape(self, index: int = 0) -> Shape:
        """(h, w, c) of an int8 input."""
        return self.draft.shapes[self.source(index)]

    def picture(self, index: int = 0) -> str:
        """An int8 input that is one picture, (1, h, w, c) in the file."""
        dims = self.tensor(index).dims
        if len(dims) != 4 or dims[0] != 1:
            raise ModelError(
                f"a window runs over one picture (1, h, w, c); got {list(dims)}; convert the model "
                "with batch 1."
            )
        return self.source(index)

    def integers(self, index: int) -> Int64:
        """A constant input of integers, flat.

        Raises:
            ModelError: it is computed, or of no integer type.
        """
        tensor = self.tensor(index)
        if tensor.data is None or not tensor.type.startswith("INT") or not tensor.data.size:
            raise ModelError(
                f"operand {index} must be a constant of integers; {tensor.name!r} is not; convert "
                "the model with fixed shapes."
            )
        if tensor.data.size > _MOST_INTEGERS:
            raise ModelError(
                f"operand {index} has at most {_MOST_INTEGERS:,} integers; {tensor.name!r} has "
                f"{tensor.data.size:,}."
            )
        values: Int64 = tensor.data.reshape(-1).astype(np.int64)
        return values

    def option(self, name: str, default: int = 0) -> int:
        """A whole number among the options."""
        return int(self.operator.options.get(name, default))

    # What it writes

    def params(self, index: int = 0) -> QuantParams:
        """Scale and zero point of an int8 output."""
        tensor = self.output(index)
        if tensor.type != "INT8":
            raise ModelError(
                f"operators compute in int8; output {tensor.name!r} is {tensor.type}; quantise the "
                "whole model to int8."
            )
        return params_of(tensor)

    def source_params(self, index: int = 0) -> QuantParams:
        """Scale and zero point of an int8 input, as the graph holds it."""
        return self.draft.quantisation[self.source(index)]

    def add(self, op: Op, *sources: str, params: QuantParams, role: str = "") -> str:
        """Append a node, called after the operator and its role in it."""
        label = self.operator.label
        return self.draft.add(f"{label}/{role}" if role else label, op, sources, params)

    def reshaped(self, tensor: str, shape: Shape, role: str = "reshape") -> str:
        """The tensor under another shape; itself where that is its own."""
        if self.draft.shapes[tensor] == shape:
            return tensor
        params = self.draft.quantisation[tensor]
        return self.add(Reshape(shape=shape), tensor, params=params, role=role)

    def requantised(self, tensor: str, params: QuantParams) -> str:
        """The tensor in another scale and zero point; itself where they are its own."""
        if self.draft.quantisation[tensor] == params:
            return tensor
        return self.add(Requantise(), tensor, params=params)

    def declared(self, index: int = 0) -> Shape:
        """(h, w, c) that the file gives an output."""
        return natural_shape(self.output(index).dims)

    def finish(self, tensor: str, index: int = 0) -> None:
        """Say which tensor of the graph an output is.

        Raises:
            ModelError: the file gives the output another shape.
        """
        shape, declared = self.draft.shapes[tensor], self.declared(index)
        if shape != declared:
            raise ModelError(
                f"output {self.output(index).name!r} has shape {list(declared)} in the file, and "
                f"{list(shape)} by its operator; the file is damaged; convert the model again."
            )
        self.draft.values[self.operator.outputs[index]] = tensor

    def kept_params(self, index: int = 0, output: int = 0) -> QuantParams:
        """Parameters of an operator that moves or compares bytes, equal before and after.

        Raises:
            ModelError: the file gives its output others, which TFLite's kernels would ignore.
        """
        given, wanted = self.source_params(index), self.params(output)
        # What the reference's pooling lets pass (kernels/pooling.cc).
        if given.zero_point != wanted.zero_point or abs(given.scale - wanted.scale) > 1e-6:
            raise ModelError(
                f"scale and zero point stay the same; the file has {given.scale:g} and "
                f"{given.zero_point} before, {wanted.scale:g} and {wanted.zero_point} after; "
                "convert the model again."
            )
        return given


Importer = Callable[[Call], None]
