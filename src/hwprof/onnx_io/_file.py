"""An ONNX file as plain values: bounded, checked, and free of protobuf.

The only module of the reader that touches onnx and protobuf; what they raise becomes a
``ModelError`` here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import numpy as np
import numpy.typing as npt

from hwprof.errors import HwprofError, ModelError
from hwprof.files import FileKind
from hwprof.onnx_io._limits import check_counts

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

FILE = FileKind(
    noun="an ONNX file",
    most_bytes=256 << 20,
    error=ModelError,
    shrink="a microcontroller needs a smaller network",
)
# Opset 7 settled broadcasting; nothing exports older ones any more.
OLDEST_OPSET = 7
_STANDARD_DOMAINS = ("", "ai.onnx")
_LONGEST_CAUSE = 200
_LONGEST_WORD = 80
_LONGEST_LABEL = 1024

Array = npt.NDArray[Any]
Source = Union[str, os.PathLike[str], bytes, "ModelProto"]


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One node of the file.

    Attributes:
        op_type: with its domain in front unless that is the standard one.
        inputs: tensor names; empty text where an optional input is absent.
        attributes: numbers, text, lists of them, or arrays; subgraphs are None.
    """

    op_type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    @property
    def label(self) -> str:
        """What the node is called in the Graph and in messages, if that is not too long."""
        return (self.name or next(iter(self.outputs), self.op_type))[:_LONGEST_LABEL]


@dataclass(frozen=True, slots=True, eq=False)
class OnnxFile:
    """The content of a file.

    Attributes:
        opset: version of the standard operators.
        inputs: static shape of each graph input by name, batch 1.
        constants: initialisers by name.
    """

    name: str
    opset: int
    inputs: Mapping[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    constants: Mapping[str, Array]
    nodes: tuple[OnnxNode, ...]
    metadata: Mapping[str, str]


@contextmanager
def foreign_errors(what: str) -> Iterator[None]:
    """Turn what numpy, onnx and protobuf raise over a file's content into a ``ModelError``."""
    try:
        yield
    except HwprofError:
        raise
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise ModelError(f"{what}: {_one_line(error)}") from error


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:_LONGEST_CAUSE].rstrip(".") + "."


def parse(data: bytes) -> ModelProto:
    """A ``ModelProto`` with a graph, nothing in it interpreted.

    Raises:
        ModelError: the bytes are no ONNX model, or the model keeps its weights elsewhere.
    """
    import onnx
    from google.protobuf.message import DecodeError

    FILE.check_size("what was given", len(data))
    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError, RuntimeError) as error:
        raise ModelError(
            "an ONNX file is one whole ModelProto; this one is cut off, damaged or of another "
            "format; export the model again."
        ) from error
    if not model.graph.node and not model.graph.output:
        raise ModelError(
            f"an ONNX file holds a graph; these {len(data):,} bytes hold none; "
            "export the model again."
        )
    return model


def check(model: ModelProto) -> None:
    """Hold the model against the ONNX standard.

    Raises:
        ModelError: a node, attribute or name breaks the standard.
    """
    from onnx import checker

    with foreign_errors("the file breaks the ONNX standard"):
        for output in model.graph.output:  # the checker asks for shapes that nobody needs
            output.type.tensor_type.shape.SetInParent()
        try:
            checker.check_model(model)
        except checker.ValidationError as error:
            raise ModelError(f"the file breaks the ONNX standard: {_one_line(error)}") from error


def describe(model: ModelProto) -> OnnxFile:
    """The model as plain values.

    Raises:
        ModelError: external data, a dynamic or batched input, an old opset, a damaged tensor.
    """
    graph = model.graph
    check_counts(graph)
    with foreign_errors("the file cannot be decoded"):
        opset = _opset(model)
        constants = {_text(tensor.name): _array(tensor) for tensor in graph.initializer}
        if graph.sparse_initializer:
            raise ModelError("sparse initialisers are not read; store the weights dense.")
        return OnnxFile(
            name=_text(graph.name),
            opset=opset,
            inputs=_inputs(graph, constants),
            outputs=tuple(_text(output.name) for output in graph.output),
            constants=constants,
            nodes=tuple(_node(node) for node in graph.node),
            metadata={_text(e.key): _text(e.value) for e in model.metadata_props},
        )


