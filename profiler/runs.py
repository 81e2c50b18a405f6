"""A run of the prepared program, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

from hwprof.errors import BoardError, ProtocolError
from hwprof.profiler.exchange import Exchange
from hwprof.profiler.frames import Frame
from hwprof.profiler.protocol import (
    MAX_RECORDS_PER_FRAME,
    RESPONSE,
    RESULT_BYTES,
    RESULTS_HEAD_BYTES,
    MeasuredRecord,
    MessageType,
    RunFlag,
    RunReport,
    words,
)

_LONGEST_WAIT_S = 10.0
_NOT_KEPT = 3  # error code: another run since, or records longer ago than the board remembers


class Checksum(IntFlag):
    """Which outputs a run checksums, outside the measured time.

    A checksum reads what a record wrote and so leaves other lines in the caches: a run whose cycles
    count memory takes the last output's only.
    """

    NONE = 0
    EACH = RunFlag.CHECKSUM
    LAST = RunFlag.CHECKSUM_LAST


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run cost and what it computed.

    Attributes:
        cycles: core cycles, one tuple for each repeat, one number in it for each record.
        checksums: CRC-32 of each record's output tensor, equal in all repeats; 0 if not asked for.
    """

    cycles: tuple[tuple[int, ...], ...]
    checksums: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What to run.

    Attributes:
        complete_outputs: for each record, whether its checksum is the same in every repeat.
    """

    flags: int
    repeats: int
    complete_outputs: tuple[bool, ...]


def run(exchange: Exchange, order: RunOrder) -> RunResult:
    """Run the prepared program.

    Raises:
        SilentBoardError, LinkError: the line failed.
        BoardError: the board refused, repeats computed different tensors, or nothing was counted.
        ProtocolError: it reports records that there are not.
    """
    records = _Collected(order)
    while not _Run(exchange, order, records).finish():
        if not order.flags & RunFlag.FILL_INPUTS:
            raise BoardError("the results are lost, and so are the inputs.", code=_NOT_KEPT)
    return records.result()


class _Run:
    """One RUN request: its results come unasked, those that are missing are asked for."""

    def __init__(self, exchange: Exchange, order: RunOrder, records: _Collected) -> None:
        self._exchange = exchange
        self._records = records
        self._payload = words(order.flags, order.repeats, _records_per_frame(exchange))
        self._run = exchange.post(MessageType.RUN, self._payload)
        self._asked = self._run  # sequence of the request under way
        self._began = False
        self._waited_s = 0.0
        self._wait_s = exchange.patience.first_s

    def finish(self) -> bool:
        """Collect until nothing is missing; False where the board has forgotten some of it."""
        while not self._records.complete:
            try:
                heard = self._listen()
            except BoardError as error:
                if self._asked == self._run or error.code != _NOT_KEPT:
                    raise
                return False
            if not heard and not self._records.complete:
                self._ask_again()
        return True

    def _listen(self) -> bool:
        """Take what comes; False once nothing does."""
        heard = False
        exchange = self._exchange
        for frame in exchange.incoming(self._wait_s, exchange.size.bytes):
            heard = self._take(frame) or heard
            if self._records.complete:
                break
        if heard:
            self._waited_s, self._wait_s = 0.0, exchange.patience.first_s
        return heard

    def _take(self, frame: Frame) -> bool:
        """Whether a frame belongs to this run."""
        if frame.message_type == MessageType.RESULTS | RESPONSE:
            report = RunReport.decode(frame.payload)
            if report.run != self._run:
                return False
            self._records.take(report)
        elif frame.sequence in {self._run, self._asked}:
            self._exchange.opened(MessageType.RUN, frame)
        else:
            return False
        self._began = True
        return True

    def _ask_again(self) -> None:
        """For the beginning of the run, or for the first records that are missing."""
        self._waited_s += self._wait_s
        if self._waited_s >= self._exchange.patience.run_s:
            raise self._exchange.silent(MessageType.RUN)
        self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S)
        if self._exchange.was_damaged:
            self._exchange.size.damaged()
        if not self._began:
            self._exchange.post(MessageType.RUN, self._payload, self._run)
            return
        repeat, first, count = self._records.missing(_records_per_frame(self._exchange))
        wanted = words(self._run, repeat, first, count)
        self._asked = self._exchange.post(MessageType.RESULTS, wanted)


def _records_per_frame(exchange: Exchange) -> int:
    fitting = (exchange.size.bytes - RESULTS_HEAD_BYTES) // RESULT_BYTES
    return max(1, min(MAX_RECORDS_PER_FRAME, fitting))


class _Collected:
    """Records of a run as their reports come, in any order, some of them twice."""

    def __init__(self, order: RunOrder) -> None:
        count = len(order.complete_outputs)
        self._runs: list[list[MeasuredRecord | None]] = [
            [None] * count for _ in range(order.repeats)
        ]
        self._missing = order.repeats * count
        self._complete_outputs = order.complete_outputs

    @property
    def complete(self) -> bool:
        return self._missing == 0

    def missing(self, most: int) -> tuple[int, int, int]:
        """Repeat, first record and number of the first records that are missing in a row."""
        repeat = next(number for number, run in enumerate(self._runs) if None in run)
        run = self._runs[repeat]
        first = run.index(None)
        count = 1
        while count < most and first + count < len(run) and run[first + count] is None:
            count += 1
        return repeat, first, count

    def take(self, report: RunReport) -> None:
        if report.repeat >= len(self._runs):
            raise ProtocolError(f"RUN of {len(self._runs)} repeats reports repeat {report.repeat}.")
        run = self._runs[report.repeat]
        end = report.first + len(report.records)
        if end > len(run):
            raise ProtocolError(f"RUN of {len(run)} records reports record {end - 1}.")
        self._missing -= run[report.first : end].count(None)
        run[report.first : end] = report.records

    def result(self) -> RunResult:
        runs = [[record for record in run if record is not None] for run in self._runs]
        checksums = [tuple(record.crc32 for record in run) for run in runs]
        for number, seen in enumerate(zip(*checksums, strict=True)):
            if self._complete_outputs[number] and len(set(seen)) > 1:
                raise BoardError(
                    f"record {number} computed different tensors from the same inputs in "
                    f"{len(runs)} repeats; the board's memory or its firmware is faulty."
                )
        cycles = tuple(tuple(record.cycles for record in run) for run in runs)
        if any(run and not any(run) for run in cycles):
            raise BoardError("a whole run took 0 cycles: the board's counter stands; reset it.")
        return RunResult(cycles, checksums[0])
