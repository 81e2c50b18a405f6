"""Ranges of a float graph's tensors, seen by running it: what activation scales are chosen from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwprof.errors import ConfigurationError, ModelError
from hwprof.graph import Float, Graph

Tensors = Mapping[str, Float]

RANDOM_SAMPLES = 4


@dataclass(frozen=True, slots=True)
class Calibration:
    """The least and the greatest value seen of each tensor, in real numbers.

    Attributes:
        ranges: (low, high) by tensor name, for every graph input and every node.
    """

    ranges: Mapping[str, tuple[float, float]]

    def __post_init__(self) -> None:
        for name, (low, high) in self.ranges.items():
            if not (np.isfinite(low) and np.isfinite(high) and low <= high):
                raise ModelError(
                    f"a calibrated range is finite and ascending; tensor {name!r} has "
                    f"{low} to {high}; check the model's weights and the inputs."
                )


def calibrate(
    graph: Graph, inputs: Sequence[Tensors] | None = None, *, seed: int = 0
) -> Calibration:
    """Run a float graph through onnxruntime and note the range of each tensor.

    Args:
        graph: with float weights; seeded weights get the scale that its ONNX file would have.
        inputs: samples, each with an array (h, w, c) for every graph input; without them,
            ``RANDOM_SAMPLES`` samples uniform in [0, 1).
        seed: of the random samples.

    Raises:
        ConfigurationError: no sample, or one that lacks an input or has it in another shape.
        ModelError: the model cannot be run, or computes values that are not finite.
    """
    samples = list(random_inputs(graph, seed=seed) if inputs is None else inputs)
    if not samples:
        raise ConfigurationError("calibration needs at least one sample; got none.")
    session = _Session(graph)
    lows = dict.fromkeys(graph.shapes, np.inf)
    highs = dict.fromkeys(graph.shapes, -np.inf)
    for sample in samples:
        for name, values in session.run(sample).items():
            # numpy's minimum keeps a NaN, Python's min would lose it
            lows[name] = float(np.minimum(lows[name], values.min()))
            highs[name] = float(np.maximum(highs[name], values.max()))
    return Calibration({name: (lows[name], highs[name]) for name in graph.shapes})


def random_inputs(graph: Graph, *, seed: int, count: int = RANDOM_SAMPLES) -> Iterator[Tensors]:
    """Samples of every graph input (h, w, c), float32 uniform in [0, 1)."""
    generator = np.random.default_rng(seed)
    for _ in range(count):
        yield {
            name: generator.random(shape, dtype=np.float32) for name, shape in graph.inputs.items()
        }


def evaluate(graph: Graph, inputs: Tensors) -> dict[str, Float]:
    """Every tensor of a graph as float32 (h, w, c), by onnxruntime.

    A quantised graph is computed with its rounding: values are multiples of their scales.

    Raises:
        ConfigurationError: an input is missing or has another shape.
        ModelError: the model cannot be run.
    """
    return _Session(graph).run(inputs)


def first_outputs(graph: Graph, samples: Sequence[Tensors]) -> Iterator[Float]:
    """The graph's first output, float32 (h, w, c), for each sample, computed as by ``calibrate``.

    Raises:
        ConfigurationError, ModelError: as ``evaluate``.
    """
    session = _Session(graph)
    for sample in samples:
        yield session.run(sample)[graph.outputs[0]]


class _Session:
    """A graph in onnxruntime, every tensor an output."""

    def __init__(self, graph: Graph) -> None:
        import onnxruntime

        from hwprof.onnx_io import to_model_proto

        self._graph = graph
        model = to_model_proto(graph)
        model.graph.output.extend(model.graph.value_info)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        # Fused operators would hide the rounding of a quantised graph's inner tensors.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors share no base class
            raise ModelError(f"onnxruntime cannot run {graph.name!r}: {error}") from error

    def run(self, inputs: Tensors) -> dict[str, Float]:
        feeds = {name: self._feed(name, inputs) for name in self._graph.inputs}
        names = [node.name for node in self._graph.nodes]
        try:
            arrays = self._session.run(names, feeds)
        except Exception as error:
            raise ModelError(f"onnxruntime cannot run {self._graph.name!r}: {error}") from error
        outputs = {
            name: array.reshape(array.shape[1:]).transpose(1, 2, 0)
            for name, array in zip(names, arrays, strict=True)
        }
        return {name: np.asarray(inputs[name], np.float32) for name in feeds} | outputs

    def _feed(self, name: str, inputs: Tensors) -> npt.NDArray[np.float32]:
        shape = self._graph.inputs[name]
        if name not in inputs or inputs[name].shape != shape:
            got = inputs[name].shape if name in inputs else "nothing"
            raise ConfigurationError(f"input {name!r} must have shape {shape}; got {got}.")
        return np.asarray(inputs[name], np.float32).transpose(2, 0, 1)[np.newaxis]
