"""Messages of docs/PROTOCOL.md, as bytes and as values.

``firmware_stub/include/hwp_protocol.h`` holds the same numbers.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from hwprof.errors import ConfigurationError, ProtocolError

RESPONSE = 0x80
ERROR_TYPE = 0xFF
DEFAULT_MAX_PAYLOAD_BYTES = 1024  # until HELLO says otherwise


class MessageType(IntEnum):
    """Requests; the response of each has bit 7 set."""

    HELLO = 0x01
    BEGIN = 0x02
    CHUNK = 0x03
    PLACE = 0x04
    PREPARE = 0x05
    RUN = 0x06
    READ = 0x07
    ABORT = 0x08
    RESULTS = 0x09
    BAUD = 0x0A


class Destination(IntEnum):
    """What a transfer fills."""

    PROGRAM = 0
    WEIGHTS = 1
    ACTIVATIONS = 2


class MemoryUse(IntFlag):
    """What a memory is offered for."""

    ACTIVATIONS = 1
    WEIGHTS = 2
    SCRATCH = 4
    STAGED_WEIGHTS = 8


class PrepareFlag(IntFlag):
    """Flags of PREPARE."""

    STAGED = 1


class RunFlag(IntFlag):
    """Flags of RUN."""

    FILL_INPUTS = 1
    CHECKSUM = 2
    CHECKSUM_LAST = 4
    COLD = 8


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory on offer for programs."""

    name: str
    base_address: int
    size_bytes: int
    uses: MemoryUse


_HELLO = struct.Struct("<HHIIIIIIB16s16s16s16s32s")
_IDENTITY = struct.Struct("<16s32s")  # its last two fields
_MEMORY = struct.Struct("<12sIII")
IDENTITY_BYTES = _IDENTITY.size
IDENTITY_OFFSET_BYTES = _HELLO.size - IDENTITY_BYTES

# Unique id of a virtual board: "HWPROF", the initial of its timing model and the digit of that
# model's version (docs/PROTOCOL.md).
_VIRTUAL_IDENTITY = re.compile("485750524f46(45|50)3([0-9])")
_MODELS_BY_INITIAL = {"45": "exact", "50": "pipeline"}


@dataclass(frozen=True, slots=True)
class BoardInfo:
    """What a board says of itself in HELLO.

    Attributes:
        program_version: the program format it reads.
        clock_hz: core clock that cycles count.
        pool_crc32: CRC-32 of the pool as the board sees it, 0 if not computed.
        baud: bits per second of its line at that moment, 0 where the line has no rate.
        firmware_id: first 16 hexadecimal digits of the SHA-256 of the firmware's sources.
        identity: the chip's unique id.
    """

    program_version: int
    max_payload_bytes: int
    clock_hz: int
    max_program_bytes: int
    max_constants_bytes: int
    pool_bytes: int
    pool_crc32: int
    baud: int
    board: str
    kernels: str
    code_memory: str
    firmware_id: str
    identity: str
    memories: tuple[Memory, ...]

    @classmethod
    def decode(cls, payload: bytes) -> BoardInfo:
        """Read a HELLO response.

        Raises:
            ProtocolError: the payload has a wrong size or holds an impossible value.
        """
        if len(payload) < _HELLO.size:
            raise ProtocolError(f"HELLO has at least {_HELLO.size} bytes; got {len(payload)}.")
        fields = _HELLO.unpack_from(payload)
        numbers, count, texts = fields[:8], fields[8], fields[9:]
        if len(payload) != _HELLO.size + count * _MEMORY.size:
            raise ProtocolError(f"HELLO of {len(payload)} bytes does not hold {count} memories.")
        memories = tuple(_memory(*m) for m in _MEMORY.iter_unpack(payload[_HELLO.size :]))
        info = cls(*(*numbers, *map(_text, texts), memories))
        if info.max_payload_bytes < DEFAULT_MAX_PAYLOAD_BYTES or info.clock_hz == 0:
            raise ProtocolError(
                f"a board takes payloads of {DEFAULT_MAX_PAYLOAD_BYTES} bytes and has a clock; "
                f"HELLO says {info.max_payload_bytes} bytes and {info.clock_hz} Hz."
            )
        return info

    @staticmethod
    def decode_identity(data: bytes) -> tuple[str, str]:
        """Firmware id and unique id, from ``IDENTITY_BYTES`` at ``IDENTITY_OFFSET_BYTES``.

        Raises:
            ProtocolError: they are no text.
        """
        firmware_id, identity = map(_text, _IDENTITY.unpack(data))
        return firmware_id, identity

    def memory_index(self, name: str, use: MemoryUse) -> int:
        """Number of the memory of that name, offered for one of the uses.

        Raises:
            ConfigurationError: the board has no such memory for it.
        """
        offered = [memory.name for memory in self.memories if memory.uses & use]
        if name not in offered:
            part = str(use.name).lower().partition("|")[0]
            raise ConfigurationError(
                f"{self.board} offers {', '.join(offered)} for {part}; got {name!r}."
            )
        return [memory.name for memory in self.memories].index(name)

    @property
    def timing_model(self) -> str:
        """``silicon``, or the model whose cycles the counter of a virtual board reports."""
        match = _VIRTUAL_IDENTITY.fullmatch(self.identity)
        return f"{_MODELS_BY_INITIAL[match[1]]}-{match[2]}" if match else "silicon"


