"""Operators as profilers and papers list them: a name, shapes and attributes, one row each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from hwprof.blocks import BlockConfig, GraphBuilder
from hwprof.errors import ModelError
from hwprof.graph import (
    Activation,
    Add,
    AveragePool,
    Conv2d,
    FullyConnected,
    MaxPool,
    Mean,
    Mul,
    Op,
    Pads,
    Requantise,
    Shape,
    Softmax,
    Sub,
    Unary,
    UnaryFunction,
)
from hwprof.partition import partition
from hwprof.workflows.tables._table import Row

_SIDES = ("pad_top", "pad_left", "pad_bottom", "pad_right")


def operator_block(row: Row) -> BlockConfig:
    """The block that is the row's one operator.

    Raises:
        StoreError: the operator is not known, or its columns do not describe one.
    """
    name = re.sub(r"[^a-z0-9]", "", row.get("op").lower())
    make = _MAKERS.get(name)
    if make is None:
        raise row.fault(
            f"column op names one of {', '.join(sorted(_MAKERS))}, in any spelling",
            f"op {row.get('op')[:40]!r}",
            "name the block by block_key (docs/FORMATS.md), or take the line out",
        )
    shape = tuple(_needed(row, f"input_{axis}") for axis in "hwc")
    try:
        return _config(make(row, shape), shape)  # type: ignore[arg-type]  # three numbers
    except ModelError as error:
        raise row.fault(str(error).rstrip("."), f"such an {row.get('op')}") from error


def _config(op: Op, shape: Shape) -> BlockConfig:
    builder = GraphBuilder()
    inputs = [builder.input(f"input_{i}", shape) for i in range(_OPERANDS.get(type(op), 1))]
    output = builder.add("", op.kind, op, *inputs)
    return partition(builder.finish(op.kind, [output]), {}).blocks[0].config


_OPERANDS: Mapping[type[Op], int] = {Add: 2, Mul: 2, Sub: 2}


def _needed(row: Row, column: str, *others: str) -> int:
    for name in (column, *others):
        if row.get(name):
            return row.whole(name, 0, least=1)
    raise row.fault(
        f"operator {row.get('op')} needs the column {' or '.join((column, *others))}",
        "nothing there",
    )


def _activation(row: Row) -> Activation:
    text = row.get("activation").lower() or Activation.NONE
    if text not in set(Activation):
        raise row.fault(
            f"column activation holds one of {', '.join(Activation)}", f"activation {text[:40]!r}"
        )
    return Activation(text)


def _window(row: Row, shape: Shape) -> dict[str, int]:
    del shape
    return {
        "kernel_h": _needed(row, "kernel_h", "kernel"),
        "kernel_w": _needed(row, "kernel_w", "kernel"),
        "stride_h": row.whole("stride_h", row.whole("stride", 1, least=1), least=1),
        "stride_w": row.whole("stride_w", row.whole("stride", 1, least=1), least=1),
    }


def _pads(row: Row, shape: Shape, window: Mapping[str, int]) -> Pads:
    text = row.get("padding").lower()
    if text == "same":
        rows = _same(shape[0], window["kernel_h"], window["stride_h"])
        columns = _same(shape[1], window["kernel_w"], window["stride_w"])
        return Pads(rows[0], columns[0], rows[1], columns[1])
    if text == "valid":
        return Pads()
    every = row.whole("padding", 0)
    return Pads(*(row.whole(side, every) for side in _SIDES))


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Padding before and after, as TFLite's SAME has it: ceil(size / stride) outputs."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _conv(row: Row, shape: Shape) -> Op:
    window = _window(row, shape)
    return Conv2d(
        **window,
        pads=_pads(row, shape, window),
        out_channels=_needed(row, "out_channels"),
        groups=row.whole("groups", 1, least=1),
        activation=_activation(row),
    )


def _depthwise(row: Row, shape: Shape) -> Op:
    window = _window(row, shape)
    return Conv2d(
        **window,
        pads=_pads(row, shape, window),
        out_channels=row.whole("out_channels", shape[2], least=1),
        groups=shape[2],
        activation=_activation(row),
    )


def _pool(kind: type[AveragePool | MaxPool], row: Row, shape: Shape) -> Op:
    window = _window(row, shape)
    if not row.get("stride") and not row.get("stride_h"):
        window |= {"stride_h": window["kernel_h"], "stride_w": window["kernel_w"]}
    pads = _pads(row, shape, window)
    return kind(**window, pads=pads)  # type: ignore[arg-type]  # whole numbers, no flags


def _dense(row: Row, shape: Shape) -> Op:
    del shape
    return FullyConnected(out_features=_needed(row, "out_channels"), activation=_activation(row))


def _plain(make: Callable[[], Op], row: Row, shape: Shape) -> Op:
    del row, shape
    return make()


def _joined(kind: type[Add | Mul | Sub], row: Row, shape: Shape) -> Op:
    del shape
    return kind(activation=_activation(row))


_SIGMOID = partial(Unary, function=UnaryFunction.SIGMOID)

# Names without case, underscores and blanks: TFLite's, ONNX's, and hwprof's own.
_MAKERS: Mapping[str, Callable[[Row, Shape], Op]] = {
    **dict.fromkeys(("conv", "conv2d", "convolution"), _conv),
    **dict.fromkeys(("depthwiseconv", "depthwiseconv2d", "dwconv"), _depthwise),
    **dict.fromkeys(("dense", "fc", "fullyconnected", "gemm"), _dense),
    **dict.fromkeys(("averagepool", "averagepool2d", "avgpool"), partial(_pool, AveragePool)),
    **dict.fromkeys(("maxpool", "maxpool2d"), partial(_pool, MaxPool)),
    **dict.fromkeys(("globalaveragepool", "mean"), partial(_plain, Mean)),
    "add": partial(_joined, Add),
    "mul": partial(_joined, Mul),
    "sub": partial(_joined, Sub),
    "softmax": partial(_plain, Softmax),
    **dict.fromkeys(("logistic", "sigmoid"), partial(_plain, _SIGMOID)),
    **dict.fromkeys(("quantize", "requantise", "requantize"), partial(_plain, Requantise)),
}
