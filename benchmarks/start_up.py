"""How soon a virtual board answers: a further one in a warm process, the first of a fresh process.

    python benchmarks/start_up.py --json

Compiled hooks are in numba's cache and modules are compiled to bytecode; a first round that is not
counted sees to it. Asked for: a further board that has answered in 0.05 s, the first answer of a
fresh process in 1.0 s. The first question has a board check a MiB of its flash. Wall times are the
best of some; processor time stands beside them for a busy host.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from hwprof.firmware_stub.virtual.board import VirtualBoard
from hwprof.profiler.bench import Bench, Setup

_ROUNDS = 7
_LIMITS_S = {"a further board, asked who it is": 0.05, "first answer of a process": 1.0}
_FIRST_ANSWER = """
from hwprof.graph import Conv2d, Graph, Node
from hwprof.profiler.bench import Bench, Setup
layer = Node("layer", Conv2d(kernel_h=1, kernel_w=1, out_channels=8), ("input",), "layer")
with Bench(Setup()) as bench:
    program = bench.lower(Graph("layer", {"input": (8, 8, 8)}, (layer,), ("layer",)))
    row = bench.measure(program, block_type="network", block_key="layer")
assert not row.error, row.error
"""


@dataclass(frozen=True, slots=True)
class Duration:
    """The best of some rounds."""

    wall_s: float
    processor_s: float


def best(work: Callable[[], object], who: int) -> Duration:
    """Time a piece of work that this process or its children (RUSAGE_*) do."""
    work()
    found = []
    for _ in range(_ROUNDS):
        start_s, used_s = time.perf_counter(), _used_s(who)
        work()
        found.append((time.perf_counter() - start_s, _used_s(who) - used_s))
    walls_s, processor_s = zip(*found, strict=True)
    return Duration(min(walls_s), min(processor_s))


def _used_s(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def first_answer() -> None:
    """A process that measures and verifies one layer, from its start to its end."""
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", _FIRST_ANSWER], check=True, env=variables)


def main() -> int:
    """Time, print; exit 1 where something takes longer than asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    found = {
        "a further board": best(VirtualBoard.open, resource.RUSAGE_SELF),
        "a further board, asked who it is": best(
            lambda: Bench(Setup()).close(), resource.RUSAGE_SELF
        ),
        "first answer of a process": best(first_answer, resource.RUSAGE_CHILDREN),
    }
    if options.json:
        print(json.dumps({name: asdict(duration) for name, duration in found.items()}, indent=2))
    else:
        for name, duration in found.items():
            print(f"{name:34} {duration.wall_s:6.3f} s, processor {duration.processor_s:6.3f} s")
    return int(any(found[name].wall_s > limit_s for name, limit_s in _LIMITS_S.items()))


if __name__ == "__main__":
    sys.exit(main())
