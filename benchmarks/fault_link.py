"""Blocks measured over a line that damages one byte in a hundred and breaks off, beside a good one.

Both lines lead to virtual boards in this process. A row is wrong where its cycles are not those of
the good line, or its bytes not those of the host's reference.

    python benchmarks/fault_link.py --blocks 300
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from hwprof.architecture import block_graph
from hwprof.blocks import BLOCK_TYPES
from hwprof.errors import HwprofError, ModelError
from hwprof.profiler.device import Checksum, Device
from hwprof.profiler.links import Faults, FaultyLink, Link, open_link
from hwprof.profiler.lowering import lower
from hwprof.profiler.placement import check_fit
from hwprof.profiler.program import Program
from hwprof.profiler.protocol import BoardInfo
from hwprof.profiler.reference import run_reference

TARGET = "virtual:rt1170"
RATE = 0.01 / 3  # of bytes dropped, flipped and doubled: one in a hundred together
FRAMES = 200


@dataclass(frozen=True, slots=True)
class Measured:
    """Cycles of each program, None where it was not measured, and seconds of wall time."""

    cycles: list[tuple[tuple[int, ...], ...] | None]
    mismatches: int
    wall_s: float


def programs(info: BoardInfo, count: int, seed: int) -> list[Program]:
    """Programs of random blocks that fit the board, one type after the other."""
    chance = random.Random(seed)

    def draw() -> Iterator[Program]:
        while True:
            for block in BLOCK_TYPES.values():
                config = block.config({a.name: chance.choice(a.values) for a in block.axes()})
                try:
                    if config is not None:
                        program = lower(block_graph(config))
                        check_fit(info, program)
                        yield program
                except ModelError:
                    continue

    return list(islice(draw(), count))


def measure(link: Link, wanted: list[Program], expected: list[tuple[int, ...]]) -> Measured:
    """Load, run and check each program."""
    device = Device(link)
    cycles: list[tuple[tuple[int, ...], ...] | None] = []
    mismatches = 0
    start_s = time.perf_counter()
    for program, checksums in zip(wanted, expected, strict=True):
        try:
            device.load(program)
            run = device.run(checksum=Checksum.LAST)
        except HwprofError as error:
            print(f"not measured: {error}")
            cycles.append(None)
            continue
        cycles.append(run.cycles)
        mismatches += run.checksums[-1] != checksums[-1]
    return Measured(cycles, mismatches, time.perf_counter() - start_s)


def main() -> None:
    """Measure over both lines and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--blocks", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timing", default="")
    options = parser.parse_args()
    with open_link(TARGET, timing=options.timing) as link:
        info = Device(link).info  # compiles what every board of a process shares
        wanted = programs(info, options.blocks, options.seed)
        expected = [run_reference(program).checksums for program in wanted]
        good = measure(link, wanted, expected)
    faults = Faults(
        drop_rate=RATE, flip_rate=RATE, repeat_rate=RATE, disconnect_every_frames=FRAMES
    )
    with FaultyLink(open_link(TARGET, timing=options.timing), faults, seed=options.seed) as link:
        bad = measure(link, wanted, expected)
        disconnects = link.disconnects
    pairs = list(zip(good.cycles, bad.cycles, strict=True))
    wrong = sum(b is not None and g != b for g, b in pairs) + bad.mismatches
    print(
        f"{sum(b is not None for b in bad.cycles)} of {len(wanted)} blocks measured, {wrong} rows "
        f"wrong, {disconnects} disconnects\n"
        f"good line {good.wall_s:.1f} s, bad line {bad.wall_s:.1f} s, "
        f"{bad.wall_s / good.wall_s:.2f} times as long"
    )


if __name__ == "__main__":
    main()
