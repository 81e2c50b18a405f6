"""``Graph`` to standard ONNX: opset 17, NCHW, batch 1, runnable by onnxruntime 1.17 and later.

A node becomes one ONNX operator or a short chain; the tensor that ends it, and the ONNX node that
writes that tensor, carry the node's name. With quantisation every tensor passes through a
QuantizeLinear/DequantizeLinear pair, and the tensor after the pair has the name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwprof.errors import ConfigurationError, ModelError
from hwprof.graph import Graph, Node, QuantisedWeights, QuantParams, Shape
from hwprof.onnx_io import metadata as keys
from hwprof.onnx_io._steps import NodeTensors, OnnxArray, Step, steps_of
from hwprof.onnx_io.seeded import moments, seeded_weights

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

OPSET = 17
IR_VERSION = 8  # the version that came with opset 17


def write_onnx(
    graph: Graph, path: str | os.PathLike[str], *, metadata: Mapping[str, str] | None = None
) -> None:
    """Write a graph as an ONNX file, whole or not at all.

    Args:
        metadata: further metadata properties, for example ``hwprof.architecture``.

    Raises:
        ModelError: the graph's quantisation is incomplete.
        ModelDoesNotFitError: a seeded weight tensor is larger than the pool.
        ConfigurationError: the path cannot be written.
    """
    data = to_model_proto(graph, metadata=metadata).SerializeToString(deterministic=True)
    target = Path(path)
    # Beside the target, so that the replacement is atomic: nobody ever sees half a file.
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ConfigurationError(
            f"an ONNX file needs a folder that can be written; {str(target)!r}: {error.strerror}."
        ) from error


def to_model_proto(graph: Graph, *, metadata: Mapping[str, str] | None = None) -> ModelProto:
    """A graph as a checked ``onnx.ModelProto``.

    Raises:
        ModelError: the graph's quantisation is incomplete.
        ModelDoesNotFitError: a seeded weight tensor is larger than the pool.
    """
    from onnx import helper

    _check_quantisation(graph)
    emitter = _Emitter(graph)
    model = helper.make_model(
        emitter.graph_proto(),
        producer_name=keys.PRODUCER,
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    helper.set_model_props(model, _properties(graph, metadata or {}))
    return model


def _properties(graph: Graph, extra: Mapping[str, str]) -> dict[str, str]:
    properties = {keys.SEED: str(graph.seed)}
    if all(node.block == keys.block_of(node.name) for node in graph.nodes):
        properties[keys.BLOCKS] = keys.BLOCKS_ARE_PREFIXES
    return properties | dict(extra)


def _check_quantisation(graph: Graph) -> None:
    if not graph.quantisation:
        return
    missing = [name for name in graph.shapes if name not in graph.quantisation]
    missing += [
        node.name
        for node in graph.weighted_nodes
        if not isinstance(graph.weights.get(node.name), QuantisedWeights)
    ]
    if missing:
        raise ModelError(
            f"a quantised graph has parameters for every tensor and int8 weights for every "
            f"weighted node; {missing[0]!r} lacks them; quantise it or drop the quantisation."
        )


class _Emitter:
    """Collects the ONNX nodes and initialisers of one graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._nodes: list[NodeProto] = []
        self._arrays: dict[str, OnnxArray] = {}
        self._taken = set(graph.shapes)
        self._sources = {name: name for name in graph.inputs}
        self._moments = moments(graph)

    def graph_proto(self) -> GraphProto:
        from onnx import helper, numpy_helper

        for name in self._graph.inputs:
            self._quantise_input(name)
        for node in self._graph.nodes:
            self._emit(node)
        outputs = dict.fromkeys(self._graph.outputs)  # ONNX wants each once
        inner = [node.name for node in self._graph.nodes if node.name not in outputs]
        return helper.make_graph(
            self._nodes,
            self._graph.name or keys.PRODUCER,
            [self._value_info(name, name) for name in self._graph.inputs],
            [self._value_info(name, self._sources[name]) for name in outputs],
            [numpy_helper.from_array(array, name) for name, array in self._arrays.items()],
            value_info=[self._value_info(name, name) for name in inner],
        )

    def _value_info(self, tensor: str, name: str) -> ValueInfoProto:
        from onnx import TensorProto, helper

        return helper.make_tensor_value_info(
            name, TensorProto.FLOAT, onnx_shape(self._graph.shapes[tensor])
        )

    def _emit(self, node: Node) -> None:
        sources = [self._sources[name] for name in node.inputs]
        tensors = NodeTensors(
            node=node,
            sources=tuple(sources),
            shapes=tuple(self._graph.input_shapes(node)),
            shape=self._graph.shapes[node.name],
            weights=self._weights(node),
            constant=lambda role, array: self._constant(f"{node.name}/{role}", array),
        )
        steps = [*steps_of(tensors), *self._quantising_steps(node.name)]
        self._chain(node.name, sources[0], steps)
        self._sources[node.name] = node.name

    def _chain(self, name: str, source: str, steps: list[Step]) -> None:
        """Append steps, the last of which writes tensor ``name`` and is called so."""
        for step in steps[:-1]:
            source = self._append(step, source, self._fresh(f"{name}/{step.op_type}"))
        self._append(steps[-1], source, name, node_name=name)

    def _append(self, step: Step, source: str, output: str, node_name: str | None = None) -> str:
        from onnx import helper

        # Only the ONNX node that ends a node of ours is named like its tensor (metadata.SEED).
        name = node_name or f"{output}:part"
        inputs = [source, *step.operands]
        self._nodes.append(
            helper.make_node(step.op_type, inputs, [output], name=name, **step.attributes)
        )
        return output

    def _quantise_input(self, name: str) -> None:
        source = name
        for step in self._quantising_steps(name):
            source = self._append(step, source, self._fresh(f"{name}/{step.op_type}"))
        self._sources[name] = source

    def _quantising_steps(self, tensor: str) -> list[Step]:
        params = self._graph.quantisation.get(tensor)
        if params is None:
            return []
        operands = self._parameters(tensor, params)
        return [Step("QuantizeLinear", operands), Step("DequantizeLinear", operands)]

    def _parameters(self, tensor: str, params: QuantParams) -> tuple[str, str]:
        return (
            self._constant(f"{tensor}/scale", np.array(params.scale, np.float32)),
            self._constant(f"{tensor}/zero_point", np.array(params.zero_point, np.int8)),
        )

    def _weights(self, node: Node) -> tuple[str, ...]:
        """Names of kernel and bias as the ONNX operator reads them; none without weights."""
        shapes = self._graph.input_shapes(node)
        if not node.op.weight_shape(shapes):
            return ()
        stored = self._graph.weights.get(node.name)
        if isinstance(stored, QuantisedWeights):
            return self._quantised_weights(node, stored)
        weights = stored or seeded_weights(self._graph, node, self._moments[node.inputs[0]])
        return (
            self._constant(f"{node.name}/weights", _onnx_kernel(weights.kernel, shapes[0])),
            self._constant(f"{node.name}/bias", np.asarray(weights.bias, np.float32)),
        )

    def _quantised_weights(self, node: Node, weights: QuantisedWeights) -> tuple[str, ...]:
        kernel = _onnx_kernel(weights.kernel, self._graph.input_shapes(node)[0])
        scales = np.asarray(weights.scales, np.float32)
        input_scale = np.float32(self._graph.quantisation[node.inputs[0]].scale)
        return (
            self._dequantised(f"{node.name}/weights", kernel, scales),
            self._dequantised(f"{node.name}/bias", weights.bias, scales * input_scale),
        )

    def _dequantised(self, name: str, values: OnnxArray, scales: OnnxArray) -> str:
        operands = (
            self._constant(f"{name}/scale", scales),
            self._constant(f"{name}/zero_point", np.zeros(len(scales), values.dtype)),
        )
        source = self._constant(f"{name}/quantised", values)
        return self._append(
            Step("DequantizeLinear", operands, {"axis": 0}), source, self._fresh(name)
        )

    def _constant(self, name: str, array: OnnxArray) -> str:
        name = self._fresh(name)
        self._arrays[name] = array
        return name

    def _fresh(self, name: str) -> str:
        """The name itself, or with a number where something else is called so."""
        unique, count = name, 1
        while unique in self._taken:
            count += 1
            unique = f"{name}:{count}"
        self._taken.add(unique)
        return unique


def onnx_shape(shape: Shape) -> list[int]:
    """Batch 1, channels first."""
    h, w, c = shape
    return [1, c, h, w]


def _onnx_kernel(kernel: OnnxArray, shape: Shape) -> OnnxArray:
    """(out, h, w, in) to (out, in, h, w); the columns of a matrix from (h, w, c) to (c, h, w)."""
    if kernel.ndim == 4:
        return kernel.transpose(0, 3, 1, 2)
    rows = len(kernel)
    return kernel.reshape(rows, *shape).transpose(0, 3, 1, 2).reshape(rows, -1)
