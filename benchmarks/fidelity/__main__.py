"""Every published latency beside what the virtual boards make of it.

    python benchmarks/fidelity --shared-data ../shared/data

Published numbers were measured by others on silicon; modelled ones come from our kernels on a
virtual board. Rows of the same kernels in kind are judged one by one, the others, whose code is not
ours, by their median and their order.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from record import record
from rows import SAME_KERNELS, Published, graph_of, read_rows
from scipy.stats import spearmanr

from hwprof.errors import HwprofError
from hwprof.firmware_stub.virtual.description import load_board
from hwprof.measurement import Measurement
from hwprof.profiler.bench import Bench, Setup

SIMD_LIMIT, REFERENCE_LIMIT = 0.12, 0.15  # of a row with the same kernels in kind
MEDIAN_LIMIT, ORDER_LIMIT = 0.25, 0.95  # of all rows with other kernels


@dataclass(frozen=True, slots=True)
class Comparison:
    """A published latency and the modelled one; ``error`` is modelled / published - 1."""

    id: str
    board: str
    match: str
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


def compare(row: Published, folder: Path, timing: str) -> Comparison:
    """Run one row's network on its board."""
    measured = _measure(row, folder, timing)
    context = measured.origin.context
    return Comparison(
        id=row.id,
        board=row.board,
        match=row.match,
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
        raise SystemExit(f"{row.id}: {measured.error}")
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison; exit 1 where a row is further off than asked."""
    options = _options(arguments)
    try:
        rows = [row for row in read_rows(options.shared_data) if options.only in row.id]
    except HwprofError as error:
        raise SystemExit(str(error)) from error
    work = partial(compare, folder=options.shared_data, timing=options.timing)
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(work, rows))
    verdicts = judge(found)
    if options.json:
        rows_json = [asdict(row) | {"error": row.error} for row in found]
        print(json.dumps({"rows": rows_json, "groups": list(map(asdict, verdicts))}, indent=2))
    else:
        _print(found, verdicts)
    if options.record:
        record(found, [str(verdict) for verdict in verdicts])
    return int(not all(verdict.passed for verdict in verdicts))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a group of rows amounts to.

    Attributes:
        median_error, worst_error: of the absolute relative deviations.
        order: Spearman's rank correlation of modelled and published; None below three rows.
    """

    group: str
    rows: int
    median_error: float
    worst_error: float
    order: float | None
    passed: bool

    def __str__(self) -> str:
        order = "" if self.order is None else f", Spearman {self.order:.3f}"
        return (
            f"{self.group}: {self.rows} rows, median error {self.median_error:.1%}, worst "
            f"{self.worst_error:.1%}{order}: {'as asked' if self.passed else 'not as asked'}."
        )


def judge(found: Sequence[Comparison]) -> list[Verdict]:
    """One verdict for each kind of kernel match, in the table's order."""
    names = dict.fromkeys(row.match for row in found)
    return [_verdict(name, [row for row in found if row.match == name]) for name in names]


def _verdict(name: str, rows: Sequence[Comparison]) -> Verdict:
    deviations = [abs(row.error) for row in rows]
    published, modelled = zip(*((r.published_ms, r.modelled_ms) for r in rows), strict=True)
    order = float(spearmanr(published, modelled).statistic) if len(rows) > 2 else None
    middle = median(deviations)
    if name == SAME_KERNELS:
        passed = all(abs(row.error) <= row.limit for row in rows)
    else:
        passed = middle <= MEDIAN_LIMIT and (order is None or order >= ORDER_LIMIT)
    return Verdict(name, len(rows), middle, max(deviations), order, passed)


def _print(found: Sequence[Comparison], verdicts: Sequence[Verdict]) -> None:
    print(
        f"{'row':26} {'board':10} {'kernels':10} {'scheme':28} {'published':>9} {'modelled':>9} "
        f"{'error':>7} {'c/MAC':>6}"
    )
    for row in found:
        print(
            f"{row.id:26} {row.board:10} {row.kernels:10} {row.scheme:28} {row.published_ms:9.1f} "
            f"{row.modelled_ms:9.1f} {row.error:+7.1%} {row.cycles_per_mac:6.2f}"
        )
    print("milliseconds; published: measured by others on silicon; modelled: on virtual boards")
    for verdict in verdicts:
        print(verdict)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/fidelity", description=(__doc__ or "").splitlines()[0]
    )
    shared = os.environ.get("HWPROF_SHARED_DATA", "../shared/data")
    parser.add_argument("--shared-data", type=Path, default=Path(shared), metavar="DIR")
    parser.add_argument("--timing", default="exact", help="timing mode of the virtual boards")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose id holds TEXT")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--record", action="store_true", help="write the result into boards/*.toml and README.md"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
