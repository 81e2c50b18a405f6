"""The int8 program that a board runs: records, buffers, constants and their bytes.

One record is one kernel call. The byte format is docs/FORMATS.md, "Program"; the C structs in
``firmware_stub/include/hwp_program.h`` are generated from the classes below by
``scripts/generate_program_header.py``, so host and firmware cannot drift apart.

Every field of a record is one little-endian 32-bit word: an address word where the annotation is
``Buffer`` (region in the top four bits, byte offset in the rest), else a signed integer.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import IntEnum
from math import prod
from typing import ClassVar

from hwprof.graph import Shape
from hwprof.measurement import Placement

PROGRAM_MAGIC = 0x50505748  # "HWPP"
PROGRAM_VERSION = 2
POOL_BYTES = 1 << 20
ALIGNMENT_BYTES = 32  # one cache line, so that a tensor's cost does not depend on its neighbours


class Region(IntEnum):
    """Where an address word points; the board maps regions to memories at load time."""

    ACTIVATIONS = 0
    WEIGHTS = 1
    POOL = 2
    SCRATCH = 3
    CONSTANTS = 4


class Requantisation(IntEnum):
    """How a weighted record brings its accumulators to the output's scale.

    MULTIPLIER: an int32 bias, an int32 multiplier and a shift. SHIFT: an int8 bias shifted left by
    ``bias_shift``, and a rounding right shift alone; for scales that are powers of two.
    """

    MULTIPLIER = 0
    SHIFT = 1


@dataclass(frozen=True, slots=True)
class Buffer:
    """A named range of bytes in a region.

    Attributes:
        offset_bytes: from the region's start; a multiple of 4.
        shape: (h, w, c) of an int8 tensor; () for constants.
    """

    name: str
    region: Region
    offset_bytes: int
    size_bytes: int
    shape: Shape | tuple[()] = ()

    @property
    def address(self) -> int:
        """Address word of the wire format."""
        return (self.region << 28) | self.offset_bytes


NO_BUFFER = Buffer("", Region.CONSTANTS, 0, 0)  # of an operand that a record does not have


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One kernel call. ``layer`` and ``block`` stay on the host."""

    opcode: ClassVar[int]
    c_name: ClassVar[str]
    layer: str
    op: str
    block: str
    macs: int = 0

    def words(self) -> Iterator[int]:
        """The record's fields as signed 32-bit integers, in declaration order."""
        for name in wire_fields(type(self)):
            value = getattr(self, name)
            yield value.address if isinstance(value, Buffer) else value


def wire_fields(record: type[Record]) -> list[str]:
    """Names of the fields that travel, in order."""
    host_only = {f.name for f in fields(Record)}
    return [f.name for f in fields(record) if f.name not in host_only]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window(Record):
    input: Buffer
    output: Buffer
    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pad_top: int
    pad_left: int
    activation_min: int
    activation_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv2dRecord(_Window):
    """Weights (out_c, kernel_h, kernel_w, in_c / groups); offsets are minus/plus the zero points."""  # noqa: E501 - a line of the header

    opcode = 1
    c_name = "conv2d"
    groups: int
    input_offset: int
    output_offset: int
    weights: Buffer
    bias: Buffer
    multiplier: Buffer
    shift: Buffer
    scratch: Buffer
    weight_zero_point: Buffer = NO_BUFFER
    bias_shift: Buffer = NO_BUFFER
    requantisation: int = Requantisation.MULTIPLIER
    per_channel: int = 1
    has_weight_zero_point: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseRecord(_Window):
    """Weights (kernel_h, kernel_w, out_c); out_c = in_c * channel multiplier."""

    opcode = 2
    c_name = "depthwise"
    input_offset: int
    output_offset: int
    weights: Buffer
    bias: Buffer
    multiplier: Buffer
    shift: Buffer
    scratch: Buffer
    weight_zero_point: Buffer = NO_BUFFER
    bias_shift: Buffer = NO_BUFFER
    requantisation: int = Requantisation.MULTIPLIER
    per_channel: int = 1
    has_weight_zero_point: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyConnectedRecord(Record):
    """Weights (out_features, in_features); an output is a channel."""

    opcode = 3
    c_name = "fully_connected"
    input: Buffer
    output: Buffer
    in_features: int
    out_features: int
    activation_min: int
    activation_max: int
    input_offset: int
    output_offset: int
    weights: Buffer
    bias: Buffer
    multiplier: Buffer
    shift: Buffer
    scratch: Buffer
    weight_zero_point: Buffer = NO_BUFFER
    bias_shift: Buffer = NO_BUFFER
    requantisation: int = Requantisation.MULTIPLIER
    per_channel: int = 1
    has_weight_zero_point: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragePoolRecord(_Window):
    """Rounds half away from zero; a padded element counts as ``zero_point`` if included."""

    opcode = 4
    c_name = "average_pool"
    count_include_pad: int
    zero_point: int
    scratch: Buffer


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPoolRecord(_Window):
    """Maximum over the window, padding left out."""

    opcode = 5
    c_name = "max_pool"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sum(Record):
    input_1: Buffer
    input_2: Buffer
    output: Buffer
    size: int
    input_1_offset: int
    input_1_multiplier: int
    input_1_shift: int
    input_2_offset: int
    input_2_multiplier: int
    input_2_shift: int
    left_shift: int
    output_offset: int
    output_multiplier: int
    output_shift: int
    activation_min: int
    activation_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRecord(_Sum):
    """Both inputs are scaled up by ``left_shift`` bits, rescaled, added, rescaled."""

    opcode = 6
    c_name = "add"


