"""A TFLite file as plain values: bounded, and free of flatbuffers.

The only module of the reader that touches the schema package, whose accessors believe every offset
that they read: what they raise over a damaged file becomes a ``ModelError`` here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import HwprofError, ModelError
from hwprof.files import FileKind
from hwprof.tflite_io._content import Array, TfliteFile, TfliteOperator, TfliteTensor
from hwprof.tflite_io._options import OPTIONS

FILE = FileKind(
    noun="a TFLite file",
    most_bytes=64 << 20,
    error=ModelError,
    shrink="a microcontroller needs a smaller network",
)
# A quarter of the RT1170-EVK's 64 MB of SDRAM as int8; it bounds what a hostile file can allocate.
MAX_ELEMENTS = 1 << 24
# Far beyond any network that a microcontroller runs; they bound time as well as memory, because a
# hostile file may name the same bytes again and again.
_MOST_TENSORS = 1 << 16
_MOST_OPERATORS = 1 << 12
_MOST_ENDS = 1 << 8
_MOST_OPERANDS = 1 << 10
_MOST_AXES = 8
_MOST_NAME_BYTES = 1 << 12
_LEFT_OUT = -1  # in place of an optional operand
_IDENTIFIER = b"TFL3"  # at byte 4: file_identifier of schema.fbs
_VERSION = 3
_LONGEST_NAME = 80

Source = str | os.PathLike[str] | bytes

# Types of schema.fbs whose constants are read; nothing else is computed with.
_DTYPES = {"INT8": np.int8, "UINT8": np.uint8, "INT32": np.int32, "INT64": np.int64}


@contextmanager
def damage() -> Iterator[None]:
    """Turn what flatbuffers and numpy raise over a file's content into a ``ModelError``."""
    try:
        yield
    except HwprofError:
        raise
    except Exception as error:
        raise ModelError(
            "a TFLite file's offsets point inside the file; these do not; it is cut off or "
            "damaged; convert the model again."
        ) from error


def read_bytes(source: Source) -> bytes:
    """A file's bytes, if there are not too many.

    Raises:
        ModelError: there is no such file, it cannot be read, or it is too large.
    """
    if isinstance(source, bytes):
        FILE.check_size("what was given", len(source))
        return source
    return FILE.read(source)


def sha256(data: bytes) -> str:
    """Hash that identifies a file."""
    return hashlib.sha256(data).hexdigest()


def parse(data: bytes) -> TfliteFile:
    """The file as plain values.

    Raises:
        ModelError: no TFLite file, another schema version, damaged, or more than one subgraph.
    """
    if data[4:8] != _IDENTIFIER:
        raise ModelError(
            f"a TFLite file has the identifier TFL3 in bytes 4 to 7; these {len(data):,} bytes "
            f"have {data[4:8]!r}; convert the model again."
        )
    with damage():
        from tflite.Model import Model

        return _parse(Model.GetRootAs(data, 0), _Bounds(len(data)))


@dataclass(frozen=True, slots=True)
class _Bounds:
    """How many items a list of a file may have."""

    file_bytes: int

    def check(self, what: str, count: int, most: int) -> int:
        """The count, if the file is as large as it says and the bound is kept."""
        if count > min(most, self.file_bytes):
            raise ModelError(
                f"a TFLite file has at most {most:,} {what}; this one says {count:,}; it is "
                "damaged, or no network for a microcontroller."
            )
        return count


def _parse(model: Any, bounds: _Bounds) -> TfliteFile:
    if model.Version() != _VERSION:
        raise ModelError(
            f"TFLite files of schema version {_VERSION} are read; this one has version "
            f"{model.Version()}; convert the model again."
        )
    if model.SubgraphsLength() != 1:
        raise ModelError(
            f"a TFLite file for a microcontroller has one subgraph; this one has "
            f"{model.SubgraphsLength()}; convert a model without control flow and with one "
            "signature."
        )
    graph = model.Subgraphs(0)
    tensors = bounds.check("tensors", graph.TensorsLength(), _MOST_TENSORS)
    operators = bounds.check("operators", graph.OperatorsLength(), _MOST_OPERATORS)
    file = TfliteFile(
        tuple(_tensor(model, graph.Tensors(i), i) for i in range(tensors)),
        tuple(_operator(model, graph.Operators(i), i) for i in range(operators)),
        _integers("inputs", graph.InputsAsNumpy(), _MOST_ENDS),
        _integers("outputs", graph.OutputsAsNumpy(), _MOST_ENDS),
    )
    _check_references(file)
    return file


def _check_references(file: TfliteFile) -> None:
    used = [*file.inputs, *file.outputs]
    for op in file.operators:
        used += [*(number for number in op.inputs if number != _LEFT_OUT), *op.outputs]
        if not op.outputs:
            raise ModelError(f"TFLite operator {op.label}: an operator has an output; it has none.")
    wrong = [number for number in used if number not in range(len(file.tensors))]
    if wrong:
        raise ModelError(
            f"a TFLite file's tensors are numbered 0 to {len(file.tensors) - 1}; it refers to "
            f"number {wrong[0]}; it is damaged; convert the model again."
        )


