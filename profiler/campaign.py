"""A campaign: many samples measured on one target, resumable, by one worker or several.

Workers lower and run; one process, the caller's, writes the store. A killed campaign has lost
the samples under way and nothing else; started again it measures what has no row yet.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hwprof.errors import HwprofError, LinkError, ModelError
from hwprof.measurement import NETWORK, Measurement
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.store import MeasurementStore, measurement_key

if TYPE_CHECKING:
    from hwprof.graph import Graph


@dataclass(frozen=True, slots=True)
class Task:
    """One ONNX file to measure, and the block it is."""

    path: Path
    block_type: str
    block_key: str

    @property
    def label(self) -> str:
        """What a refusal calls it."""
        return self.path.name

    def graph(self) -> Graph:
        """The operators to run.

        Raises:
            ModelError: the file cannot be read.
        """
        from hwprof.onnx_io import read_onnx

        return read_onnx(self.path).graph


@dataclass(frozen=True, slots=True)
class NetworkTask:
    """One whole network of hwprof's own to measure, by the text that builds it."""

    name: str
    block_type: ClassVar[str] = NETWORK

    @property
    def block_key(self) -> str:
        """What the row is called."""
        return self.name

    @property
    def label(self) -> str:
        """What a refusal calls it."""
        return self.name

    def graph(self) -> Graph:
        """The operators to run.

        Raises:
            UnknownNameError, ConfigurationError: the text builds no network.
        """
        from hwprof.networks import parse_architecture

        return parse_architecture(self.name).graph()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: a row, a row that was there already, or a refusal."""

    task: Task | NetworkTask
    row: Measurement | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """Every task asked for is in exactly one of the counts."""

    asked: int
    measured: int
    already_stored: int
    errors: tuple[Outcome, ...]
    refused: tuple[Outcome, ...]

    def __str__(self) -> str:
        text = (
            f"{self.asked} asked, {self.measured} measured, {self.already_stored} already stored, "
            f"{len(self.errors)} wrong, {len(self.refused)} refused"
        )
        reasons = [o.refusal for o in self.refused] + [o.row.error for o in self.errors if o.row]
        return "\n".join([text, *sorted(set(reasons))])


@dataclass(slots=True)
class _Tally:
    measured: int = 0
    already_stored: int = 0
    errors: list[Outcome] = field(default_factory=list)
    refused: list[Outcome] = field(default_factory=list)

    def count(self, outcome: Outcome) -> None:
        if outcome.refusal:
            self.refused.append(outcome)
        elif outcome.row is None:
            self.already_stored += 1
        elif outcome.row.error:
            self.errors.append(outcome)
        else:
            self.measured += 1

    def report(self, asked: int) -> CampaignReport:
        return CampaignReport(
            asked, self.measured, self.already_stored, tuple(self.errors), tuple(self.refused)
        )


class _Worker:
    """Holds the opened board of one process."""

    def __init__(self, setup: Setup, stored: frozenset[str]) -> None:
        self._bench = Bench(setup)
        self._stored = stored

    def run(self, task: Task | NetworkTask) -> Outcome:
        try:
            program = self._bench.lower(task.graph())
            if measurement_key(self._bench.origin, program.sha256) in self._stored:
                return Outcome(task)
            row = self._bench.measure(program, block_type=task.block_type, block_key=task.block_key)
        except ModelError as error:
            return Outcome(task, refusal=f"{task.label}: {error}")
        return Outcome(task, row=row)

    def close(self) -> None:
        self._bench.close()


_worker: _Worker | None = None  # one for each worker process, made by its initializer


def _start_worker(setup: Setup, stored: frozenset[str]) -> None:
    global _worker  # noqa: PLW0603 - the only state a pool's initializer can leave behind
    _worker = _Worker(setup, stored)


def _run_in_worker(task: Task | NetworkTask) -> Outcome:
    if _worker is None:
        raise HwprofError("a campaign worker was asked before its board was opened.")
    return _worker.run(task)


@contextmanager
def _outcomes(
    tasks: Sequence[Task | NetworkTask], setup: Setup, stored: frozenset[str], workers: int
) -> Iterator[Iterable[Outcome]]:
    if workers == 1:
        worker = _Worker(setup, stored)
        try:
            yield (worker.run(task) for task in tasks)
        finally:
            worker.close()
        return
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(setup, stored),
    )
    try:
        futures = [pool.submit(_run_in_worker, task) for task in tasks]
        yield (future.result() for future in as_completed(futures))
    finally:
        pool.shutdown(cancel_futures=True)


def run_campaign(
    tasks: Sequence[Task | NetworkTask],
    store: MeasurementStore,
    *,
    setup: Setup,
    workers: int = 1,
    progress: Callable[[Outcome], None] = lambda _: None,
) -> CampaignReport:
    """Measure every task that has no row yet; rows are stored as they come.

    Args:
        workers: processes, each with a board of its own; 1 for a board on a line.
        progress: called after each task, in the caller's process.

    Raises:
        LinkError: a board or a worker process was lost; rows so far are stored.
    """
    tally = _Tally()
    try:
        with _outcomes(tasks, setup, store.keys(), workers) as outcomes:
            for outcome in outcomes:
                if outcome.row is not None:
                    store.add(outcome.row)
                tally.count(outcome)
                progress(outcome)
    except BrokenProcessPool as error:
        raise LinkError(
            "a worker process died, perhaps for want of memory; rows so far are stored, run the "
            "same command again, with --workers 1 if it persists."
        ) from error
    return tally.report(len(tasks))
