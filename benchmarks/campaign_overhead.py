"""What a campaign costs beyond running its programs: lowering, dealing, storing, checking.

    python benchmarks/campaign_overhead.py --json

Sampled blocks are measured on one virtual board in this process, once by a loop that lowers and
measures each, once as a campaign, in turn; a first round that is not counted fills caches and
compiles. Times are medians of some rounds; processor time stands beside the wall clock, which a
busy host disturbs and which waiting for the disk is part of. Asked for: at most 5 % more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hwprof.measurement import TIMING_MODES
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.campaign import Task, run_campaign
from hwprof.profiler.sampling import sample, write_samples
from hwprof.profiler.store import MeasurementStore
from hwprof.workflows.measure_samples import sampled_tasks
from hwprof.workspace import Workspace

LIMIT_PERCENT = 5.0


def directly(tasks: Sequence[Task], setup: Setup) -> None:
    """Open a board, lower and measure each."""
    with Bench(setup) as bench:
        for task in tasks:
            program = bench.lower(task.graph())
            bench.measure(program, block_type=task.block_type, block_key=task.block_key)


def as_campaign(tasks: Sequence[Task], setup: Setup, folder: Path) -> None:
    """The same, with a new store, checks of the board, and every row on the disk."""
    path = folder / f"{time.monotonic_ns()}.sqlite"
    with MeasurementStore(path, create=True) as store:
        report = run_campaign(tasks, store, setup=setup)
    if report.measured != len(tasks):
        raise SystemExit(str(report))


def clocked(work: Callable[[], None]) -> tuple[float, float]:
    """Wall and processor seconds."""
    start_s, used_s = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start_s, time.process_time() - used_s


def main() -> None:
    """Measure in turn and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", nargs="+", default=["conv", "dwconv", "shufflev2", "fc"])
    parser.add_argument("--count", type=int, default=25, help="samples of each block type")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--timing", choices=TIMING_MODES, default=TIMING_MODES[0])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    setup = Setup(timing=options.timing)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in options.blocks:
            place = Workspace(folder).samples / kind
            write_samples(sample(kind, options.count), place, seed=0, method="low-discrepancy")
        tasks = sampled_tasks(Workspace(folder))
        directly(tasks, setup)
        rounds = [
            (
                clocked(lambda: directly(tasks, setup)),
                clocked(lambda: as_campaign(tasks, setup, folder)),
            )
            for _ in range(options.rounds)
        ]
    walls, used = (
        [statistics.median(column) for column in zip(*pairs, strict=True)]
        for pairs in ([(alone[clock], whole[clock]) for alone, whole in rounds] for clock in (0, 1))
    )
    found = {
        "blocks": len(tasks),
        "directly_wall_s": walls[0],
        "campaign_wall_s": walls[1],
        "directly_processor_s": used[0],
        "campaign_processor_s": used[1],
        "wall_percent": 100 * (walls[1] / walls[0] - 1),
        "processor_percent": 100 * (used[1] / used[0] - 1),
    }
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print(
            f"{len(tasks)} blocks: directly {walls[0]:.2f} s ({used[0]:.2f} s of processor), as a "
            f"campaign {walls[1]:.2f} s ({used[1]:.2f} s): {found['wall_percent']:+.1f} % wall, "
            f"{found['processor_percent']:+.1f} % processor (asked: {LIMIT_PERCENT:g} %)"
        )


if __name__ == "__main__":
    main()
