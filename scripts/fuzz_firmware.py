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
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from hwprof.architecture import block_graph
from hwprof.blocks import BLOCK_TYPES
from hwprof.errors import HwprofError
from hwprof.measurement import Placement
from hwprof.profiler.frames import Frame, FrameReader, encode_frame
from hwprof.profiler.lowering import lower
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


class Firmware:
    """The firmware as a process, and a host that asks it."""

    def __init__(self, executable: Path) -> None:
        self._process = subprocess.Popen(
            [executable], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._reader = FrameReader()
        self._sequence = 0

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        try:
            self._pipe(self._process.stdin).write(data)
            self._pipe(self._process.stdin).flush()
        except BrokenPipeError:
            raise self._stopped() from None

    def ask(self, message: int, payload: bytes = b"") -> Frame:
        """Send a request and wait for its answer."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        self.write(encode_frame(message, self._sequence, payload))
        output = self._pipe(self._process.stdout)
        while select.select([output], [], [], ANSWER_S)[0]:
            data = os.read(output.fileno(), 65536)
            for frame in self._reader.feed(data):
                if frame.sequence == self._sequence:
                    return frame
            if not data:
                break
        raise self._stopped()

    def _pipe(self, pipe: IO[bytes] | None) -> IO[bytes]:
        if pipe is None:
            raise self._stopped()
        return pipe

    def _stopped(self) -> SystemExit:
        self._process.kill()
        _, report = self._process.communicate()
        return SystemExit(report.decode("utf-8", "replace") or "the firmware does not answer")


def seeds(chance: random.Random) -> Iterator[Program]:
    """A small program of each block type."""
    placement = Placement(activations="ocram", weights="ocram", scratch="dtcm")
    for block in BLOCK_TYPES.values():
        for _ in range(DRAWS):
            config = block.config({a.name: chance.choice(a.values) for a in block.axes()})
            with contextlib.suppress(HwprofError):
                if config is not None:
                    yield lower(block_graph(config), placement=placement)
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
    noise = content if chance.random() < 1 / 2 else encode_frame(chance.randrange(12), 9, content)
    firmware.write(noise + b"\0")
    return "noise"


def main() -> None:
    """Fuzz for a while and say what was done."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("firmware", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    done: Counter[str] = Counter()
    firmware = Firmware(options.firmware)
    info = BoardInfo.decode(firmware.ask(MessageType.HELLO).payload)
    programs = [at_the_end(info, program) for program in seeds(chance)]
    end_s = time.monotonic() + options.seconds
    while time.monotonic() < end_s:
        done[try_noise(firmware, chance)] += 1
        done[try_program(firmware, chance, chance.choice(programs))] += 1
    for what, count in done.most_common():
        print(f"{count:8,} {what}")


if __name__ == "__main__":
    main()