@dataclass(frozen=True, slots=True, kw_only=True)
class MulRecord(Record):
    """(a + offset) * (b + offset), rescaled."""

    opcode = 7
    c_name = "mul"
    input_1: Buffer
    input_2: Buffer
    output: Buffer
    size: int
    input_1_offset: int
    input_2_offset: int
    output_offset: int
    output_multiplier: int
    output_shift: int
    activation_min: int
    activation_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StridedCopyRecord(Record):
    """Copies a strided box of one (h, w, c) tensor to a dense box of another.

    Serves slice, split, concat and the inside of pad: out[dst + i] = in[src + i * step].
    """

    opcode = 8
    c_name = "strided_copy"
    input: Buffer
    output: Buffer
    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    copy_h: int
    copy_w: int
    copy_c: int
    src_h: int
    src_w: int
    src_c: int
    step_h: int
    step_w: int
    step_c: int
    dst_h: int
    dst_w: int
    dst_c: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRecord(Record):
    """Sets ``size`` bytes to ``value``: the border of pad, before the copy of its inside."""

    opcode = 9
    c_name = "fill"
    output: Buffer
    size: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransposeRecord(Record):
    """Permutes four axes; output axis i is input axis ``perm_i``."""

    opcode = 10
    c_name = "transpose"
    input: Buffer
    output: Buffer
    dim_0: int
    dim_1: int
    dim_2: int
    dim_3: int
    perm_0: int
    perm_1: int
    perm_2: int
    perm_3: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeNearestRecord(Record):
    """Source index is floor(i * in / out) on each axis."""

    opcode = 11
    c_name = "resize_nearest"
    input: Buffer
    output: Buffer
    in_h: int
    in_w: int
    channels: int
    out_h: int
    out_w: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupRecord(Record):
    """output[i] = table[input[i] + 128]; the table has 256 int8 entries."""

    opcode = 12
    c_name = "lookup"
    input: Buffer
    output: Buffer
    table: Buffer
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftmaxRecord(Record):
    """TFLite's int8 softmax over rows; output scale 1/256, zero point -128."""

    opcode = 13
    c_name = "softmax"
    input: Buffer
    output: Buffer
    rows: int
    row_size: int
    multiplier: int
    shift: int
    diff_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequantiseRecord(Record):
    """output = clamp(rescale(input + input_offset) + output_offset)."""

    opcode = 14
    c_name = "requantise"
    input: Buffer
    output: Buffer
    size: int
    input_offset: int
    multiplier: int
    shift: int
    output_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubRecord(_Sum):
    """As add, with the second input taken away."""

    opcode = 15
    c_name = "sub"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanRecord(Record):
    """Mean over ``pixels``; the multiplier divides by their number, so it may be half of others."""

    opcode = 16
    c_name = "mean"
    input: Buffer
    output: Buffer
    pixels: int
    channels: int
    input_offset: int
    multiplier: int
    shift: int
    output_offset: int
    scratch: Buffer


RECORD_TYPES: tuple[type[Record], ...] = (
    Conv2dRecord,
    DepthwiseRecord,
    FullyConnectedRecord,
    AveragePoolRecord,
    MaxPoolRecord,
    AddRecord,
    MulRecord,
    StridedCopyRecord,
    FillRecord,
    TransposeRecord,
    ResizeNearestRecord,
    LookupRecord,
    SoftmaxRecord,
    RequantiseRecord,
    SubRecord,
    MeanRecord,
)


@dataclass(frozen=True, slots=True)
class DataConstant:
    """Bytes carried by the program."""

    kind: ClassVar[int] = 0
    buffer: Buffer
    data: bytes


@dataclass(frozen=True, slots=True)
class FillConstant:
    """A buffer of equal int32 words, made by the board."""

    kind: ClassVar[int] = 1
    buffer: Buffer
    value: int


@dataclass(frozen=True, slots=True)
class PoolConstant:
    """int32 word i is signed pool byte ``pool_offset_bytes + i`` shifted left, by the board."""

    kind: ClassVar[int] = 2
    buffer: Buffer
    pool_offset_bytes: int
    left_shift: int


