"""`hwprof calibrate` on virtual boards whose constants are changed, behind a pseudo-terminal.

    python benchmarks/calibrate.py --work build/calibrate --boards 3

Each board is the RT1170's file with fields of its memories' timing, and the core clock, multiplied
by 0.7 to 0.9 or 1.1 to 1.3, drawn by a seed. Calibration sees the serial line only. Printed are
the MAPE of the transferred surrogate on blocks that it did not learn from, and the constants: those
changed and named (found, true percent), named without having been changed, changed and missed, and
those that calibration itself says the probes do not tell. Modelled numbers against modelled ones.
A constant counts as changed from 5 % of what programs can tell on: the overhead of flash is a
seventh of its latency. Exits 1 where the MAPE is above 4 %, or a constant is named wrongly, or
missed without a word.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path
from typing import Any

from hwprof.firmware_stub.virtual.board_files import board_data
from hwprof.firmware_stub.virtual.board_writer import board_toml
from hwprof.testing.served import served_board
from hwprof.workflows.calibration import Request, calibrate_board
from hwprof.workflows.calibration.constants import read_latency_cycles
from hwprof.workflows.calibration.report import NAMED_PERCENT
from hwprof.workspace import Workspace

BOARD, MEMORIES = "rt1170", ("ocram", "flash", "sdram")
FIELDS = ("core_overhead_cycles", "bus_hz", "write_access_bus_cycles")
MOST_PERCENT = 4.0


def changed(seed: int) -> tuple[dict[str, Any], dict[str, float]]:
    """A board's data, and by how many percent each constant that programs can tell differs."""
    chance = random.Random(seed)
    core_hz = round(board_data(BOARD)["clock"]["core_hz"] * _factor(chance) / 1e6) * 1_000_000
    data = board_data(f"{BOARD}?clock_hz={core_hz}")
    memories, truth = [], {}
    for entry in data["memory"]:
        if entry["name"] not in MEMORIES:
            memories.append(entry)
            continue
        timing = dict(entry["timing"])
        field = chance.choice(FIELDS if timing[FIELDS[2]] else FIELDS[:2])
        timing[field] = timing[field] * _factor(chance)
        memories.append({**entry, "timing": timing})
        truth |= _told(entry["name"], entry["timing"], timing, core_hz)
    kept = {key: value for key, value in data.items() if key != "fidelity"}
    return {**kept, "name": f"changed_{seed}", "memory": memories}, truth


def _factor(chance: random.Random) -> float:
    return chance.choice((chance.uniform(0.7, 0.9), chance.uniform(1.1, 1.3)))


def _told(
    memory: str, before: dict[str, Any], after: dict[str, Any], core_hz: int
) -> dict[str, float]:
    """Percent by which each constant of a memory differs, at the changed core clock."""
    on_old_bus = {**after, "bus_hz": before["bus_hz"]}
    latency = read_latency_cycles(on_old_bus, core_hz) / read_latency_cycles(before, core_hz)
    write = after["write_access_bus_cycles"] / (before["write_access_bus_cycles"] or 1)
    return {
        f"read latency of {memory}": 100 * (latency - 1),
        f"bus period of {memory}": 100 * (before["bus_hz"] / after["bus_hz"] - 1),
        f"write access of {memory}": 100 * (write - 1) if write else 0.0,
    }


def one_board(work: Path, seed: int, minutes: float) -> dict[str, Any]:
    """Serve a changed board, calibrate it, and compare with what was changed."""
    data, truth = changed(seed)
    folder = work / f"board{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "board.toml"
    path.write_text(board_toml(data), encoding="utf-8")
    with served_board(str(path)) as port:
        request = Request(f"serial:{port}", BOARD, minutes=minutes, seed=seed)
        found = calibrate_board(Workspace(folder), request).calibration
    named = {change.what: round(change.percent, 1) for change in found.named}
    really = {
        what: round(percent, 1) for what, percent in truth.items() if abs(percent) >= NAMED_PERCENT
    }
    untold = [change.what for change in found.untold]
    checks = found.transfer.checks if found.transfer else None
    return {
        "core_mhz": data["clock"]["core_hz"] / 1e6,
        "mape_percent": checks.transfer.mape_percent if checks else None,
        "one_scalar_mape_percent": checks.one_scalar.mape_percent if checks else None,
        "checked_blocks": checks.n if checks else 0,
        "probes_mape_percent": found.held_out.mape_percent,
        "probes_calibrated_mape_percent": found.held_out.calibrated_mape_percent,
        "named_right": {what: (named[what], really[what]) for what in named if what in really},
        "named_wrong": {what: named[what] for what in named if what not in really},
        "missed": {what: really[what] for what in really if what not in {*named, *untold}},
        "not_told": {what: really.get(what, 0.0) for what in untold},
        "seconds": found.seconds,
    }


def _is_met(numbers: dict[str, Any]) -> bool:
    near = numbers["mape_percent"] is not None and numbers["mape_percent"] <= MOST_PERCENT
    return near and not numbers["named_wrong"] and not numbers["missed"]


def main() -> int:
    """Print what was found on each board; exit 1 where one misses the bounds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("build/calibrate"))
    parser.add_argument("--boards", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.boards)
    found = {seed: one_board(options.work, seed, options.minutes) for seed in seeds}
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        for seed, numbers in found.items():
            print(f"board {seed}")
            for name, value in numbers.items():
                print(f"  {name}: {value}")
    return 0 if all(map(_is_met, found.values())) else 1


if __name__ == "__main__":
    sys.exit(main())
