"""Frames of docs/PROTOCOL.md: consistent overhead byte stuffing around a checksum."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from hwprof.errors import ProtocolError

PROTOCOL_VERSION = 2

_HEADER = struct.Struct("<BBH")
_CRC = struct.Struct("<I")
_LONGEST_BODY_BYTES = _HEADER.size + 0xFFFF + _CRC.size  # max_payload_bytes is 16 bits
_COBS_GROUP = 254  # data bytes that one code byte can announce


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

    def forget(self) -> None:
        """Drop a frame that has begun: the line broke off."""
        self._open.clear()
        self._skipping = False

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
