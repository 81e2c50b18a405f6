"""Feeds the firmware's core, built for the host under sanitizers, with damaged programs and noise.

``make firmware-fuzz`` builds and calls it. It stops at the first fault with the sanitizer's report.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import select
import struct
import subprocess
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from hwprof.architecture import block_graph
from hwprof.blocks import BLOCK_TYPES
from hwprof.errors import HwprofError
from hwprof.measurement import Placement
from hwprof.profiler.frames import Frame, FrameReader, encode_frame
from hwprof.profiler.lowering import lower
from hwprof.profiler.placement import check_fit
from hwprof.profiler.program import Buffer, Program, Region
from hwprof.profiler.protocol import (
    ERROR_TYPE,
    BoardInfo,
    Destination,
    MessageType,
    decode_error,
    words,
)

EXTREMES = (0, 1, 2, 127, 128, 255, 32767, 32768, 1 << 28, 0x7FFFFFFF, 0xFFFFFFFF)
ANSWER_S = 30.0
CHUNK_BYTES = 4092
DRAWS = 50
BURST = 32
CRC = zlib.crc32(b"")
RARELY = (MessageType.ABORT, MessageType.BAUD)
OFTEN = tuple(message for message in MessageType if message not in RARELY)


class Firmware:
    """The firmware as a process, and a host that asks it.

    Attributes:
        inputs: requests and pieces of noise sent.
    """

    def __init__(self, executable: Path) -> None:
        self._process = subprocess.Popen(
            [executable], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._reader = FrameReader()
        self._frames: list[Frame] = []
        self._sequence = 0
        self.inputs = 0

    def write(self, data: bytes, inputs: int = 1) -> None:
        """Send bytes as they are; what is answered meanwhile is taken."""
        self.inputs += inputs
        into = self._pipe(self._process.stdin).fileno()
        out = self._pipe(self._process.stdout).fileno()
        rest = memoryview(data)
        while rest:
            readable, writable, _ = select.select([out], [into], [], ANSWER_S)
            if readable:
                self._take(out)
            if writable:
                # What select calls writable takes so many bytes at once (POSIX, PIPE_BUF).
                rest = rest[self._put(into, rest[: select.PIPE_BUF]) :]
            if not readable and not writable:
                raise self._stopped()

    def ask(self, message: int, payload: bytes = b"") -> Frame:
        """Send a request and wait for its answer."""
        self._sequence = (self._sequence + 1) & 0x7FFF
        self._frames.clear()
        self.write(encode_frame(message, self._sequence, payload))
        out = self._pipe(self._process.stdout).fileno()
        while True:
            for frame in self._frames:
                if frame.sequence == self._sequence:
                    return frame
            self._frames.clear()
            if not select.select([out], [], [], ANSWER_S)[0]:
                raise self._stopped()
            self._take(out)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _put(self, into: int, data: memoryview) -> int:
        try:
            return os.write(into, data)
        except BrokenPipeError:
            raise self._stopped() from None

    def _take(self, out: int) -> None:
        data = os.read(out, 65536)
        if not data:
            raise self._stopped()
        self._frames += self._reader.feed(data)

    def _pipe(self, pipe: IO[bytes] | None) -> IO[bytes]:
        if pipe is None:
            raise self._stopped()
        return pipe

    def _stopped(self) -> SystemExit:
        self._process.kill()
        _, report = self._process.communicate()
        return SystemExit(report.decode("utf-8", "replace") or "the firmware does not answer")


def seeds(info: BoardInfo, chance: random.Random) -> Iterator[Program]:
    """A program of each block type that fits the board."""
    placement = Placement(activations="ocram", weights="ocram", scratch="dtcm")
    for block in BLOCK_TYPES.values():
        for _ in range(DRAWS):
            config = block.config({a.name: chance.choice(a.values) for a in block.axes()})
            with contextlib.suppress(HwprofError):
                if config is not None:
                    program = lower(block_graph(config), placement=placement)
                    check_fit(info, program)
                    yield program
                    break


def damaged(chance: random.Random, data: bytes) -> bytes:
    """The same words with up to three of them replaced."""
    words = list(struct.unpack(f"<{len(data) // 4}I", data))
    for _ in range(chance.randint(0, 3)):
        near = words[position := chance.randrange(len(words))]
        choices = (chance.choice(EXTREMES), chance.getrandbits(32), near + chance.randint(-9, 9))
        words[position] = chance.choice(choices) & 0xFFFFFFFF
    return struct.pack(f"<{len(words)}I", *words)


def at_the_end(info: BoardInfo, program: Program) -> Program:
    """The program with its regions grown and its buffers moved to the end of each memory.

    There a sanitizer's red zone begins, so that one byte too many is seen.
    """
    dtcm, ocram = (memory.size_bytes for memory in info.memories[:2])
    shifts = {
        Region.ACTIVATIONS: ocram - program.activations_bytes,
        Region.SCRATCH: dtcm - program.scratch_bytes,
        Region.CONSTANTS: info.max_constants_bytes - program.constants_bytes,
    }

    def moved(value: Any) -> Any:
        if isinstance(value, Buffer):
            shift = shifts.get(value.region, 0) & -4
            return replace(value, offset_bytes=value.offset_bytes + shift)
        names = [name for name in value.__dataclass_fields__ if name != "data"]
        buffers = {n: getattr(value, n) for n in names if isinstance(getattr(value, n), Buffer)}
        return replace(value, **{name: moved(buffer) for name, buffer in buffers.items()})

    return replace(
        program,
        inputs=tuple(map(moved, program.inputs)),
        outputs=tuple(map(moved, program.outputs)),
        constants=tuple(map(moved, program.constants)),
        records=tuple(map(moved, program.records)),
        activations_bytes=ocram,
        scratch_bytes=dtcm,
        constants_bytes=info.max_constants_bytes,
    )


def requests(chance: random.Random, data: bytes) -> Iterator[tuple[MessageType, bytes]]:
    """What a host sends to run a program."""
    yield MessageType.PLACE, bytes([1, 1, 0, 0])
    yield MessageType.BEGIN, words(Destination.PROGRAM, len(data), zlib.crc32(data))
    for start in range(0, len(data), CHUNK_BYTES):
        chunk = data[start : start + CHUNK_BYTES]
        yield MessageType.CHUNK, start.to_bytes(4, "little") + chunk
    yield MessageType.PREPARE, words(0, 0, 0)
    yield MessageType.RUN, words(chance.randrange(16), 1, 64)


def try_program(firmware: Firmware, chance: random.Random, program: Program) -> str:
    """Send a damaged program and run it if it is taken; returns what became of it."""
    for message, payload in requests(chance, damaged(chance, program.data)):
        answer = firmware.ask(message, payload)
        if answer.message_type == ERROR_TYPE:
            code, _ = decode_error(answer.payload)
            return f"refused with error {code}"
    return "ran"


def try_noise(firmware: Firmware, chance: random.Random) -> str:
    """Send a frame with any content, or bytes that are none."""
    content = chance.randbytes(chance.randrange(80))
    kind = chance.randrange(12)
    if kind == MessageType.RUN:
        content = content[:8]  # any number of repeats would take any time
    noise = content if chance.random() < 1 / 2 else encode_frame(kind, 9, content)
    firmware.write(noise + b"\0")
    return "noise"


def any_request(chance: random.Random, sizes: tuple[int, ...]) -> tuple[int, bytes]:
    """A request whose fields are near what they may be."""

    def word() -> int:
        return chance.choice((*sizes, chance.randrange(9), chance.choice(EXTREMES)))

    payloads: dict[MessageType, Callable[[], bytes]] = {
        MessageType.HELLO: lambda: chance.choice((b"", struct.pack("<HH", word() & 0xFF, 64))),
        MessageType.BEGIN: lambda: words(chance.randrange(4), word(), chance.choice((0, CRC))),
        MessageType.CHUNK: lambda: words(word()) + bytes(chance.choice(sizes)),
        MessageType.PLACE: lambda: bytes(chance.randrange(4) for _ in range(4)),
        MessageType.PREPARE: lambda: words(chance.randrange(3), word(), chance.choice((0, CRC))),
        MessageType.RUN: lambda: words(
            chance.getrandbits(5), chance.choice((0, 1, 2, 10_001)), chance.choice((0, 1, 64, 65))
        ),
        MessageType.READ: lambda: words(chance.randrange(6) << 28 | word() & 0xFFFFF, word()),
        MessageType.ABORT: lambda: b"",
        MessageType.RESULTS: lambda: words(chance.randrange(BURST) | 0x8000, *(word(),) * 3),
        MessageType.BAUD: lambda: words(word()),
    }
    message = chance.choice(RARELY if chance.random() < 1 / 50 else OFTEN)
    return message, payloads[message]()


def try_session(firmware: Firmware, chance: random.Random) -> str:
    """A burst of requests, as from a window of chunks, over a line that may harm its bytes."""
    sizes = tuple(4 * chance.randrange(64) for _ in range(3))
    burst = [
        encode_frame(*_numbered(0x8000 | number, any_request(chance, sizes)))
        for number in range(BURST)
    ]
    data = b"".join(burst)
    firmware.write(_harmed(chance, data) if chance.random() < 1 / 2 else data, inputs=BURST)
    firmware.ask(MessageType.HELLO)
    return "session"


def _numbered(sequence: int, request: tuple[int, bytes]) -> tuple[int, int, bytes]:
    message, payload = request
    return message, sequence, payload


def _harmed(chance: random.Random, data: bytes) -> bytes:
    """A few bytes flipped, dropped and doubled, and the end of the last frame behind it all."""
    spoilt = bytearray(data)
    for _ in range(chance.randrange(1, 8)):
        at = chance.randrange(len(spoilt))
        spoilt[at : at + 1] = chance.choice((b"", spoilt[at : at + 1] * 2, chance.randbytes(1)))
    return bytes(spoilt) + b"\0"


def fuzz(firmware: Firmware, chance: random.Random, enough: Callable[[], bool]) -> Counter[str]:
    """Try damaged programs, bursts and noise in turn, and count what became of them."""
    done: Counter[str] = Counter()
    info = BoardInfo.decode(firmware.ask(MessageType.HELLO).payload)
    programs = [at_the_end(info, program) for program in seeds(info, chance)]
    while not enough():
        done[try_noise(firmware, chance)] += 1
        done[try_session(firmware, chance)] += 1
        done[try_program(firmware, chance, chance.choice(programs))] += 1
    return done


def main() -> None:
    """Fuzz for a while, or with so many inputs, and say what was done."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("firmware", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--inputs", type=int, default=0, help="instead of --seconds")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    firmware = Firmware(options.firmware)
    start_s = time.monotonic()

    def enough() -> bool:
        if options.inputs:
            return firmware.inputs >= options.inputs
        return time.monotonic() - start_s > options.seconds

    done = fuzz(firmware, random.Random(options.seed), enough)
    firmware.close()
    for what, count in done.most_common():
        print(f"{count:8,} {what}")
    print(f"{firmware.inputs:,} inputs in {time.monotonic() - start_s:.0f} s, no fault")


if __name__ == "__main__":
    main()
