"""The two fitted numbers of the RT1170's memories, from published figures of third-party binaries.

    python scripts/calibrate_memory.py

What a read that misses the data cache costs the core is what a published latency leaves over the
core's own cycles. The counts are of NXP's binaries of the person detector at 192 x 320, which are
Glow bundles for the Cortex-M7 (nxp-appcodehub/ap-ml-person-detector), executed on a prototype of
this model; the latencies are NXP's (the lab guide there, 6.3 and 7.3), the core's cycles a fit
over two chips.
Of our kernels comes one ratio for each row: what the model makes a read miss wait in all, stores in
its way included, over the bare latency of a line's first bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from statistics import mean

from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.description import BoardDescription
from hwprof.firmware_stub.virtual.memory_data import LINE_BYTES, MemoryTiming

CHUNK_BYTES = 8  # what the core waits for: the AXI master's 64 bits


@dataclass(frozen=True, slots=True)
class Row:
    """One published latency of a binary, and what the binary does.

    Attributes:
        core_cycles: lowest and highest estimate of the time in the core.
        crowding: waits of a run over its read misses' bare latency. `hwprof profile
            fastestdet:height=192,width=320,classes=1 --json` gives stall cycles and misses, at the
            row's kernels and placement; flash, 670 cycles a line, left out.
    """

    name: str
    memory: str
    published_cycles: float
    core_cycles: tuple[float, float]
    read_misses: float
    flash_misses: float
    crowding: float


CORE, GENERIC_CORE = (127e6, 136e6), (375e6, 385e6)
ROWS = (
    Row("CMSIS-NN style, OCRAM", "ocram", 164.3e6, CORE, 0.48e6, 0.014e6, crowding=0.95),
    Row("CMSIS-NN style, SDRAM", "sdram", 278.9e6, CORE, 0.50e6, 0.014e6, crowding=1.12),
    # Its misses were not counted: assumed as above, because it reads the same tensors.
    Row("generic, SDRAM", "sdram", 534.9e6, GENERIC_CORE, 0.50e6, 0.014e6, crowding=1.05),
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """One fitted number of the board file.

    Attributes:
        core_overhead_cycles: what the rows ask for, rounded.
        leave_one_out_spread: largest change without one of the rows, or at an end of a core time.
    """

    memory: str
    core_overhead_cycles: int
    leave_one_out_spread: float
    fitted_rows: tuple[str, ...]


def line_cycles(timing: MemoryTiming, core_hz: int) -> float:
    """Core cycles of a whole line without overhead."""
    beats = LINE_BYTES / timing.bus_bytes
    return (timing.first_access_bus_cycles + beats) * core_hz / timing.bus_hz


def critical_cycles(timing: MemoryTiming, core_hz: int) -> float:
    """Core cycles to the first eight bytes of a line without overhead."""
    beats = CHUNK_BYTES / timing.bus_bytes
    return (timing.first_access_bus_cycles + beats) * core_hz / timing.bus_hz


def overhead_cycles(row: Row, core_cycles: float) -> float:
    """Overhead of one read miss that explains a row, at an estimate of its core time."""
    board = load_board("rt1170")
    flash = _timing(board, "flash")
    flash_cycles = line_cycles(flash, board.clock_hz) + flash.core_overhead_cycles
    left = row.published_cycles - core_cycles - row.flash_misses * flash_cycles
    wait = left / row.read_misses / row.crowding
    return wait - critical_cycles(_timing(board, row.memory), board.clock_hz)


def _timing(board: BoardDescription, name: str) -> MemoryTiming:
    timing = board.memory(name).behaviour.timing
    assert timing is not None  # noqa: S101 - both are behind the caches
    return timing


def fit(memory: str) -> Fitted:
    """The number for one memory, from the rows whose activations lie in it."""
    rows = [row for row in ROWS if row.memory == memory]
    best = _fit(rows)
    without = [_fit([r for r in rows if r is not row]) for row in rows if len(rows) > 1]
    ends = [
        _fit([replace(row, core_cycles=(end, end)) if row is other else other for other in rows])
        for row in rows
        for end in row.core_cycles
    ]
    spread = max(abs(value - best) for value in (*without, *ends))
    return Fitted(memory, round(best), round(spread, 1), tuple(row.name for row in rows))


def _fit(rows: Sequence[Row]) -> float:
    return mean(overhead_cycles(row, mean(row.core_cycles)) for row in rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both numbers beside those of the board file; exit 1 where they differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    board = load_board("rt1170")
    found = [fit(memory) for memory in ("ocram", "sdram")]
    in_file = [_timing(board, entry.memory).core_overhead_cycles for entry in found]
    if options.json:
        print(json.dumps([asdict(entry) for entry in found], indent=2))
    else:
        for entry, current in zip(found, in_file, strict=True):
            print(
                f"{entry.memory}: core_overhead_cycles = {entry.core_overhead_cycles} "
                f"(board file {current:g}), spread {entry.leave_one_out_spread}, from "
                f"{'; '.join(entry.fitted_rows)}"
            )
    same = all(e.core_overhead_cycles == c for e, c in zip(found, in_file, strict=True))
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
