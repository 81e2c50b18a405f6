"""TFLite files made of nothing: what readers are tested on.

The schema package writes them as it reads them; tensors, operators and buffers are numbered in the
order in which they are added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_TYPES = {np.dtype(np.int8): "INT8", np.dtype(np.int32): "INT32", np.dtype(np.float32): "FLOAT32"}


@dataclass(frozen=True, slots=True, eq=False)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    type: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class _Operator:
    code: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: tuple[str, Mapping[str, float]] | None


@dataclass(slots=True)
class TfliteBuilder:
    """One model under construction.

    Attributes:
        version: of the schema, as the file states it.
        subgraphs: how often the one subgraph is listed.
        tensors, operators, inputs: what was added, in order.
    """

    version: int = 3
    subgraphs: int = 1
    identifier: bytes = b"TFL3"
    tensors: list[_Tensor] = field(default_factory=list)
    operators: list[_Operator] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)

    def tensor(
        self,
        shape: Sequence[int],
        *,
        scale: float | None = 0.05,
        zero_point: int = 3,
        kind: str = "INT8",
        name: str = "",
    ) -> int:
        """A tensor that some operator computes; its number."""
        scales = () if scale is None else (scale,)
        points = () if scale is None else (zero_point,)
        return self._add(_Tensor(name, tuple(shape), kind, scales, points, 0, None))

    def input(self, shape: Sequence[int], **quantisation: Any) -> int:
        """A tensor that the model takes; its number."""
        number = self.tensor(shape, **quantisation)
        self.inputs.append(number)
        return number

    def constant(
        self,
        values: npt.ArrayLike,
        *,
        scales: Sequence[float] = (),
        zero_points: Sequence[int] | None = None,
        axis: int = 0,
        kind: str = "",
    ) -> int:
        """A tensor with values; int32 unless they are an array of another type."""
        array = values if isinstance(values, np.ndarray) else np.array(values, np.int32)
        points = tuple(zero_points) if zero_points is not None else (0,) * len(scales)
        kind = kind or _TYPES[array.dtype]
        data = array.tobytes()
        return self._add(_Tensor("", array.shape, kind, tuple(scales), points, axis, data))

    def _add(self, tensor: _Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def operator(
        self,
        code: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: str = "",
        **values: float,
    ) -> int:
        """Append an operator; returns its first output.

        Args:
            code: its name in the schema, or ``CUSTOM name``.
            options: the schema's class of its options, and their values by field.
        """
        chosen = (options, values) if options else None
        self.operators.append(_Operator(code, tuple(inputs), tuple(outputs), chosen))
        return outputs[0]

    def finish(self, *outputs: int) -> bytes:
        """The file's bytes."""
        return _Writer(self).write(outputs)


