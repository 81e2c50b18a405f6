"""TFLite files to ``Graph``: int8, with the numbers that the file states.

The file is bounded and decoded; then every operator is read in order. Its int8 arithmetic is that
of TFLite's reference kernels, bit for bit (docs/FORMATS.md, "TFLite files"). Nothing of the file
is executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hwprof.errors import ModelError
from hwprof.graph import Graph, Reshape
from hwprof.tflite_io._boundary import read_inputs
from hwprof.tflite_io._content import TfliteFile
from hwprof.tflite_io._draft import Call, Draft
from hwprof.tflite_io._file import Source, parse, read_bytes, sha256
from hwprof.tflite_io._operators import import_operator, refuse_unsupported


@dataclass(frozen=True, slots=True, eq=False)
class TfliteModel:
    """What a file holds.

    Attributes:
        file_sha256: hash of the file's bytes.
        output_names: the file's names of ``graph.outputs``, in order.
        tensors: by name in the graph, the number of the file's int8 tensor that holds the same
            bytes; those that have no counterpart there are left out.
        notes: where the program differs from the file at its ends, a sentence each.
        metadata: empty; a TFLite file says nothing of blocks.
    """

    graph: Graph
    file_sha256: str
    output_names: tuple[str, ...]
    tensors: Mapping[str, int]
    notes: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


def read_tflite(source: Source) -> TfliteModel:
    """Read an int8 TFLite model from a path or from bytes.

    Nodes are named after their operator and its position, ``CONV_2D_3``; each is its own block.

    Raises:
        UnsupportedOperatorError: operators outside the supported set, all of them at once.
        ModelError: the file is missing, too large, damaged, not quantised to int8, or has shapes
            that are not static.
    """
    data = read_bytes(source)
    file = parse(data)
    refuse_unsupported(file)
    _check_quantised(file)
    draft = Draft(file)
    with np.errstate(all="ignore"):  # what is no number is refused where it becomes a parameter
        read_inputs(draft)
        for operator in file.operators:
            import_operator(Call(draft, operator))
        outputs = _outputs(draft)
        graph = Graph(
            name="tflite",
            inputs=draft.inputs,
            nodes=tuple(draft.nodes),
            outputs=outputs,
            weights=draft.weights,
            quantisation=draft.quantisation,
        )
    names = tuple(file.tensors[number].name for number in file.outputs)
    return TfliteModel(graph, sha256(data), names, _counterparts(draft), _notes(draft))


def _check_quantised(file: TfliteFile) -> None:
    computed = [tensor for tensor in file.tensors if tensor.data is None]
    if not file.inputs or not file.outputs or not file.operators:
        raise ModelError(
            "a model has inputs, operators and outputs; this file has "
            f"{len(file.inputs)}, {len(file.operators)} and {len(file.outputs)}."
        )
    if not any(tensor.type == "INT8" for tensor in computed):
        types = sorted({tensor.type for tensor in computed})
        raise ModelError(
            f"a model computes in int8; this one computes in {', '.join(types)}; quantise it: "
            "tf.lite.TFLiteConverter with optimizations = [tf.lite.Optimize.DEFAULT], a "
            "representative_dataset and target_spec.supported_ops = "
            "[tf.lite.OpsSet.TFLITE_BUILTINS_INT8]."
        )


def _outputs(draft: Draft) -> tuple[str, ...]:
    """Names of the graph's outputs; what is an input or an output already is copied."""
    outputs: list[str] = []
    for number in draft.file.outputs:
        tensor = draft.values.get(number)
        if tensor is None:
            name = draft.file.tensors[number].name
            raise ModelError(
                f"every output is computed from an input; {name!r} is not; drop it from the model."
            )
        if tensor in draft.inputs or tensor in outputs:
            copy, params = Reshape(shape=draft.shapes[tensor]), draft.quantisation[tensor]
            tensor = draft.add(f"{tensor}/copy", copy, [tensor], params)
        outputs.append(tensor)
    return tuple(outputs)


def _counterparts(draft: Draft) -> dict[str, int]:
    tensors = draft.file.tensors
    return {name: number for number, name in draft.values.items() if tensors[number].type == "INT8"}


def _notes(draft: Draft) -> tuple[str, ...]:
    ends = (("input", "takes", draft.file.inputs), ("output", "gives", draft.file.outputs))
    return tuple(
        _note(draft, number, role, verb)
        for role, verb, numbers in ends
        for number in numbers
        if draft.file.tensors[number].type != "INT8"
    )


def _note(draft: Draft, number: int, role: str, verb: str) -> str:
    tensor, params = draft.file.tensors[number], draft.quantisation[draft.values[number]]
    return (
        f"{role} {tensor.name!r} is {tensor.type} in the file; the program {verb} it as int8 with "
        f"scale {params.scale:.9g} and zero point {params.zero_point}, and its conversion is not "
        "counted"
    )
