"""A trained detector as files that others read: float ONNX, and what a board runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.graph import QuantisedWeights
from hwprof.measurement import DEFAULT_SCHEME
from hwprof.onnx_io import write_onnx
from hwprof.partition import architecture_metadata
from hwprof.profiler.lowering import lower_quantised
from hwprof.profiler.lowering.quantised import QuantisedGraph
from hwprof.profiler.program import Program


def write_detector(
    quantised: QuantisedGraph, architecture: Architecture, folder: Path, stem: str
) -> tuple[Path, ...]:
    """Write a detector as float ONNX and in int8.

    A network of the default scheme is QDQ ONNX, which states its scales, weights and biases: what
    is lowered from the file is the same program to the last byte. The other schemes' weight zero
    points and bias shifts have no place in it; they are written as the program that a board runs.

    Args:
        quantised: with the float weights in its graph.
        architecture: kept in the ONNX files, so that ``hwprof predict`` finds the blocks.
        folder: is there.
        stem: of the files' names: ``stem.onnx``, and ``stem-int8.onnx`` or ``stem-int8.program``.

    Returns:
        The files, the float one first.

    Raises:
        ConfigurationError: a file cannot be written, or weights are seeded.
    """
    metadata = architecture_metadata(architecture)
    plain = folder / f"{stem}.onnx"
    write_onnx(quantised.graph, plain, metadata=metadata)
    if quantised.scheme.name == DEFAULT_SCHEME:
        int8 = folder / f"{stem}-int8.onnx"
        stated = replace(
            quantised.graph, quantisation=quantised.params, weights=_stated_weights(quantised)
        )
        write_onnx(stated, int8, metadata=metadata)
        return plain, int8
    program = folder / f"{stem}-int8.program"
    write_program(lower_quantised(quantised), program)
    return plain, program


def _stated_weights(quantised: QuantisedGraph) -> dict[str, QuantisedWeights]:
    weights = {n: w for n, w in quantised.weights.items() if isinstance(w, QuantisedWeights)}
    if len(weights) < len(quantised.weights):
        raise ConfigurationError(
            f"{quantised.graph.name!r} has seeded weights; train it before it is written as int8."
        )
    return weights


def write_program(program: Program, path: Path) -> None:
    """Write a program and its weights image behind it (docs/FORMATS.md, "Program").

    Raises:
        ConfigurationError: it cannot be written.
    """
    try:
        path.write_bytes(program.data + program.weights_image)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {path}: {error.strerror}; choose another folder or make room."
        ) from error
