"""ONNX files to ``Graph``: float or QDQ, ours or anybody's.

The file is bounded, decoded and checked; then every node is read in order. Constants are
evaluated, data movement is traced, the rest enters a draft that is tidied and becomes the Graph.
Nothing of the file is executed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from hwprof.errors import ModelError
from hwprof.graph import Graph
from hwprof.onnx_io import _file
from hwprof.onnx_io import metadata as keys
from hwprof.onnx_io._call import Call
from hwprof.onnx_io._draft import Draft
from hwprof.onnx_io._file import OnnxFile, OnnxNode, Source, foreign_errors
from hwprof.onnx_io._finish import tensor_names, to_graph
from hwprof.onnx_io._operators import import_node, refuse_unsupported
from hwprof.onnx_io._passes import rescale_averages, tidy
from hwprof.onnx_io._quantising import complete_quantisation
from hwprof.onnx_io._views import (
    Constant,
    Layout,
    OnnxShape,
    Value,
    View,
    axes_in_memory,
    check_size,
    natural_layout,
    natural_shape,
    restrict,
)

# Bytes of constants that the file computes and that are still to be read.
_MOST_CONSTANT_BYTES = 1 << 29
# Positions that may be held at once while data movement is traced: 512 MB of int32.
_MOST_TRACED = 1 << 27
_TRANSPARENT = ("Cast", "DequantizeLinear", "Identity", "QuantizeLinear")


@dataclass(frozen=True, slots=True)
class OnnxTensor:
    """A tensor of the file, before it is quantised, and how a graph tensor (h, w, c) lies in it.

    Attributes:
        axes: order of the ONNX tensor's axes in memory: ``array.transpose(axes).reshape(h, w, c)``.
    """

    name: str
    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class OnnxModel:
    """What a file holds.

    Attributes:
        metadata: metadata properties of the file, ``hwprof.architecture`` among them.
        file_sha256: hash of the file's bytes.
        output_names: ONNX names of ``graph.outputs``, in order.
        tensors: by name in the graph, the tensor of the file that holds the same numbers; those
            that have no counterpart there are left out.
        notes: where what runs differs from what the file says; nowhere.
    """

    graph: Graph
    metadata: Mapping[str, str]
    file_sha256: str
    output_names: tuple[str, ...]
    tensors: Mapping[str, OnnxTensor] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_onnx(source: Source) -> OnnxModel:
    """Read an ONNX model from a path, from bytes, or from an ``onnx.ModelProto``.

    Tensors become channels-last; batch normalisation, activations and padding are folded. Nodes
    keep the names of the ONNX nodes they stem from. In a file of ours a node's block is its name
    up to the last "/", in any other each node is its own block.

    Raises:
        UnsupportedOperatorError: operators outside the supported set, all of them at once.
        ModelError: the file is missing, too large, damaged, breaks the standard, or has shapes
            that are not static.
    """
    data = _data(source)
    model = _file.parse(data)
    file = _file.describe(model)
    refuse_unsupported(file)
    _file.check(model)
    with np.errstate(all="ignore"):  # what is not finite is refused where it becomes a weight
        reading = _Reading(file)
        graph = reading.graph()
    return OnnxModel(graph, file.metadata, _file.sha256(data), file.outputs, reading.counterparts())


def _data(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, str | os.PathLike):
        return _file.FILE.read(source)
    with foreign_errors("the ModelProto cannot be serialised"):
        return bytes(source.SerializeToString(deterministic=True))


class _Reading:
    """One file on its way to a Graph."""

    def __init__(self, file: OnnxFile) -> None:
        self._file = file
        self._draft = Draft()
        self._is_ours = keys.SEED in file.metadata
        self._values: dict[str, Value] = {n: Constant(a) for n, a in file.constants.items()}
        self._traced = 0
        self._constant_bytes = 0
        self._found: dict[int, OnnxTensor] = {}
        self._names: dict[View, str] = {}

    def graph(self) -> Graph:
        for name, shape in self._file.inputs.items():
            self._values[name] = self._seen(name, self._input(name, shape))
        reads = Counter(name for node in self._file.nodes for name in node.inputs)
        reads.update(self._file.outputs)
        for node in self._file.nodes:
            self._read(node)
            reads.subtract(node.inputs)
            for name in node.inputs:
                if reads[name] == 0:
                    self._forget(name)
        for name in self._file.outputs:
            self._draft.outputs.append(self._output(name))
        tidy(self._draft)
        complete_quantisation(self._draft)
        rescale_averages(self._draft)
        return to_graph(self._draft, self._file)

    def counterparts(self) -> dict[str, OnnxTensor]:
        """Tensors of the file by the name of the graph tensor that holds the same numbers."""
        for (view, layout, _), tensor in self._draft.placed.items():
            if view in self._names:
                self._note(tensor, self._names[view], view.shape, layout)
        names = tensor_names(self._draft)
        return {names[tensor]: found for tensor, found in self._found.items() if tensor in names}

    def _note(self, tensor: int, name: str, shape: OnnxShape, layout: Layout) -> None:
        # The first is the one that the operator computed; later ones are quantised or moved.
        self._found.setdefault(tensor, OnnxTensor(name, axes_in_memory(shape, layout)))

    def _input(self, name: str, shape: OnnxShape) -> View:
        check_size(shape)
        layout, place = natural_layout(shape), natural_shape(shape)
        readers = self._readers(name)
        if len(shape) == 4 and readers and all(map(_makes_channels_first, readers)):
            layout, place = restrict(shape, (0, 1, 2, 3)), (shape[1], shape[2], shape[3])
        if len(shape) == 3 and any(node.op_type == "Conv" for node in readers):
            layout, place = restrict(shape, (2, 1)), (1, shape[2], shape[1])
        return self._draft.view(self._draft.add_input(name, place), shape, layout, name)

    def _readers(self, name: str) -> list[OnnxNode]:
        """The nodes that read a tensor, seen through those that leave it as it is."""
        names, readers = {name}, []
        for node in self._file.nodes:
            if names.isdisjoint(node.inputs[:1]):
                continue
            if node.op_type in _TRANSPARENT:
                names.update(node.outputs)
            else:
                readers.append(node)
        return readers

    def _read(self, node: OnnxNode) -> None:
        label = node.label
        with foreign_errors(f"ONNX node {label!r} ({node.op_type}) cannot be read"):
            call = Call(
                node=node,
                name=label,
                values=tuple(self._values[name] if name else None for name in node.inputs),
                opset=self._file.opset,
                draft=self._draft,
                is_ours=self._is_ours,
            )
            try:
                results = import_node(call)
            except ModelError as error:
                raise type(error)(f"ONNX node {label!r} ({node.op_type}): {error}") from error
            self._keep(node, results)

    def _keep(self, node: OnnxNode, results: Sequence[Value]) -> None:
        for name, value in zip(node.outputs, results, strict=False):
            kept = value
            if isinstance(value, View):
                self._count_traced(value)
                if self._is_ours and node.name == name:
                    kept = self._draft.finish(value, name)
            self._values[name] = self._seen(name, kept)

    def _forget(self, name: str) -> None:
        value = self._values.pop(name, None)
        if isinstance(value, Constant) and name not in self._file.constants:
            self._constant_bytes -= value.array.nbytes

    def _seen(self, name: str, value: Value) -> Value:
        if isinstance(value, Constant):
            self._constant_bytes += value.array.nbytes
            if self._constant_bytes > _MOST_CONSTANT_BYTES:
                raise ModelError(
                    f"constants that a file computes take at most {_MOST_CONSTANT_BYTES:,} bytes "
                    "at once; no microcontroller has more; fold them into the file."
                )
        else:
            self._names.setdefault(value, name)
            if value.layout is not None:
                self._note(value.tensor, name, value.shape, value.layout)
        return value

    def _count_traced(self, view: View) -> None:
        self._traced += 0 if view.origin is None else prod(view.shape)
        if self._traced > _MOST_TRACED:
            raise ModelError(
                f"data movement over more than {_MOST_TRACED:,} elements is not read; no "
                "microcontroller runs it."
            )

    def _output(self, name: str) -> int:
        value = self._values.get(name)
        if not isinstance(value, View):
            raise ModelError(
                f"every output must depend on an input; {name!r} is constant; drop it from the "
                "model."
            )
        with foreign_errors(f"output {name!r} cannot be read"):
            return self._draft.place_naturally(value)


def _makes_channels_first(node: OnnxNode) -> bool:
    """Whether a node says that the input it reads is channels-last, as files from TensorFlow do."""
    return node.op_type == "Transpose" and node.attributes.get("perm") == (0, 3, 1, 2)
