"""Which ONNX operators are read, and by which function; everything else is refused by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.onnx_io._arithmetic import (
    import_arithmetic,
    import_batch_normalisation,
    import_sum,
)
from hwprof.onnx_io._call import Call, Importer
from hwprof.onnx_io._file import OnnxFile
from hwprof.onnx_io._folding import FOLDS, fold
from hwprof.onnx_io._movement import MOVES, move
from hwprof.onnx_io._pointwise import (
    import_clip,
    import_concat,
    import_identity,
    import_negation,
    import_prelu,
    import_softmax,
    import_unary,
)
from hwprof.onnx_io._pooling import import_global_pool, import_pool, import_reduce_mean
from hwprof.onnx_io._quantising import import_dequantise, import_quantise
from hwprof.onnx_io._resizing import import_pad, import_resize
from hwprof.onnx_io._steps import FUNCTION_NAMES
from hwprof.onnx_io._views import Constant, Value
from hwprof.onnx_io._weighted import import_conv, import_gemm, import_matmul

# FLOAT, FLOAT16, DOUBLE and BFLOAT16 of TensorProto.DataType (onnx.proto).
_REAL_TYPES = (1, 10, 11, 16)


def _shape(call: Call) -> list[Value]:
    """Shape: a constant, because every shape is static."""
    value = call.operand(0)
    shape = () if value is None else value.shape
    end = call.node.attributes.get("end")
    return [Constant(np.array(shape[call.integer("start", 0) : end], np.int64))]


def _cast(call: Call) -> list[Value]:
    """Cast of the network's data to real numbers: another format, the same numbers."""
    if call.integer("to", 0) not in _REAL_TYPES:
        raise ModelError("the network's data may be cast to floating point only.")
    return [call.view()]


IMPORTERS: dict[str, Importer] = {
    **dict.fromkeys(MOVES, move),
    **dict.fromkeys(FUNCTION_NAMES.values(), import_unary),
    "Add": import_arithmetic,
    "AveragePool": import_pool,
    "BatchNormalization": import_batch_normalisation,
    "Cast": _cast,
    "Clip": import_clip,
    "Concat": import_concat,
    "Conv": import_conv,
    "DequantizeLinear": import_dequantise,
    "Div": import_arithmetic,
    "Gemm": import_gemm,
    "GlobalAveragePool": import_global_pool,
    "GlobalMaxPool": import_global_pool,
    "Identity": import_identity,
    "MatMul": import_matmul,
    "MaxPool": import_pool,
    "Mul": import_arithmetic,
    "Neg": import_negation,
    "PRelu": import_prelu,
    "Pad": import_pad,
    "QuantizeLinear": import_quantise,
    "ReduceMean": import_reduce_mean,
    "Resize": import_resize,
    "Shape": _shape,
    "Softmax": import_softmax,
    "Sub": import_arithmetic,
    "Sum": import_sum,
    "Upsample": import_resize,
}


def import_node(call: Call) -> Sequence[Value]:
    """What a node's outputs are; constants are evaluated, everything else enters the draft."""
    is_constant = not any(
        value is not None and not isinstance(value, Constant) for value in call.values
    )
    if is_constant and call.node.op_type in FOLDS:
        return fold(call)
    return IMPORTERS[call.node.op_type](call)


def refuse_unsupported(file: OnnxFile) -> None:
    """Name every operator that cannot be read, at once.

    Raises:
        UnsupportedOperatorError: there is at least one.
    """
    computed = set(file.inputs)
    unknown: dict[str, str] = {}
    for node in file.nodes:
        is_computed = any(name in computed for name in node.inputs)
        if is_computed and node.op_type != "Shape":
            computed.update(node.outputs)
        if node.op_type not in IMPORTERS and (is_computed or node.op_type not in FOLDS):
            unknown.setdefault(node.op_type, node.label)
    if unknown:
        found = ", ".join(f"{kind} (node {name!r})" for kind, name in sorted(unknown.items()))
        raise UnsupportedOperatorError(
            f"the model uses operators that hwprof does not run: {found}; supported are "
            f"{', '.join(sorted(IMPORTERS))}."
        )
