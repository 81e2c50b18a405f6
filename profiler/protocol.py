"""Frames and messages of docs/PROTOCOL.md, as bytes and as values.

``firmware_stub/include/hwp_protocol.h`` holds the same numbers.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from hwprof.errors import ConfigurationError, ProtocolError

PROTOCOL_VERSION = 1
RESPONSE = 0x80
ERROR_TYPE = 0xFF
DEFAULT_MAX_PAYLOAD_BYTES = 1024  # until HELLO says otherwise

_HEADER = struct.Struct("<BBH")
_CRC = struct.Struct("<I")
_LONGEST_BODY_BYTES = _HEADER.size + 0xFFFF + _CRC.size  # max_payload_bytes is 16 bits
_COBS_GROUP = 254  # data bytes that one code byte can announce


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


def cobs_encode(data: bytes) -> bytes:
    """Consistent overhead byte stuffing: the same bytes without a zero among them, no delimiter."""
    out = bytearray()
    pieces = data.split(b"\0")
    for number, piece in enumerate(pieces):
        # A full group stands for no zero, so the last piece owes nothing after one.
        full, rest = divmod(len(piece), _COBS_GROUP)
        end = full * _COBS_GROUP
        for start in range(0, end, _COBS_GROUP):
            out += b"\xff" + piece[start : start + _COBS_GROUP]
        if rest or not full or number < len(pieces) - 1:
            out += bytes([rest + 1]) + piece[end:]
    return bytes(out)


def cobs_decode(data: bytes) -> bytes:
    """Undo ``cobs_encode``.

    Raises:
        ProtocolError: a code byte is zero or announces more than there is.
    """
    out = bytearray()
    position = 0
    while position < len(data):
        code = data[position]
        end = position + code
        if code == 0 or end > len(data):
            raise ProtocolError(
                f"a COBS code of {code} at byte {position} of {len(data)} is wrong."
            )
        out += data[position + 1 : end]
        position = end
        if code <= _COBS_GROUP and position < len(data):
            out.append(0)
    return bytes(out)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, its checksum verified and taken off."""

    version: int
    message_type: int
    sequence: int
    payload: bytes


def encode_frame(message_type: int, sequence: int, payload: bytes = b"") -> bytes:
    """Bytes of a frame between two delimiters; the first ends whatever noise came before."""
    body = _HEADER.pack(PROTOCOL_VERSION, message_type, sequence) + payload
    return b"\0" + cobs_encode(body + _CRC.pack(zlib.crc32(body))) + b"\0"


def decode_frame(encoded: bytes) -> Frame:
    """Read what stood between two delimiters.

    Raises:
        ProtocolError: the bytes are no frame or their checksum is wrong.
    """
    body = cobs_decode(encoded)
    if len(body) < _HEADER.size + _CRC.size:
        raise ProtocolError(f"a frame has at least 8 bytes; got {len(body)}.")
    content = body[: -_CRC.size]
    (crc32,) = _CRC.unpack(body[-_CRC.size :])
    if zlib.crc32(content) != crc32:
        raise ProtocolError("a frame's CRC-32 does not match its bytes.")
    version, message_type, sequence = _HEADER.unpack_from(content)
    return Frame(version, message_type, sequence, content[_HEADER.size :])


class FrameReader:
    """Cuts frames out of a byte stream; what is no frame is counted and dropped.

    Attributes:
        dropped: pieces between delimiters that were no frame.
    """

    def __init__(self) -> None:
        self._open = bytearray()
        self._skipping = False
        self.dropped = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Frames that ``data`` completes; bounded memory whatever arrives."""
        *ends, rest = data.split(b"\0")
        for end in ends:
            self._append(end)
            yield from self._close()
        self._append(rest)

    def _append(self, data: bytes) -> None:
        self._open += data
        if len(self._open) > _LONGEST_BODY_BYTES + _LONGEST_BODY_BYTES // _COBS_GROUP + 1:
            self._open.clear()
            self._skipping = True

    def _close(self) -> Iterator[Frame]:
        encoded, skipped = bytes(self._open), self._skipping
        self._open.clear()
        self._skipping = False
        if not encoded and not skipped:
            return
        try:
            frame = decode_frame(b"" if skipped else encoded)
        except ProtocolError:
            self.dropped += 1
        else:
            yield frame


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory on offer for programs."""

    name: str
    base_address: int
    size_bytes: int
    uses: MemoryUse


_HELLO = struct.Struct("<HHIIIIIB16s16s16s16s32s")
_MEMORY = struct.Struct("<12sIII")

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
        numbers, count, texts = fields[:7], fields[7], fields[8:]
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
    try:
        return field.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError as error:
        raise ProtocolError(f"a name in HELLO is ASCII text; got {field!r}.") from error


@dataclass(frozen=True, slots=True)
class MeasuredRecord:
    """What one record of one repeat cost.

    Attributes:
        crc32: of the output tensor, 0 if not asked for.
    """

    cycles: int
    crc32: int


_RUN_HEAD = struct.Struct("<III")
_RUN_RECORD = struct.Struct("<QI")


@dataclass(frozen=True, slots=True)
class RunReport:
    """One RUN response: consecutive records of one repeat."""

    repeat: int
    first: int
    records: tuple[MeasuredRecord, ...]

    @classmethod
    def decode(cls, payload: bytes) -> RunReport:
        """Read a RUN response.

        Raises:
            ProtocolError: the payload has a wrong size.
        """
        if len(payload) < _RUN_HEAD.size:
            raise ProtocolError(f"RUN reports at least {_RUN_HEAD.size} bytes; got {len(payload)}.")
        repeat, first, count = _RUN_HEAD.unpack_from(payload)
        body = payload[_RUN_HEAD.size :]
        if len(body) != count * _RUN_RECORD.size:
            raise ProtocolError(f"RUN reports {count} records in {len(body)} bytes.")
        records = tuple(MeasuredRecord(*fields) for fields in _RUN_RECORD.iter_unpack(body))
        return cls(repeat, first, records)


def decode_error(payload: bytes) -> tuple[int, str]:
    """Error code and sentence of an error response.

    Raises:
        ProtocolError: the payload is too short.
    """
    if len(payload) < 2:
        raise ProtocolError(f"an error response has at least 2 bytes; got {len(payload)}.")
    return int.from_bytes(payload[:2], "little"), payload[2:].decode("utf-8", "replace")
