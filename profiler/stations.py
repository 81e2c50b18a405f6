"""A board and what works for it: in this process, or in one of its own.

A station does one job at a time: ``ask`` it, wait until it is among the ``ready``, take its
``answer``. A worker process that its campaign left behind, killed or not, ends by itself: its end
of the pipe says so.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Protocol

from hwprof.errors import HwprofError, LinkError, ModelError
from hwprof.measurement import Origin
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.reference_block import Reading, read_reference
from hwprof.profiler.tasks import NetworkTask, Outcome, Task

Answer = Origin | Outcome | Reading | None


@dataclass(slots=True)
class Desk:
    """Where jobs are done: a board, opened by the first of them, and what it need not do."""

    setup: Setup
    measured: frozenset[str] = frozenset()
    _bench: Bench | None = field(default=None, init=False)

    @property
    def bench(self) -> Bench:
        """The board."""
        if self._bench is None:
            self._bench = Bench(self.setup)
        return self._bench

    def close(self) -> None:
        """Release the line."""
        if self._bench is not None:
            self._bench.close()


class Job(Protocol):
    """Something to do at a desk; sent to the process that sits there."""

    def __call__(self, desk: Desk) -> Answer:
        """Do it."""


@dataclass(frozen=True, slots=True)
class Introduce:
    """Open the board, and say where its numbers come from."""

    def __call__(self, desk: Desk) -> Origin:
        """See ``Job``."""
        return desk.bench.origin


@dataclass(frozen=True, slots=True)
class PassOver:
    """Measure no program of these hashes."""

    programs: frozenset[str]

    def __call__(self, desk: Desk) -> None:
        """See ``Job``."""
        desk.measured = self.programs


@dataclass(frozen=True, slots=True)
class Measure:
    """Measure a task that has no row yet."""

    task: Task | NetworkTask

    def __call__(self, desk: Desk) -> Outcome:
        """See ``Job``."""
        start_s, task = time.perf_counter(), self.task
        try:
            program = desk.bench.lower(task.graph())
            if program.sha256 in desk.measured:
                return Outcome(task)
            row = desk.bench.measure(program, block_type=task.block_type, block_key=task.block_key)
        except ModelError as error:
            return Outcome(task, refusal=f"{task.label}: {error}")
        return Outcome(task, row=row, wall_s=time.perf_counter() - start_s)


@dataclass(frozen=True, slots=True)
class CheckReference:
    """Measure the reference block."""

    def __call__(self, desk: Desk) -> Reading:
        """See ``Job``."""
        return read_reference(desk.bench)


class Station(ABC):
    """One board at work."""

    @abstractmethod
    def ask(self, job: Job) -> None:
        """Begin a job.

        Raises:
            LinkError: its process is gone.
        """

    @abstractmethod
    def answer(self) -> Answer:
        """What the job gave; waits for it.

        Raises:
            HwprofError: what the job raised.
            LinkError: the process or the line was lost.
        """

    @abstractmethod
    def close(self, *, at_once: bool = False) -> None:
        """End, behind the job under way or, ``at_once``, in the middle of it."""


class Here(Station):
    """A board in this process, which waits while it measures."""

    def __init__(self, setup: Setup) -> None:
        self._desk = Desk(setup)
        self._answer: Answer | HwprofError = None

    def ask(self, job: Job) -> None:
        """See ``Station.ask``; the job is done when this returns."""
        try:
            self._answer = job(self._desk)
        except HwprofError as error:
            self._answer = error

    def answer(self) -> Answer:
        """See ``Station.answer``."""
        if isinstance(self._answer, HwprofError):
            raise self._answer
        return self._answer

    def close(self, *, at_once: bool = False) -> None:
        """See ``Station.close``."""
        del at_once
        self._desk.close()


class Elsewhere(Station):
    """A board in a process of its own."""

    def __init__(self, setup: Setup) -> None:
        context = multiprocessing.get_context("spawn")
        self.line, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(setup, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, job: Job) -> None:
        """See ``Station.ask``."""
        try:
            self.line.send(job)
        except OSError as error:
            raise _lost() from error

    def answer(self) -> Answer:
        """See ``Station.answer``."""
        try:
            found: Answer | Exception = self.line.recv()
        except (EOFError, OSError) as error:
            raise _lost() from error
        if isinstance(found, Exception):
            raise found
        return found

    def close(self, *, at_once: bool = False) -> None:
        """See ``Station.close``."""
        if at_once:
            self._process.kill()
        self.line.close()
        self._process.join()


def _lost() -> LinkError:
    return LinkError(
        "a worker process died, perhaps for want of memory; rows so far are stored, run the same "
        "command again, with --workers 1 if it persists."
    )


def _work(setup: Setup, line: Connection) -> None:
    # Ctrl-C reaches every process of the terminal; the campaign's own decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    desk = Desk(setup)
    try:
        with suppress(EOFError, OSError):
            while True:
                line.send(_done(line.recv(), desk))
    finally:
        desk.close()


def _done(job: Job, desk: Desk) -> Answer | Exception:
    try:
        return job(desk)
    except Exception as error:  # noqa: BLE001 - raised again where it was asked for
        return error


def open_stations(setups: Sequence[Setup]) -> list[Station]:
    """A station for each board: alone it is in this process, others have one each."""
    if len(setups) == 1:
        return [Here(setups[0])]
    return [Elsewhere(setup) for setup in setups]


def ready(stations: Iterable[Station]) -> list[Station]:
    """Those whose answer is there; waits for the first of them."""
    asked = list(stations)
    lines = {station.line: station for station in asked if isinstance(station, Elsewhere)}
    if len(lines) < len(asked):
        return [station for station in asked if not isinstance(station, Elsewhere)]
    return [lines[line] for line in wait(list(lines)) if isinstance(line, Connection)]
