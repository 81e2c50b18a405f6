"""What the firmware spends beside kernels while it runs the person detector.

    python benchmarks/interpreter_overhead.py --json

`inside` is what a record's cycles hold that is not its kernel: at most the cycles of a record that
fills one byte. `outside` is what a run costs between records: binding addresses, reporting, and
filling the input. Checksums are off; they are taken between records and enter no measurement.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

from hwprof import person_detector
from hwprof.measurement import Placement
from hwprof.profiler.device import Checksum, Device
from hwprof.profiler.links import open_link
from hwprof.profiler.lowering import lower
from hwprof.profiler.program import FillRecord, Program


def one_byte(program: Program) -> Program:
    """A program of one record that fills the first byte of the input."""
    target = program.inputs[0].buffer
    fill = FillRecord(layer="fill", op="fill", block="", output=target, size=1, value=0)
    return replace(program, records=(fill,))


def main() -> None:
    """Run both programs and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    program = lower(person_detector().graph(), placement=Placement())
    with open_link("virtual:rt1170") as link:
        device = Device(link)
        device.load(one_byte(program))
        bracket_cycles = device.run(checksum=Checksum.NONE).cycles[0][0]
        device.load(program)
        before = link.counters().cycles
        record_cycles = device.run(checksum=Checksum.NONE).cycles[0]
        run_cycles = link.counters().cycles - before
    total_cycles = sum(record_cycles)
    result = {
        "records": len(record_cycles),
        "records_cycles": total_cycles,
        "inside_at_most_percent": 100 * bracket_cycles * len(record_cycles) / total_cycles,
        "outside_percent": 100 * (run_cycles - total_cycles) / total_cycles,
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name:22} {value:,.4g}" if value < 1 else f"{name:22} {value:,}")


if __name__ == "__main__":
    main()
