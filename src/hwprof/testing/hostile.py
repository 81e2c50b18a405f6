"""A board that says anything at all, for proving that a host survives it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from hwprof.blocks import GraphBuilder
from hwprof.errors import HwprofError, LinkError, ProtocolError
from hwprof.graph import Conv2d, MaxPool
from hwprof.measurement import Placement
from hwprof.pool import POOL_BYTES, pool_bytes
from hwprof.profiler.device import Device, Patience
from hwprof.profiler.frames import PROTOCOL_VERSION, FrameReader, cobs_encode, encode_frame
from hwprof.profiler.links import Capability, Link
from hwprof.profiler.lowering import lower
from hwprof.profiler.program import PROGRAM_VERSION, Program
from hwprof.profiler.protocol import (
    ERROR_TYPE,
    RESPONSE,
    BoardInfo,
    HelloPiece,
    MessageType,
    RunReport,
    decode_error,
    words,
)

_NO_PATIENCE = Patience(
    first_s=0.001,
    answer_s=0.001,
    prepare_s=0.001,
    run_s=0.01,
    attempts=2,
    damaged=4,
    trial_s=0.0,
    recoveries=1,
)
_MOST_REQUESTS = 200
_EXTREMES = (0, 1, 127, 255, 1023, 1024, 65535, 0x7FFFFFFF, 0xFFFFFFFF)


class HostileLink(Link):
    """Answers each request from a script of bytes, and is silent once that is used up.

    The first byte of each step says what is done with the right answer: it is sent, its words are
    changed, its frame is damaged, other bytes come instead, or nothing.
    """

    capabilities = frozenset({Capability.RESET, Capability.REOPEN, Capability.BAUD})

    def __init__(self, script: bytes) -> None:
        self.target = "hostile:"
        self._script = script
        self._at = 0
        self._said = bytearray()
        self._heard = FrameReader()
        self._requests = 0

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """See ``Link.read``."""
        del timeout_s
        taken = bytes(self._said[:max_bytes])
        del self._said[:max_bytes]
        return taken

    def write(self, data: bytes) -> None:
        """See ``Link.write``; breaks for good after so many requests that no script explains it."""
        self._requests += 1
        if self._requests > _MOST_REQUESTS:
            raise LinkError("the script is used up.")
        for frame in self._heard.feed(data):
            for answer in _answers(frame.message_type, frame.sequence, frame.payload):
                self._said += self._twisted(answer)

    def close(self) -> None:
        """See ``Link.close``."""

    def reopen(self) -> None:
        """See ``Link.reopen``."""
        if self._requests > _MOST_REQUESTS:
            raise LinkError("the script is used up.")

    def reset_board(self) -> None:
        """See ``Link.reset_board``."""

    def set_baud(self, baud: int) -> None:
        """See ``Link.set_baud``."""

    def _take(self, size_bytes: int) -> bytes:
        taken = self._script[self._at : self._at + size_bytes]
        self._at += size_bytes
        return taken.ljust(size_bytes, b"\0")

    def _twisted(self, answer: _Answer) -> bytes:
        step = self._take(1)[0]
        return _TWISTS[step % len(_TWISTS)](self, answer)

    def _changed(self, answer: _Answer) -> bytes:
        """One word of the payload is another, with a right checksum."""
        at, pick, value = struct.unpack("<BBI", self._take(6))
        body = bytearray(answer.body)
        at = min(at, len(body))
        word = _EXTREMES[pick] if pick < len(_EXTREMES) else value
        body[at : at + 4] = struct.pack("<I", word)
        return _framed(bytes(body))

    def _resized(self, answer: _Answer) -> bytes:
        """The payload ends early, or goes on."""
        size_bytes, fill = struct.unpack("<HB", self._take(3))
        return _framed(answer.body[: size_bytes % 300].ljust(fill, b"\1"))

    def _damaged(self, answer: _Answer) -> bytes:
        """Bytes of the frame are other ones."""
        spoilt = bytearray(_framed(answer.body))
        for _ in range(3):
            at, value = self._take(2)
            spoilt[at % len(spoilt)] = value
        return bytes(spoilt)

    def _noise(self, answer: _Answer) -> bytes:
        """Bytes of the script itself."""
        del answer
        return self._take(self._take(1)[0])

    def _error(self, answer: _Answer) -> bytes:
        """A refusal."""
        code, size_bytes = self._take(2)
        body = struct.pack("<BBHH", PROTOCOL_VERSION, ERROR_TYPE, answer.sequence, code)
        return _framed(body + self._take(size_bytes % 40))

    def _silence(self, answer: _Answer) -> bytes:
        """Nothing."""
        del answer
        return b""

    def _right(self, answer: _Answer) -> bytes:
        """What a board says."""
        return _framed(answer.body)


@dataclass(frozen=True, slots=True)
class _Answer:
    sequence: int
    body: bytes


_TWISTS: tuple[Callable[[HostileLink, _Answer], bytes], ...] = tuple(
    getattr(HostileLink, name)
    for name in (
        *["_right"] * 9,
        *("_changed", "_changed", "_resized", "_damaged", "_noise", "_error", "_silence"),
    )
)


def _framed(body: bytes) -> bytes:
    return b"\0" + cobs_encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


def _answers(message: int, sequence: int, payload: bytes) -> list[_Answer]:
    """What a board that keeps nothing would say."""
    fields = struct.unpack(f"<{len(payload) // 4}I", payload[: len(payload) & ~3])
    said: list[tuple[int, bytes]] = [(message, b"")]
    match message, fields:
        case MessageType.HELLO, ():
            said = [(message, _description())]
        case MessageType.HELLO, (piece,):
            offset, size_bytes = piece & 0xFFFF, piece >> 16
            whole = _description()
            head = struct.pack("<HH", offset, len(whole))
            said = [(message, head + whole[offset : offset + size_bytes])]
        case MessageType.CHUNK, (offset, *_):
            said = [(message, words(offset + len(payload) - 4))]
        case MessageType.RUN, (_, repeats, _) if repeats < 9:
            count = len(program().records)
            runs = [_results(sequence, repeat, 0, count) for repeat in range(repeats)]
            said += [(MessageType.RESULTS, run) for run in runs]
        case MessageType.RESULTS, (run, repeat, first, count):
            said = [(message, _results(run, repeat, first, min(count, 64)))]
        case MessageType.READ, (_, size_bytes):
            said = [(message, bytes(min(size_bytes, 4096)))]
        case MessageType.BAUD, (baud,):
            said = [(message, words(baud))]
    return [
        _Answer(sequence, struct.pack("<BBH", PROTOCOL_VERSION, kind | RESPONSE, sequence) + body)
        for kind, body in said
    ]


def _results(run: int, repeat: int, first: int, count: int) -> bytes:
    return words(run, repeat, first, count) + struct.pack("<QI", 1000, 7) * count


@cache
def _description() -> bytes:
    memories = ((b"dtcm", 0x20000000, 0x10000, 7), (b"ocram", 0x20240000, 0x100000, 7))
    return struct.pack(
        "<HHIIIIIIB16s16s16s16s32s",
        *(PROGRAM_VERSION, 4096, 996_000_000, 0x14000, 0x14000, POOL_BYTES),
        *(zlib.crc32(pool_bytes()), 115_200, len(memories)),
        *(b"hostile", b"simd", b"itcm", b"0123456789abcdef", b"abcd"),
    ) + b"".join(struct.pack("<12sIII", *memory) for memory in memories)


@cache
def program() -> Program:
    """A little convolution, then a pool."""
    builder = GraphBuilder()
    image = builder.input("image", (6, 6, 4))
    conv = builder.add("", "conv", Conv2d(kernel_h=3, kernel_w=3, out_channels=8), image)
    pool = builder.add("", "pool", MaxPool(kernel_h=2, kernel_w=2, stride_h=2, stride_w=2), conv)
    return lower(
        builder.finish("small", [pool]), placement=Placement(weights="ocram", scratch="dtcm")
    )


def ask_everything(script: bytes) -> str:
    """Load, run and read on a hostile board.

    Returns:
        ``done``, or the name of the error that hwprof raised on purpose; any other error is raised.
    """
    device = Device(HostileLink(script), _NO_PATIENCE)
    try:
        device.load(program())
        device.run(repeats=2)
        device.read(program().outputs[-1])
        device.abort()
    except HwprofError as error:
        return type(error).__name__
    return "done"


_DECODERS: tuple[Callable[[bytes], object], ...] = (
    BoardInfo.decode,
    HelloPiece.decode,
    RunReport.decode,
    decode_error,
)


def parse_everything(stream: bytes) -> int:
    """Feed a stream to the parser in two pieces, and every payload and the stream to each decoder.

    Returns:
        How many frames and payloads were taken; an error that is none of hwprof's is raised.
    """
    reader, middle, taken = FrameReader(), len(stream) // 2, 0
    frames = [*reader.feed(stream[:middle]), *reader.feed(stream[middle:]), *reader.feed(b"\0")]
    for payload in (stream, *(frame.payload for frame in frames)):
        for decode in _DECODERS:
            with suppress(ProtocolError):
                decode(payload)
                taken += 1
    return taken + len(frames)


def stream_of(script: bytes) -> bytes:
    """A stream as a hostile board would send it: right answers, twisted by the script."""
    link = HostileLink(script[4:])
    kinds = script[:4].ljust(4, b"\1")
    requests = ((MessageType.HELLO, b""), (MessageType.RESULTS, words(1, 0, 0, 2)))
    for number, kind in enumerate(kinds):
        message, payload = requests[kind % len(requests)]
        link.write(encode_frame(message, number, payload))
    return link.read(1 << 20, 0.0)
