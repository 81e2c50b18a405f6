"""How each operator is read: a table from its name in the schema to an importer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.tflite_io import _arithmetic, _boundary, _movement, _parts, _pooling, _weighted
from hwprof.tflite_io._content import TfliteFile
from hwprof.tflite_io._draft import Call, Importer

IMPORTERS: Mapping[str, Importer] = MappingProxyType(
    {
        "ADD": _arithmetic.import_pair,
        "AVERAGE_POOL_2D": _pooling.import_pool,
        "CONCATENATION": _movement.import_concat,
        "CONV_2D": _weighted.import_conv,
        "DEPTHWISE_CONV_2D": _weighted.import_depthwise,
        "DEQUANTIZE": _boundary.import_dequantise,
        "EXPAND_DIMS": _movement.import_reshape,
        "FULLY_CONNECTED": _weighted.import_fully_connected,
        "GATHER": _parts.import_gather,
        "HARD_SWISH": _arithmetic.import_function,
        "LEAKY_RELU": _arithmetic.import_function,
        "LOGISTIC": _arithmetic.import_function,
        "MAX_POOL_2D": _pooling.import_pool,
        "MEAN": _pooling.import_mean,
        "MUL": _arithmetic.import_pair,
        "PAD": _movement.import_pad,
        "PADV2": _movement.import_pad,
        "QUANTIZE": _boundary.import_boundary_quantise,
        "RELU": _arithmetic.import_function,
        "RELU6": _arithmetic.import_function,
        "RELU_N1_TO_1": _arithmetic.import_function,
        "RESHAPE": _movement.import_reshape,
        "RESIZE_NEAREST_NEIGHBOR": _pooling.import_resize,
        "SLICE": _parts.import_slice,
        "SOFTMAX": _arithmetic.import_softmax,
        "SPLIT": _parts.import_split,
        "SPLIT_V": _parts.import_split,
        "SQUEEZE": _movement.import_reshape,
        "STRIDED_SLICE": _parts.import_strided_slice,
        "SUB": _arithmetic.import_pair,
        "TANH": _arithmetic.import_function,
        "TRANSPOSE": _movement.import_transpose,
    }
)


def import_operator(call: Call) -> None:
    """Read one operator into the draft; errors say which one it is."""
    operator = call.operator
    try:
        IMPORTERS[operator.code](call)
    except ModelError as error:
        raise type(error)(f"TFLite operator {operator.label}: {error}") from error


def refuse_unsupported(file: TfliteFile) -> None:
    """Name every operator that cannot be read, at once.

    Raises:
        UnsupportedOperatorError: there is at least one.
    """
    unknown: dict[str, list[int]] = {}
    for operator in file.operators:
        if operator.code not in IMPORTERS:
            unknown.setdefault(operator.code, []).append(operator.position)
    if unknown:
        found = ", ".join(
            f"{code} (operator {positions[0]}{_and_more(positions)})"
            for code, positions in sorted(unknown.items())[:_MOST_NAMED]
        )
        raise UnsupportedOperatorError(
            f"the model uses operators that hwprof does not run: {found}; supported are "
            f"{', '.join(sorted(IMPORTERS))}; replace them, or cut the model before them."
        )


_MOST_NAMED = 40


def _and_more(positions: list[int]) -> str:
    return f" and {len(positions) - 1} more" if len(positions) > 1 else ""
