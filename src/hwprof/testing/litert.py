"""TFLite's reference kernels, as ai-edge-litert carries them: what our numerics are held against.

ai-edge-litert (Apache-2.0) is in the extra ``dev``; nothing but tests and benchmarks needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.graph import Graph, Int8, QuantParams
from hwprof.profiler.lowering import lower
from hwprof.profiler.reference import run_reference
from hwprof.tflite_io import read_tflite

Array = npt.NDArray[Any]


class ReferenceInterpreter:
    """One model in the interpreter with its reference resolver, fed in int8.

    Float and unsigned inputs of the file are converted with the parameters that our graph states.

    Raises:
        ImportError: ai-edge-litert is not installed.
    """

    def __init__(self, data: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self._model = read_tflite(data)
        self._program = lower(self._model.graph)
        self._interpreter = Interpreter(
            model_content=data,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
        self._interpreter.allocate_tensors()

    def differing(self, inputs: Mapping[str, Int8]) -> tuple[int, int]:
        """How many elements of all layers differ from the reference's, and of how many.

        Args:
            inputs: int8 elements by the graph's names, in any shape.
        """
        self._invoke(inputs)
        differing = count = 0
        for got, expected in self._pairs(inputs):
            differing += int((got.reshape(-1) != expected.reshape(-1)).sum())
            count += expected.size
        return differing, count

    def _invoke(self, inputs: Mapping[str, Int8]) -> None:
        graph = self._model.graph
        details = self._interpreter.get_input_details()
        for name, detail in zip(graph.inputs, details, strict=True):
            values = inputs[name].reshape(detail["shape"])
            outer = as_outer(values, graph.quantisation[name], detail["dtype"])
            self._interpreter.set_tensor(detail["index"], outer)
        self._interpreter.invoke()

    def _pairs(self, inputs: Mapping[str, Int8]) -> Iterator[tuple[Array, Array]]:
        """What we compute and what the reference does: of each layer, then at the file's ends."""
        result, graph = run_reference(self._program, inputs), self._model.graph
        layers = zip(self._program.records, result.records, strict=True)
        written = {record.layer: done.output for record, done in layers}  # the last of each layer
        for name, number in self._model.tensors.items():
            if name in written:
                yield written[name], self._interpreter.get_tensor(number)
        for name, detail in zip(graph.outputs, self._interpreter.get_output_details(), strict=True):
            outer = as_outer(result.outputs[name], graph.quantisation[name], detail["dtype"])
            yield outer, self._interpreter.get_tensor(detail["index"])


def as_outer(values: Int8, params: QuantParams, dtype: npt.DTypeLike) -> Array:
    """Int8 elements in the type that a file has at its ends."""
    wide = values.astype(np.int16)
    if np.dtype(dtype) == np.float32:
        return (wide - params.zero_point).astype(np.float32) * np.float32(params.scale)
    return (wide + (128 if np.dtype(dtype) == np.uint8 else 0)).astype(dtype)


def probes(graph: Graph, seed: int, *, random: int = 4) -> list[dict[str, Int8]]:
    """Inputs that show a difference: each rail everywhere, then uniform noise."""
    rng = np.random.default_rng(seed)
    rails = [
        {name: np.full(shape, rail, np.int8) for name, shape in graph.inputs.items()}
        for rail in (-128, 127)
    ]
    noise = [
        {
            name: rng.integers(-128, 128, shape, dtype=np.int8)
            for name, shape in graph.inputs.items()
        }
        for _ in range(random)
    ]
    return rails + noise