def sha256(data: bytes) -> str:
    """Hash that identifies a file."""
    return hashlib.sha256(data).hexdigest()


def _opset(model: ModelProto) -> int:
    versions = [e.version for e in model.opset_import if e.domain in _STANDARD_DOMAINS]
    if not versions or min(versions) < OLDEST_OPSET:
        raise ModelError(
            f"ONNX files of opset {OLDEST_OPSET} or later are read; this one is of opset "
            f"{versions[0] if versions else 'none'}; export it with a newer opset, 17 for example."
        )
    return int(max(versions))


def _text(value: str | bytes) -> str:
    if isinstance(value, bytes):  # what protobuf hands out where the bytes are no UTF-8
        raise ModelError(f"names are UTF-8 text; {value[:40]!r} is none; export the model again.")
    return value


def _word(value: str | bytes) -> str:
    """An operator's name as far as it can be printed; a longer one is none that exists."""
    return "".join(filter(str.isprintable, _text(value)))[:_LONGEST_WORD]


def _array(tensor: TensorProto) -> Array:
    import onnx
    from onnx import numpy_helper

    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise ModelError(
            f"weights must lie in the model file itself; tensor {_word(tensor.name)!r} is kept in "
            "another; save the model with save_as_external_data=False."
        )
    with foreign_errors(f"tensor {_word(tensor.name)!r} is damaged"):
        array = numpy_helper.to_array(tensor)
        if array.dtype.isbuiltin != 1:  # bfloat16 and the narrow types that ONNX adds to numpy's
            array = array.astype(np.float32)
    if array.dtype.kind not in "biuf":
        raise ModelError(
            f"tensors hold real numbers; {_word(tensor.name)!r} is of type {array.dtype}; export "
            "the model again."
        )
    return array


def _inputs(graph: GraphProto, constants: Mapping[str, Array]) -> dict[str, tuple[int, ...]]:
    # Before IR version 4 initialisers were listed among the inputs.
    return {
        _text(info.name): _static_shape(info) for info in graph.input if info.name not in constants
    }


def _static_shape(info: ValueInfoProto) -> tuple[int, ...]:
    kind = info.type.tensor_type
    dims = [d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim]
    if dims and dims[0] is None:
        dims[0] = 1  # the batch, which may be open
    shape = tuple(dim for dim in dims if dim is not None)
    if (
        not info.type.HasField("tensor_type")
        or len(shape) != len(dims)
        or min(shape, default=0) < 1
    ):
        names = [
            d.dim_param or (d.dim_value if d.HasField("dim_value") else "?") for d in kind.shape.dim
        ]
        name = _word(info.name)
        raise ModelError(
            f"every input needs a fixed shape; {name!r} has {names[:8]}; fix it with "
            f"python -m onnxruntime.tools.make_dynamic_shape_fixed --input_name {name!r} "
            "--input_shape 1,3,224,224 MODEL FIXED."
        )
    if len(shape) == 4 and shape[0] != 1:
        raise ModelError(
            f"a microcontroller runs one picture at a time; input {_word(info.name)!r} has batch "
            f"{shape[0]}; export the model with batch 1."
        )
    return shape


def _node(node: NodeProto) -> OnnxNode:
    standard = node.domain in _STANDARD_DOMAINS
    return OnnxNode(
        op_type=_word(node.op_type) if standard else _word(f"{node.domain}.{node.op_type}"),
        name=_text(node.name),
        inputs=tuple(map(_text, node.input)),
        outputs=tuple(map(_text, node.output)),
        attributes={_text(entry.name): _attribute(entry) for entry in node.attribute},
    )


def _attribute(attribute: AttributeProto) -> object:
    from onnx import helper

    if attribute.type == attribute.TENSOR:
        return _array(attribute.t)
    if attribute.type in _SCALARS:
        value = helper.get_attribute_value(attribute)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if attribute.type in _LISTS:
        return tuple(helper.get_attribute_value(attribute))
    return None


# Values of AttributeProto.AttributeType (onnx.proto): FLOAT, INT, STRING; FLOATS, INTS, STRINGS.
_SCALARS = (1, 2, 3)
_LISTS = (6, 7, 8)