def _integers(what: str, vector: Any, most: int) -> tuple[int, ...]:
    """A vector of integers; flatbuffers returns 0 where there is none."""
    if isinstance(vector, int):
        return ()
    if vector.size > most:
        raise ModelError(
            f"there are at most {most:,} {what}; the file has {vector.size:,}; it is damaged, or "
            "no network for a microcontroller."
        )
    return tuple(vector.tolist())


def _text(data: bytes | None) -> str:
    if data is not None and len(data) > _MOST_NAME_BYTES:
        raise ModelError(
            f"names have at most {_MOST_NAME_BYTES:,} bytes; one has {len(data):,}; the file is "
            "damaged; convert the model again."
        )
    text = (data or b"").decode("utf-8", "replace")
    return "".join(filter(str.isprintable, text))[:_LONGEST_NAME]


@cache
def _names(enumeration: type) -> dict[int, str]:
    return {number: name for name, number in vars(enumeration).items() if isinstance(number, int)}


def _tensor(model: Any, stored: Any, number: int) -> TfliteTensor:
    from tflite.TensorType import TensorType

    name = _text(stored.Name()) or f"tensor_{number}"
    kind = _names(TensorType).get(stored.Type(), f"type {stored.Type()}")
    dims = _dims(name, stored)
    quantisation = stored.Quantization()
    return TfliteTensor(
        name=name,
        dims=dims,
        type=kind,
        scales=_vector(quantisation and quantisation.ScaleAsNumpy(), np.float32),
        zero_points=_vector(quantisation and quantisation.ZeroPointAsNumpy(), np.int64),
        axis=quantisation.QuantizedDimension() if quantisation else 0,
        data=_constant(model, stored, (name, kind), dims),
        is_sparse=stored.Sparsity() is not None,
    )


def _vector(vector: Any, dtype: npt.DTypeLike) -> Array:
    return np.asarray([] if vector is None or isinstance(vector, int) else vector, dtype)


def _dims(name: str, stored: Any) -> tuple[int, ...]:
    dims = _integers(f"axes of {name!r}", stored.ShapeAsNumpy(), _MOST_AXES)
    elements = 1
    for extent in dims:
        elements *= extent
    if min(dims, default=1) < 1 or elements > MAX_ELEMENTS:
        raise ModelError(
            f"a tensor has axes of at least 1 and at most {MAX_ELEMENTS:,} elements; {name!r} has "
            f"shape {list(dims)}; convert the model with fixed shapes."
        )
    return dims


def _constant(
    model: Any, stored: Any, named: tuple[str, str], dims: tuple[int, ...]
) -> Array | None:
    """A view of the file's bytes; None for a tensor that is computed, or of no type we read."""
    name, kind = named
    buffer = _item("buffers", model.Buffers, model.BuffersLength(), stored.Buffer())
    if buffer.Offset() > 1 or buffer.Size() > 1:
        raise ModelError(
            f"constants lie in the file's own buffers; that of {name!r} lies behind them, as in "
            "files beyond 2 GB; a microcontroller needs a smaller network."
        )
    data = buffer.DataAsNumpy()
    if isinstance(data, int) or data.size == 0:
        return None
    if kind not in _DTYPES:
        return np.empty(0, np.int8)  # known to be a constant, whoever needs its values refuses it
    dtype = np.dtype(_DTYPES[kind]).newbyteorder("<")
    size_bytes = int(np.prod(dims, dtype=np.int64)) * dtype.itemsize
    if data.size != size_bytes:
        raise ModelError(
            f"constant {name!r} of shape {list(dims)} and type {kind} has {size_bytes:,} bytes; "
            f"the file holds {data.size:,}; it is damaged; convert the model again."
        )
    return np.frombuffer(data, dtype).reshape(dims)


def _item(what: str, items: Callable[[int], Any], count: int, number: int) -> Any:
    """An item of a list; flatbuffers would read whatever lies behind its last."""
    if not 0 <= number < count:
        raise ModelError(
            f"a TFLite file's {what} are numbered 0 to {count - 1}; it refers to number {number}; "
            "it is damaged; convert the model again."
        )
    return items(number)


def _operator(model: Any, stored: Any, position: int) -> TfliteOperator:
    from tflite.BuiltinOperator import BuiltinOperator

    codes, number = model.OperatorCodesLength(), stored.OpcodeIndex()
    code = _item("operator codes", model.OperatorCodes, codes, number)
    # Codes up to 126 stand in the old field, later ones in the new (schema.fbs, OperatorCode).
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = _names(BuiltinOperator).get(number, f"operator {number}")
    if name == "CUSTOM":
        name = f"CUSTOM {_text(code.CustomCode())!r}"
    return TfliteOperator(
        code=name,
        position=position,
        inputs=_integers("operands", stored.InputsAsNumpy(), _MOST_OPERANDS),
        outputs=_integers("operands", stored.OutputsAsNumpy(), _MOST_OPERANDS),
        options=_options(stored, name),
    )


def _options(stored: Any, code: str) -> dict[str, float]:
    from tflite.BuiltinOptions import BuiltinOptions

    union, layout = stored.BuiltinOptions(), OPTIONS.get(code)
    # Options of another operator are none, as for TFLite.
    named = layout and getattr(BuiltinOptions, layout.name) == stored.BuiltinOptionsType()
    if union is None or layout is None or not named:
        return {}
    table = layout.table()
    table.Init(union.Bytes, union.Pos)
    return {name: getattr(table, name)() for name in layout.fields}
