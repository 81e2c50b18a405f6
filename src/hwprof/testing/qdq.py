"""A QDQ model's operators held against onnxruntime, each fed onnxruntime's own int8 inputs.

onnxruntime computes every tensor of the file in floating point, between the roundings that the
file states. Each tensor is then quantised with the graph's parameters, which for a tensor that the
file quantises is what onnxruntime's own QuantizeLinear does.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwprof.graph import Graph, Node
from hwprof.onnx_io import OnnxModel
from hwprof.profiler.lowering import lower
from hwprof.profiler.reference import run_reference

if TYPE_CHECKING:
    from onnx import ModelProto

Int8 = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one node is from onnxruntime.

    Attributes:
        largest_lsb: largest distance of an output element, in steps of the output's scale.
        differing_share: share of the elements that differ at all, 0 to 1.
    """

    node: str
    kind: str
    largest_lsb: int
    differing_share: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """How onnxruntime's quantiser is told to quantise.

    Attributes:
        activations, weights: ``QInt8`` or ``QUInt8``.
        symmetric: zero points of activations are 0 (128 for uint8).
        optimised: the model goes through its pre-processing first, which folds and fuses.
    """

    activations: str = "QInt8"
    weights: str = "QInt8"
    per_channel: bool = True
    symmetric: bool = False
    optimised: bool = False


def quantise_with_onnxruntime(model: ModelProto, recipe: Recipe, pictures: int = 4) -> ModelProto:
    """A float model in QDQ form, by onnxruntime's static quantiser.

    Args:
        pictures: random inputs of unit variance that it calibrates on.
    """
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]  # has no types
        def __init__(self) -> None:
            self._feeds = iter([random_feeds(model, seed) for seed in range(pictures)])

        def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
            return next(self._feeds, None)

    kinds = quantization.QuantType
    with tempfile.TemporaryDirectory() as folder, _quiet():
        written, source, target = (Path(folder, name) for name in ("float", "ready", "qdq"))
        onnx.save(model, written, format="protobuf")
        if recipe.optimised:
            quant_pre_process(written, source, skip_symbolic_shape=True)
        else:
            source = written
        quantization.quantize_static(
            source,
            target,
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=kinds[recipe.activations],
            weight_type=kinds[recipe.weights],
            per_channel=recipe.per_channel,
            extra_options={"ActivationSymmetric": recipe.symmetric},
        )
        return onnx.load(target, format="protobuf")


def random_feeds(model: ModelProto, seed: int) -> dict[str, npt.NDArray[np.float32]]:
    """Normal numbers of unit variance for each input of a model."""
    rng = np.random.default_rng(seed)
    return {
        entry.name: rng.standard_normal(
            [dim.dim_value or 1 for dim in entry.type.tensor_type.shape.dim], dtype=np.float32
        )
        for entry in model.graph.input
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser advises on every call to pre-process."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def onnxruntime_tensors(
    model: ModelProto, read: OnnxModel, feeds: Mapping[str, npt.NDArray[np.float32]]
) -> dict[str, Int8]:
    """Every tensor of the graph that the file has too, as onnxruntime computes and quantises it."""
    found = read.tensors
    values = _run(model, {tensor.name for tensor in found.values()}, feeds)
    return {
        name: _quantised(read.graph, name, values[tensor.name].transpose(tensor.axes))
        for name, tensor in found.items()
        if tensor.name in values
    }


def operator_differences(read: OnnxModel, tensors: Mapping[str, Int8]) -> list[Difference]:
    """Each node on onnxruntime's inputs beside onnxruntime's output.

    A tensor that the file does not have, between two nodes that are one operator there, is what
    our first node makes of onnxruntime's tensors.
    """
    known = dict(tensors)
    differences = []
    for node in read.graph.nodes:
        output = _output(read.graph, node, known)
        if node.name in tensors:
            distance = _distance(node.name, node.op.kind, output, tensors[node.name])
            differences.append(distance)
        else:
            known[node.name] = output
    return differences


def onnxruntime_spread(
    model: ModelProto, read: OnnxModel, tensors: Mapping[str, Int8], seed: int
) -> int:
    """How far onnxruntime's own fused int8 kernels are from its unfused floats, at the outputs.

    Args:
        tensors: from ``onnxruntime_tensors`` with ``random_feeds`` of this seed.

    Returns:
        The largest distance in steps of the output's scale.
    """
    names = {read.tensors[name].name for name in read.graph.outputs}
    values = _run(model, names, random_feeds(model, seed), optimised=True)
    distances = [
        _distance(
            name,
            "network",
            _quantised(read.graph, name, values[found.name].transpose(found.axes)),
            tensors[name],
        )
        for name, found in read.tensors.items()
        if name in read.graph.outputs
    ]
    return max(distance.largest_lsb for distance in distances)


def graph_differences(read: OnnxModel, tensors: Mapping[str, Int8]) -> list[Difference]:
    """The whole network on onnxruntime's inputs beside onnxruntime's outputs."""
    inputs = {name: tensors[name] for name in read.graph.inputs}
    outputs = run_reference(lower(read.graph), inputs).outputs
    return [
        _distance(name, "network", outputs[name], tensors[name])
        for name in dict.fromkeys(read.graph.outputs)
    ]


def _output(graph: Graph, node: Node, tensors: Mapping[str, Int8]) -> Int8:
    """What one node makes of the tensors that it reads."""
    alone = Graph(
        name=node.name,
        inputs={name: graph.shapes[name] for name in node.inputs},
        nodes=(node,),
        outputs=(node.name,),
        weights={name: kept for name, kept in graph.weights.items() if name == node.name},
        quantisation={name: graph.quantisation[name] for name in (node.name, *node.inputs)},
    )
    inputs = {name: tensors[name] for name in alone.inputs}
    return run_reference(lower(alone), inputs).outputs[node.name]


def _distance(name: str, kind: str, ours: Int8, theirs: Int8) -> Difference:
    distance = np.abs(ours.astype(np.int16) - theirs)
    return Difference(name, kind, int(distance.max()), float((distance > 0).mean()))


def _quantised(graph: Graph, name: str, values: npt.NDArray[Any]) -> Int8:
    if values.dtype == np.uint8:
        values = (values.astype(np.int16) - 128).astype(np.int8)
    if values.dtype == np.int8:  # a Clip of levels
        return values.reshape(graph.shapes[name])
    params = graph.quantisation[name]
    levels = np.rint(values.astype(np.float32) / np.float32(params.scale)) + params.zero_point
    tensor: Int8 = np.clip(levels, -128, 127).astype(np.int8).reshape(graph.shapes[name])
    return tensor


def _run(
    model: ModelProto,
    names: set[str],
    feeds: Mapping[str, npt.NDArray[np.float32]],
    *,
    optimised: bool = False,
) -> dict[str, npt.NDArray[Any]]:
    """Float tensors of the file by name; as written, nothing fused, unless ``optimised``."""
    import onnx
    import onnxruntime

    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    known = {output.name for output in whole.graph.output}
    computed = {name for node in whole.graph.node for name in node.output}
    for name in sorted((names & computed) - known):
        whole.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    options = onnxruntime.SessionOptions()
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = (
        levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    )
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(whole.SerializeToString(), options)
    wanted = [output.name for output in session.get_outputs()]
    return {**dict(zip(wanted, session.run(wanted, dict(feeds)), strict=True)), **feeds}
