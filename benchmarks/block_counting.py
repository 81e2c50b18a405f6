"""What counting blocks costs: one program run with the hook and without any, in turns.

    python benchmarks/block_counting.py --json

Both boards load the same program and execute the same instructions. Runs alternate, so that a busy
host slows both alike, and the ratio is that of the fastest of each.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hwprof import person_detector
from hwprof.firmware_stub.virtual.board import VirtualBoard
from hwprof.profiler.device import Device
from hwprof.profiler.links import VirtualLink
from hwprof.profiler.lowering import lower
from hwprof.profiler.program import Program

ROUNDS = 7
RATIO_LIMIT = 1.15


class UncountedBoard(VirtualBoard):
    """The same board without its block hook: right results, and the host's clock for cycles.

    The firmware refuses to run where its cycle counter stands still.
    """

    @property
    def cycles(self) -> int:
        """Nanoseconds."""
        return time.perf_counter_ns()

    def _hook_run(self) -> None:
        pass


class UncountedLink(VirtualLink):
    """A link to it."""

    def __init__(self) -> None:
        super().__init__(timing="pipeline")
        self.board = UncountedBoard.open(timing="pipeline")


@contextmanager
def loaded(link: VirtualLink, program: Program) -> Iterator[Device]:
    """A device that holds the program, after one run that translated its code."""
    with link:
        device = Device(link)
        device.load(program)
        device.run()
        yield device


def wall_s(device: Device) -> float:
    """Host time of one run."""
    start_s = time.perf_counter()
    device.run()
    return time.perf_counter() - start_s


def main() -> int:
    """Print both times and their ratio; exit 1 where it is above the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    program = lower(person_detector().graph(seed=0))
    with (
        loaded(VirtualLink(timing="pipeline"), program) as counted,
        loaded(UncountedLink(), program) as bare,
    ):
        pairs = [(wall_s(counted), wall_s(bare)) for _ in range(ROUNDS)]
    counted_s, bare_s = (min(times) for times in zip(*pairs, strict=True))
    result = {"counted_s": counted_s, "bare_s": bare_s, "ratio": counted_s / bare_s}
    if options.json:
        print(json.dumps(result))
    else:
        print(f"counted {counted_s:.3f} s, bare {bare_s:.3f} s, ratio {result['ratio']:.3f}")
    return int(result["ratio"] > RATIO_LIMIT)


if __name__ == "__main__":
    sys.exit(main())
