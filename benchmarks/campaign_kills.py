"""What a campaign loses when its process is killed at random moments: rows, order, time.

    python benchmarks/campaign_kills.py --json

A campaign over sampled blocks runs as a process of its own and prints each row's block key once
the row is stored. It is killed by SIGKILL a random time after its start, again and again, each
time started anew on the same store; where it finished before, the next kill begins a new store.
Behind each kill the store is read: a row that was acknowledged and is not there is lost, a block
that is there twice is doubled, and the file must be whole. A last run is left alone; its cycles
are compared with those of a campaign that nobody disturbed. The time to resume is from the start
of the process to its first new row; its processor time stands beside it for a busy host. Asked
for: nothing lost or doubled, less than 2 s to resume.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hwprof.measurement import TIMING_MODES
from hwprof.profiler.bench import Setup
from hwprof.profiler.campaign import Outcome, run_campaign
from hwprof.profiler.sampling import sample, write_samples
from hwprof.profiler.store import MeasurementStore
from hwprof.workflows.measure_samples import sampled_tasks
from hwprof.workspace import Workspace

RESUME_S = 2.0
_MEASURING_S = 3.0  # for which a campaign measures at most, before it is killed
_WORKERS_END_S = 5.0
_STORE = "measurements.sqlite"


@dataclass(slots=True)
class Found:
    """What all kills together did.

    Attributes:
        resume_s: seconds to the first new row, of each start that came so far with rows stored.
        resume_processor_s: likewise, of the campaign's own process.
        workers_left: campaigns whose worker processes outlived them by five seconds.
    """

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    damaged: int = 0
    workers_left: int = 0
    wrong_cycles: int = 0
    missing_at_the_end: int = 0
    resume_s: list[float] = field(default_factory=list)
    resume_processor_s: list[float] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether rows were acknowledged, and nothing was lost, doubled, damaged or wrong."""
        faults = (self.lost, self.doubled, self.damaged, self.wrong_cycles)
        unclean = any((*faults, self.workers_left, self.missing_at_the_end))
        return self.acknowledged > 0 and not unclean


@dataclass(frozen=True, slots=True)
class Ran:
    """What one process acknowledged, and how soon it began; killed ones may not have begun."""

    keys: list[str]
    first_s: float | None
    first_processor_s: float | None
    was_killed: bool
    left_workers: bool


def measure(folder: Path, workers: int, timing: str) -> None:
    """Be the campaign: print processor time and each row's block key once it is stored."""
    workspace = Workspace(folder)

    def acknowledge(outcome: Outcome) -> None:
        if outcome.row is not None:
            print(f"{time.process_time():.3f} {outcome.task.block_key}", flush=True)

    with MeasurementStore(workspace.store, create=True) as store:
        run_campaign(
            sampled_tasks(workspace),
            store,
            setup=Setup(timing=timing),
            workers=workers,
            progress=acknowledge,
        )


def run(folder: Path, options: argparse.Namespace, kill_after_s: float | None) -> Ran:
    """One process of the campaign, killed after so long, or left alone."""
    arguments = ["--measure", str(folder), "--workers", str(options.workers)]
    start_s = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments, "--timing", options.timing],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    told: list[tuple[float, str]] = []
    listener = threading.Thread(target=_listen, args=(process, told))
    listener.start()
    try:
        process.wait(kill_after_s)
    except subprocess.TimeoutExpired:
        process.kill()
    was_killed = process.wait() == -signal.SIGKILL
    listener.join()
    if process.returncode not in {0, -signal.SIGKILL}:
        raise SystemExit(f"the campaign ended by itself, with {process.returncode}")
    lines = [line.partition(" ") for _, line in told]
    return Ran(
        keys=[key for _, _, key in lines],
        first_s=told[0][0] - start_s if told else None,
        first_processor_s=float(lines[0][0]) if lines else None,
        was_killed=was_killed,
        left_workers=_is_left(process.pid),
    )


