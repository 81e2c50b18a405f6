"""What the protocol adds to running a program on the virtual board in this process.

Running alone is what one more repeat of a loaded program takes; measuring is load, check and one
run over the line. Both are processor time of this process, the least of several tries, because
other work on the machine only ever adds.

    python benchmarks/protocol_overhead.py --blocks 40
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

from fault_link import TARGET, programs

from hwprof.profiler.device import Checksum, Device
from hwprof.profiler.links import open_link
from hwprof.profiler.program import Program

TRIES = 3
REPEATS = 2  # beside the first


def least_s(action: Callable[[], object]) -> float:
    """Seconds of processor time that something takes at least."""
    times = []
    for _ in range(TRIES):
        start_s = time.process_time()
        action()
        times.append(time.process_time() - start_s)
    return min(times)


def cost_s(device: Device, program: Program) -> tuple[float, float]:
    """Seconds of measuring a program, and of running it alone."""

    def measure() -> None:
        device.load(program)
        device.run(checksum=Checksum.LAST)

    measure()  # Unicorn translates the code that is new
    several_s = least_s(lambda: device.run(1 + REPEATS, checksum=Checksum.LAST))
    once_s = least_s(lambda: device.run(checksum=Checksum.LAST))
    return least_s(measure), (several_s - once_s) / REPEATS


def main() -> None:
    """Measure random blocks both ways and print the difference."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--blocks", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timing", default="")
    options = parser.parse_args()
    with open_link(TARGET, timing=options.timing) as link:
        device = Device(link)
        costs = [cost_s(device, p) for p in programs(device.info, options.blocks, options.seed)]
    measured_s, alone_s = (sum(column) for column in zip(*costs, strict=True))
    added_ms = median((measured - alone) * 1e3 for measured, alone in costs)
    print(
        f"{len(costs)} blocks: {measured_s:.2f} s measured, {alone_s:.2f} s run alone, "
        f"{measured_s / alone_s - 1:.1%} more; {added_ms:.1f} ms a block at the median"
    )


if __name__ == "__main__":
    main()