def _memory(name: bytes, base_address: int, size_bytes: int, uses: int) -> Memory:
    return Memory(_text(name), base_address, size_bytes, MemoryUse(uses & 0xF))


def _text(field: bytes) -> str:
    text = field.rstrip(b"\0").decode("ascii", errors="replace")
    if not (text.isascii() and text.isprintable()):  # it is printed on a terminal
        raise ProtocolError(f"a name in HELLO is printable ASCII text; got {field!r}.")
    return text


@dataclass(frozen=True, slots=True)
class MeasuredRecord:
    """What one record of one repeat cost.

    Attributes:
        crc32: of the output tensor, 0 if not asked for.
    """

    cycles: int
    crc32: int


_PIECE = struct.Struct("<HH")


@dataclass(frozen=True, slots=True)
class HelloPiece:
    """Bytes of a board's description from an offset on.

    Attributes:
        total_bytes: of the whole description.
    """

    offset_bytes: int
    total_bytes: int
    data: bytes

    @staticmethod
    def request(offset_bytes: int, size_bytes: int) -> bytes:
        """Payload that asks for a piece."""
        return _PIECE.pack(offset_bytes, size_bytes)

    @classmethod
    def decode(cls, payload: bytes) -> HelloPiece:
        """Read the answer to a HELLO that asked for a piece.

        Raises:
            ProtocolError: the payload is too short, or reaches beyond the description.
        """
        if len(payload) < PIECE_HEADER_BYTES:
            raise ProtocolError(f"a piece has at least 4 bytes; got {len(payload)}.")
        offset, total = _PIECE.unpack_from(payload)
        data = payload[PIECE_HEADER_BYTES:]
        if offset + len(data) > total:
            raise ProtocolError(f"{len(data)} bytes at {offset} are no piece of {total}.")
        return cls(offset, total, data)


PIECE_HEADER_BYTES = _PIECE.size
_RESULTS_HEAD = struct.Struct("<IIII")
_RESULT = struct.Struct("<QI")
RESULTS_HEAD_BYTES = _RESULTS_HEAD.size
RESULT_BYTES = _RESULT.size
MAX_RECORDS_PER_FRAME = 64
MAX_RECORD_CYCLES = 1 << 48  # days at any clock; sums over a program stay below 2^63


@dataclass(frozen=True, slots=True)
class RunReport:
    """One RESULTS response: consecutive records of one repeat.

    Attributes:
        run: sequence number of the RUN that they belong to.
    """

    run: int
    repeat: int
    first: int
    records: tuple[MeasuredRecord, ...]

    @classmethod
    def decode(cls, payload: bytes) -> RunReport:
        """Read a RESULTS response.

        Raises:
            ProtocolError: the payload has a wrong size, or a record took longer than any can.
        """
        if len(payload) < RESULTS_HEAD_BYTES:
            raise ProtocolError(
                f"RESULTS has at least {RESULTS_HEAD_BYTES} bytes; got {len(payload)}."
            )
        run, repeat, first, count = _RESULTS_HEAD.unpack_from(payload)
        body = payload[RESULTS_HEAD_BYTES:]
        if len(body) != count * RESULT_BYTES:
            raise ProtocolError(f"RESULTS has {count} records in {len(body)} bytes.")
        records = tuple(MeasuredRecord(*fields) for fields in _RESULT.iter_unpack(body))
        longest = max((record.cycles for record in records), default=0)
        if longest > MAX_RECORD_CYCLES:
            raise ProtocolError(
                f"a record takes at most {MAX_RECORD_CYCLES:,} cycles; RESULTS says {longest:,}."
            )
        return cls(run, repeat, first, records)


def words(*values: int) -> bytes:
    """Little-endian 32-bit words, which most payloads are made of."""
    return struct.pack(f"<{len(values)}I", *values)


def decode_error(payload: bytes) -> tuple[int, str]:
    """Error code and sentence of an error response, a question mark for what does not print.

    Raises:
        ProtocolError: the payload is too short.
    """
    if len(payload) < 2:
        raise ProtocolError(f"an error response has at least 2 bytes; got {len(payload)}.")
    sentence = payload[2:].decode("utf-8", "replace")
    printable = "".join(letter if letter.isprintable() else "?" for letter in sentence)
    return int.from_bytes(payload[:2], "little"), printable
