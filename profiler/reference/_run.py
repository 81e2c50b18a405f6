"""Executes a program record by record, each tensor in memory of its own.

No arena is shared here on purpose: where a memory plan lets two live tensors overlap, the board's
checksums differ from these.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from hwprof.errors import ConfigurationError
from hwprof.pool import pool_slice
from hwprof.profiler.constants import materialised
from hwprof.profiler.program import Buffer, Program, Record
from hwprof.profiler.reference._kernels import KERNELS
from hwprof.profiler.reference._memory import Memory, Written

Int8 = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class RecordResult:
    """What one record wrote.

    Attributes:
        output: the whole output buffer after the record, in its shape (h, w, c).
        crc32: zlib's CRC-32 of ``output``; None while part of the buffer is still unwritten
            (all but the last copy of a concatenation), because memory decides what is there.
        rescaled: output elements that the record rescaled; 0 for copies, pools and tables.
        saturated: those of them that a rail of int8 cut off by more than rounding: the rescaled
            value plus output offset lies outside [-128, 127]. Values below the zero point that a
            fused ReLU clamps there, and values above a ReLU6 bound, are not counted.
    """

    output: Int8
    crc32: int | None
    rescaled: int
    saturated: int


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceResult:
    """What each record of a program wrote, in order, and the program's outputs by name."""

    records: tuple[RecordResult, ...]
    outputs: Mapping[str, Int8]

    @property
    def checksums(self) -> tuple[int | None, ...]:
        """CRC-32 of each record's output buffer; None where it is not yet defined."""
        return tuple(record.crc32 for record in self.records)

    @property
    def saturated_share(self) -> float:
        """Saturated elements over rescaled elements of the whole program, 0 to 1."""
        rescaled = sum(record.rescaled for record in self.records)
        return sum(record.saturated for record in self.records) / rescaled if rescaled else 0.0

    def first_mismatch(self, checksums: Sequence[int]) -> int | None:
        """Index of the first record whose checksum on a board differs, or None if all agree."""
        for index, (expected, got) in enumerate(zip(self.checksums, checksums, strict=True)):
            if expected is not None and expected != got:
                return index
        return None


def run_reference(
    program: Program, inputs: Mapping[str, bytes | Int8] | None = None
) -> ReferenceResult:
    """Run a program on the host.

    Args:
        program: from ``lower``.
        inputs: int8 elements of input tensors by name; those not given are pool slices.

    Raises:
        ConfigurationError: an input that the program does not have, or of another size.
    """
    memory = Memory(program.weights_image)
    for constant in program.constants:
        memory.constants[constant.buffer.offset_bytes] = materialised(constant)
    _fill_inputs(program, memory, inputs or {})
    # Matrices are small here: threads of a library would only wait for each other, and on a busy
    # machine for somebody else.
    with _libraries().limit(limits=1, user_api="blas"):
        results = tuple(_run(record, memory) for record in program.records)
    outputs = {buffer.name: memory.tensor(buffer).copy() for buffer in program.outputs}
    return ReferenceResult(results, outputs)


def expected_checksums(
    program: Program, inputs: Mapping[str, bytes | Int8] | None = None
) -> tuple[int | None, ...]:
    """CRC-32 that a board must report for each record; None where it is not defined."""
    return run_reference(program, inputs).checksums


@cache
def _libraries() -> ThreadpoolController:
    """The libraries loaded with numpy; looking for them takes milliseconds."""
    return ThreadpoolController()


def _fill_inputs(program: Program, memory: Memory, inputs: Mapping[str, bytes | Int8]) -> None:
    names = [entry.buffer.name for entry in program.inputs]
    unknown = sorted(set(inputs) - set(names))
    if unknown:
        raise ConfigurationError(f"inputs must be among {names}; got {unknown[0]!r}.")
    for entry in program.inputs:
        buffer = entry.buffer
        given = inputs.get(buffer.name)
        data = (
            pool_slice(entry.pool_offset_bytes, buffer.size_bytes)
            if given is None
            else np.frombuffer(_as_bytes(given), np.int8)
        )
        if data.size != buffer.size_bytes:
            raise ConfigurationError(
                f"input {buffer.name!r} must have {buffer.size_bytes} int8 elements; "
                f"got {data.size}."
            )
        memory.write(buffer, data)


def _as_bytes(given: bytes | Int8) -> bytes:
    return given if isinstance(given, bytes) else np.ascontiguousarray(given, np.int8).tobytes()


def _run(record: Record, memory: Memory) -> RecordResult:
    written: Written = KERNELS[type(record)](record, memory)
    output: Buffer = record.output  # type: ignore[attr-defined]
    data = memory.tensor(output).copy()
    crc32 = zlib.crc32(data.tobytes()) if memory.is_complete(output) else None
    return RecordResult(data, crc32, written.rescaled, written.saturated)