@dataclass(slots=True)
class _Writer:
    """The tables of one file, written from the leaves up as flatbuffers wants it."""

    model: TfliteBuilder
    builder: Any = None

    def write(self, outputs: Sequence[int]) -> bytes:
        import flatbuffers

        self.builder = flatbuffers.Builder(1 << 12)
        model = self.model
        stored = [tensor.data for tensor in model.tensors if tensor.data is not None]
        buffers = self.vector([self.buffer(b""), *map(self.buffer, stored)])
        codes = list(dict.fromkeys(op.code for op in model.operators))
        graph = self.graph(codes, outputs)
        root = self.table(
            "Model",
            Version=model.version,
            OperatorCodes=self.vector([self.code(code) for code in codes]),
            Subgraphs=self.vector([graph] * model.subgraphs),
            Buffers=buffers,
        )
        self.builder.Finish(root, model.identifier)
        return bytes(self.builder.Output())

    def graph(self, codes: list[str], outputs: Sequence[int]) -> int:
        tensors, used = [], 0
        for number, tensor in enumerate(self.model.tensors):
            used += tensor.data is not None
            tensors.append(self.tensor(tensor, number, used if tensor.data is not None else 0))
        operators = [self.operator(op, codes.index(op.code)) for op in self.model.operators]
        return self.table(
            "SubGraph",
            Tensors=self.vector(tensors),
            Inputs=self.numbers(self.model.inputs, np.int32),
            Outputs=self.numbers(outputs, np.int32),
            Operators=self.vector(operators),
        )

    def tensor(self, tensor: _Tensor, number: int, buffer: int) -> int:
        quantisation = self.table(
            "QuantizationParameters",
            Scale=self.numbers(tensor.scales, np.float32),
            ZeroPoint=self.numbers(tensor.zero_points, np.int64),
            QuantizedDimension=tensor.axis,
        )
        return self.table(
            "Tensor",
            Shape=self.numbers(tensor.shape, np.int32),
            Type=self.constant("TensorType", tensor.type),
            Buffer=buffer,
            Name=self.builder.CreateString(tensor.name or f"t{number}"),
            Quantization=quantisation,
        )

    def operator(self, operator: _Operator, code: int) -> int:
        fields = {
            "OpcodeIndex": code,
            "Inputs": self.numbers(operator.inputs, np.int32),
            "Outputs": self.numbers(operator.outputs, np.int32),
        }
        if operator.options:
            name, values = operator.options
            fields["BuiltinOptionsType"] = self.constant("BuiltinOptions", name)
            fields["BuiltinOptions"] = self.table(name, **values)
        return self.table("Operator", **fields)

    def code(self, code: str) -> int:
        builtin, _, custom = code.partition(" ")
        number = self.constant("BuiltinOperator", builtin)
        fields = {"CustomCode": self.builder.CreateString(custom)} if custom else {}
        return self.table(
            "OperatorCode",
            DeprecatedBuiltinCode=min(number, 127),  # where older readers look
            BuiltinCode=number,
            Version=1,
            **fields,
        )

    def buffer(self, data: bytes) -> int:
        if not data:
            return self.table("Buffer")
        self.builder.StartVector(1, len(data), 16)
        self.builder.head = self.builder.head - len(data)
        self.builder.Bytes[self.builder.head : self.builder.head + len(data)] = data
        return self.table("Buffer", Data=self.builder.EndVector())

    def table(self, name: str, **fields: float) -> int:
        """One table of the schema; its children are written already."""
        module = import_module(f"tflite.{name}")
        _function(module, name, "Start")(self.builder)
        for field_name, value in fields.items():
            _function(module, name, f"Add{field_name}")(self.builder, value)
        offset: int = _function(module, name, "End")(self.builder)
        return offset

    def vector(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        end: int = self.builder.EndVector()
        return end

    def numbers(self, values: Sequence[float], dtype: npt.DTypeLike) -> int:
        offset: int = self.builder.CreateNumpyVector(np.array(values, dtype))
        return offset

    @staticmethod
    def constant(enumeration: str, name: str) -> int:
        number: int = getattr(getattr(import_module(f"tflite.{enumeration}"), enumeration), name)
        return number


def _function(module: Any, table: str, name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(module, f"{table}{name}")
    return function


def small_network(seed: int = 0) -> bytes:
    """A network with every kind of record that TFLite operators become, float at both ends.

    A picture is quantised, padded, convolved, halved, joined with what it was, squeezed by its own
    channels and classified.
    """
    rng, model = np.random.default_rng(seed), TfliteBuilder()
    picture = model.input((1, 8, 8, 3), kind="FLOAT32", scale=None, name="picture")
    x = model.operator("QUANTIZE", [picture], [model.tensor((1, 8, 8, 3), scale=0.02)])
    pads = model.constant([[0, 0], [1, 1], [1, 1], [0, 0]])
    x = model.operator("PAD", [x, pads], [model.tensor((1, 10, 10, 3), scale=0.02)], "PadOptions")
    x = _conv(model, rng, x, ((1, 10, 10, 3), (1, 4, 4, 8)), code="CONV_2D")
    y = _conv(model, rng, x, ((1, 4, 4, 8), (1, 4, 4, 8)), code="DEPTHWISE_CONV_2D")
    x = model.operator("SUB", [x, y], [model.tensor((1, 4, 4, 8), scale=0.1)], "SubOptions")
    halves = [model.tensor((1, 4, 4, 4), scale=0.1) for _ in range(2)]
    model.operator("SPLIT", [model.constant(3), x], halves, "SplitOptions", NumSplits=2)
    halves[0] = model.operator("HARD_SWISH", [halves[0]], [model.tensor((1, 4, 4, 4), scale=0.1)])
    x = model.tensor((1, 4, 4, 8), scale=0.1)
    model.operator("CONCATENATION", halves, [x], "ConcatenationOptions", Axis=3)
    mean = model.operator(
        "MEAN",
        [x, model.constant([1, 2])],
        [model.tensor((1, 1, 1, 8), scale=0.05)],
        "ReducerOptions",
        KeepDims=True,
    )
    gate = model.operator(
        "LOGISTIC", [mean], [model.tensor((1, 1, 1, 8), scale=1 / 256, zero_point=-128)]
    )
    x = model.operator("MUL", [x, gate], [model.tensor((1, 4, 4, 8), scale=0.1)], "MulOptions")
    return _classified(model, rng, x)


def _conv(
    model: TfliteBuilder,
    rng: np.random.Generator,
    source: int,
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    *,
    code: str,
) -> int:
    (_, height, _, depth), output = shapes
    axis = 0 if code == "CONV_2D" else 3
    channels = output[3]
    shape = (channels, 3, 3, depth) if axis == 0 else (1, 3, 3, channels)
    scales = rng.uniform(0.005, 0.02, channels).tolist()
    kernel = rng.integers(-127, 128, shape).astype(np.int8)
    weights = model.constant(kernel, scales=scales, axis=axis)
    bias = model.constant(rng.integers(-500, 500, channels).astype(np.int32))
    stride = 1 if output[1] == height else 2
    return model.operator(
        code,
        [source, weights, bias],
        [model.tensor(output, scale=0.1)],
        "Conv2DOptions" if axis == 0 else "DepthwiseConv2DOptions",
        Padding=int(stride > 1),  # SAME where the size stays, else VALID
        StrideW=stride,
        StrideH=stride,
        FusedActivationFunction=1,
    )


def _classified(model: TfliteBuilder, rng: np.random.Generator, x: int) -> bytes:
    pool = {"FilterHeight": 2, "FilterWidth": 2, "StrideH": 2, "StrideW": 2}
    x = model.operator(
        "AVERAGE_POOL_2D", [x], [model.tensor((1, 2, 2, 8), scale=0.1)], "Pool2DOptions", **pool
    )
    shape = model.constant([1, 32])
    x = model.operator("RESHAPE", [x, shape], [model.tensor((1, 32), scale=0.1)])
    kernel = rng.integers(-127, 128, (5, 32)).astype(np.int8)
    weights = model.constant(kernel, scales=[0.01])
    logits = model.tensor((1, 5), scale=0.2)
    model.operator("FULLY_CONNECTED", [x, weights, -1], [logits], "FullyConnectedOptions")
    shares = model.tensor((1, 5), scale=1 / 256, zero_point=-128)
    model.operator("SOFTMAX", [logits], [shares], "SoftmaxOptions", Beta=1.0)
    classes = model.tensor((1, 5), kind="FLOAT32", scale=None, name="classes")
    return model.finish(model.operator("DEQUANTIZE", [shares], [classes]))
