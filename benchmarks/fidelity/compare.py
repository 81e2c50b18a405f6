"""Runs the network of a published row on its board and sets the two latencies side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from rows import GENERIC_DEPTHWISE, SAME_KERNELS, Published, graph_of
from scipy.stats import spearmanr

from hwprof.errors import BoardError, HwprofError
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.measurement import Measurement
from hwprof.profiler.bench import Bench, Setup

SIMD_LIMIT, REFERENCE_LIMIT = 0.12, 0.15  # of a row with the same kernels in kind
MEDIAN_LIMIT, ORDER_LIMIT = 0.25, 0.95  # of all rows with other kernels


@dataclass(frozen=True, slots=True)
class Comparison:
    """A published latency and the modelled one; ``error`` is modelled / published - 1."""

    id: str
    board: str
    group: str
    kernels: str
    scheme: str
    placement: str
    cache_state: str
    timing_model: str
    published_ms: float
    modelled_ms: float
    cycles_per_mac: float

    @property
    def error(self) -> float:
        """Relative deviation of the model."""
        return self.modelled_ms / self.published_ms - 1

    @property
    def limit(self) -> float:
        """Largest deviation asked of a row with the same kernels in kind."""
        return REFERENCE_LIMIT if self.kernels == "reference" else SIMD_LIMIT


@dataclass(frozen=True, slots=True)
class Omission:
    """A published row that nothing of ours can be set beside.

    Attributes:
        reason: a sentence.
        failed: whether its board has a file, so that there should have been a comparison.
    """

    id: str
    published_ms: float
    reason: str
    failed: bool


def compare(row: Published, folder: Path, timing: str) -> Comparison | Omission:
    """Run one row's network on its board, if the board has a file and the network can be built."""
    if not row.board:
        reason = f"no board: {row.board_name!r} has no board file."
        return Omission(row.id, row.latency_ms, reason, failed=False)
    try:
        measured = _measure(row, folder, timing)
    except HwprofError as error:
        return Omission(row.id, row.latency_ms, str(error), failed=True)
    context = measured.origin.context
    return Comparison(
        id=row.id,
        board=row.board,
        group=row.group,
        kernels=context.kernels,
        scheme=context.scheme,
        placement=str(context.placement),
        cache_state=context.cache_state,
        timing_model=context.timing_model,
        published_ms=row.latency_ms,
        modelled_ms=measured.latency_us / 1000,
        cycles_per_mac=measured.cycles / measured.macs,
    )


def _measure(row: Published, folder: Path, timing: str) -> Measurement:
    with Bench(setup_of(row, timing)) as bench:
        program = bench.lower(graph_of(row, folder))
        measured = bench.measure(program, block_type="network", block_key=row.id)
    if measured.error:
        raise BoardError(measured.error)
    return measured


def setup_of(row: Published, timing: str) -> Setup:
    """The bench that is nearest to what the row's words say."""
    board = load_board(row.board)
    return Setup(
        target=f"virtual:{row.board}?clock_hz={row.clock_hz}",
        placement=replace(board.placement, **row.placement),
        scheme=row.scheme,
        kernels=row.kernels,
        timing=timing,
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a group of rows amounts to.

    Attributes:
        median_error, worst_error: of the absolute relative deviations.
        order: Spearman's rank correlation of modelled and published; None below three rows.
        passed: whether the group is as close as asked; None where nothing is asked.
    """

    group: str
    rows: int
    median_error: float
    worst_error: float
    order: float | None
    passed: bool | None

    def __str__(self) -> str:
        order = "" if self.order is None else f", Spearman {self.order:.3f}"
        return (
            f"{self.group}: {self.rows} rows, median error {self.median_error:.1%}, worst "
            f"{self.worst_error:.1%}{order}: {_WORDS[self.passed]}."
        )


_WORDS = {True: "as asked", False: "not as asked", None: "nothing asked"}


def judge(found: Sequence[Comparison]) -> list[Verdict]:
    """One verdict for each group, in the table's order."""
    names = dict.fromkeys(row.group for row in found)
    return [_verdict(name, [row for row in found if row.group == name]) for name in names]


def _verdict(name: str, rows: Sequence[Comparison]) -> Verdict:
    deviations = [abs(row.error) for row in rows]
    published, modelled = zip(*((r.published_ms, r.modelled_ms) for r in rows), strict=True)
    order = float(spearmanr(published, modelled).statistic) if len(rows) > 2 else None
    middle = median(deviations)
    passed: bool | None
    if name == SAME_KERNELS:
        passed = all(abs(row.error) <= row.limit for row in rows)
    elif name == GENERIC_DEPTHWISE:
        passed = None
    else:
        passed = middle <= MEDIAN_LIMIT and (order is None or order >= ORDER_LIMIT)
    return Verdict(name, len(rows), middle, max(deviations), order, passed)