Constant = DataConstant | FillConstant | PoolConstant


@dataclass(frozen=True, slots=True)
class ProgramInput:
    """An input tensor and the pool slice that fills it unless the host writes one."""

    buffer: Buffer
    pool_offset_bytes: int


@dataclass(frozen=True, slots=True)
class Program:
    """A lowered network, ready to send.

    Attributes:
        inputs, outputs: tensors in the activation arena.
        weights_image: bytes of the WEIGHTS region; empty when all weights are pool slices.
        activations_bytes, scratch_bytes, constants_bytes: sizes of those regions.
    """

    name: str
    scheme: str
    placement: Placement
    inputs: tuple[ProgramInput, ...]
    outputs: tuple[Buffer, ...]
    records: tuple[Record, ...]
    constants: tuple[Constant, ...]
    weights_image: bytes
    activations_bytes: int
    scratch_bytes: int
    constants_bytes: int
    _encoded: bytes = field(init=False, repr=False, compare=False, default=b"")

    def __post_init__(self) -> None:
        object.__setattr__(self, "_encoded", encode(self))

    @property
    def data(self) -> bytes:
        """The program's bytes as they travel, weights image apart."""
        return self._encoded

    @property
    def sha256(self) -> str:
        """Hash of the program and its weights."""
        return hashlib.sha256(self.data + self.weights_image).hexdigest()

    @property
    def peak_ram_bytes(self) -> int:
        """Activations, scratch and materialised constants together."""
        return self.activations_bytes + self.scratch_bytes + self.constants_bytes

    @property
    def flash_bytes(self) -> int:
        """What a deployment keeps in flash beside code: weights, biases, multipliers, tables."""
        read = self._read_from({Region.WEIGHTS, Region.POOL})
        return sum(buffer.size_bytes for buffer in read) + self.constants_bytes

    @property
    def pool_weights_bytes(self) -> int:
        """Weights that are slices of the pool: they may overlap there, but would not on a chip."""
        return sum(buffer.size_bytes for buffer in self._read_from({Region.POOL}))

    def _read_from(self, regions: set[Region]) -> set[Buffer]:
        return {
            value
            for record in self.records
            for name in wire_fields(type(record))
            if isinstance(value := getattr(record, name), Buffer) and value.region in regions
        }

    @property
    def complete_outputs(self) -> tuple[bool, ...]:
        """For each record, whether every byte of its output buffer is written once it has run.

        Only then is a checksum of the buffer defined: until a concatenation's last copy, the rest
        of its output is whatever was in memory before. Copies into one buffer do not overlap.
        """
        missing_bytes: dict[str, int] = {}
        complete = []
        for record in self.records:
            output: Buffer = record.output  # type: ignore[attr-defined]  # of every record type
            missing = missing_bytes.get(output.name, output.size_bytes)
            if isinstance(record, StridedCopyRecord):
                missing -= record.copy_h * record.copy_w * record.copy_c
            else:
                missing = 0
            missing_bytes[output.name] = missing
            complete.append(missing <= 0)
        return tuple(complete)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(record.macs for record in self.records)


def encode(program: Program) -> bytes:
    """Bytes of a program; the layout is docs/FORMATS.md, "Program"."""
    body = bytearray()
    for entry in program.inputs:
        where = entry.buffer
        body += struct.pack("<III", where.address, where.size_bytes, entry.pool_offset_bytes)
    for output in program.outputs:
        body += struct.pack("<II", output.address, output.size_bytes)
    for constant in program.constants:
        body += _encode_constant(constant)
    for record in program.records:
        words = [word & 0xFFFFFFFF for word in record.words()]
        body += struct.pack(f"<II{len(words)}I", record.opcode, len(words), *words)
    header = struct.pack(
        "<12I",
        PROGRAM_MAGIC,
        PROGRAM_VERSION,
        48 + len(body),
        program.activations_bytes,
        len(program.weights_image),
        program.scratch_bytes,
        program.constants_bytes,
        len(program.inputs),
        len(program.outputs),
        len(program.constants),
        len(program.records),
        0,
    )
    return header + bytes(body)


def _encode_constant(constant: Constant) -> bytes:
    head = struct.pack("<III", constant.kind, constant.buffer.address, constant.buffer.size_bytes)
    match constant:
        case DataConstant(data=data):
            return head + data + bytes(-len(data) % 4)
        case FillConstant(value=value):
            return head + struct.pack("<i", value)
        case PoolConstant(pool_offset_bytes=offset, left_shift=shift):
            return head + struct.pack("<II", offset, shift)


def tensor_bytes(shape: Shape) -> int:
    """Bytes of an int8 tensor."""
    return prod(shape)