def _listen(process: subprocess.Popen[str], told: list[tuple[float, str]]) -> None:
    """Note what is acknowledged, and when; a line without its end was not told."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    with process.stdout as lines:
        told.extend(
            (time.perf_counter(), line.rstrip("\n")) for line in lines if line.endswith("\n")
        )


def _is_left(session: int) -> bool:
    """Whether workers of a campaign are still there after a while."""
    deadline_s = time.monotonic() + _WORKERS_END_S
    while _is_alive(session) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return _is_alive(session)


def _is_alive(session: int) -> bool:
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True


def stored(folder: Path, found: Found) -> dict[str, int]:
    """Cycles by block key; counts what is doubled or damaged."""
    path = folder / _STORE
    if not path.exists():
        return {}
    with closing(sqlite3.connect(path)) as connection:
        found.damaged += connection.execute("pragma integrity_check").fetchone() != ("ok",)
        tables = {name for (name,) in connection.execute("select name from sqlite_master")}
        query = "select block_key, cycles from measurements"
        rows = connection.execute(query).fetchall() if "measurements" in tables else []
    found.doubled += sum(count - 1 for count in Counter(key for key, _ in rows).values())
    return dict(rows)


def prepare(folder: Path, options: argparse.Namespace) -> None:
    """Sample blocks into a workspace."""
    for kind in options.blocks:
        configs = sample(kind, options.count, seed=options.seed)
        place = Workspace(folder).samples / kind
        write_samples(configs, place, seed=options.seed, method="low-discrepancy")


def kill_all(folder: Path, options: argparse.Namespace) -> Found:
    """Kill a campaign so often, then let it finish and compare."""
    chance, found = random.Random(options.seed), Found()
    acknowledged: set[str] = set()
    # Compiles what is compiled once, and is the one that nobody disturbs.
    start_s = time.perf_counter()
    soon_s = run(folder, options, None).first_s or 0.0
    measuring_s = min(_MEASURING_S, time.perf_counter() - start_s - soon_s)
    undisturbed = stored(folder, found)
    (folder / _STORE).unlink()
    while found.kills < options.kills:
        had_rows = bool(stored(folder, found))
        ran = run(folder, options, chance.uniform(0, soon_s + measuring_s))
        soon_s = ran.first_s or soon_s
        acknowledged.update(ran.keys)
        found.acknowledged += len(ran.keys)
        found.kills += ran.was_killed
        found.workers_left += ran.left_workers
        there = stored(folder, found)
        found.lost += len(acknowledged - there.keys())
        if had_rows and ran.first_s is not None and ran.first_processor_s is not None:
            found.resume_s.append(ran.first_s)
            found.resume_processor_s.append(ran.first_processor_s)
        if not ran.was_killed:
            found.missing_at_the_end += len(undisturbed.keys() - there.keys())
            found.wrong_cycles += _differing(there, undisturbed)
            (folder / _STORE).unlink()
            acknowledged.clear()
    run(folder, options, None)
    there = stored(folder, found)
    found.missing_at_the_end += len(undisturbed.keys() - there.keys())
    found.wrong_cycles += _differing(there, undisturbed)
    return found


def _differing(there: dict[str, int], undisturbed: dict[str, int]) -> int:
    return sum(undisturbed[key] != cycles for key, cycles in there.items())


def main() -> None:
    """Kill, count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--blocks", nargs="+", default=["conv", "shufflev2", "fc"])
    parser.add_argument("--count", type=int, default=100, help="samples of each block type")
    parser.add_argument("--timing", choices=TIMING_MODES, default=TIMING_MODES[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure is not None:
        measure(options.measure, options.workers, options.timing)
        return
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), options)
        found = kill_all(Path(folder), options)
    summary = {
        f"{name}_{what}": round(how(times), 2) if times else None
        for what, times in (
            ("resume_s", found.resume_s),
            ("resume_processor_s", found.resume_processor_s),
        )
        for name, how in (("median", statistics.median), ("worst", max))
    }
    if options.json:
        print(json.dumps({**asdict(found), **summary}, indent=2))
    else:
        print(
            f"{found.kills} kills, {found.acknowledged} rows acknowledged: {found.lost} lost, "
            f"{found.doubled} doubled, {found.damaged} stores damaged, {found.workers_left} "
            f"workers left, {found.wrong_cycles} wrong, {found.missing_at_the_end} missing\n"
            f"{len(found.resume_s)} resumed (asked: {RESUME_S:g} s): "
            + ", ".join(f"{name} {value}" for name, value in summary.items())
        )
    if not found.is_clean:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
