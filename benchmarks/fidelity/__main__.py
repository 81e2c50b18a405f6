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
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from compare import Comparison, Omission, Verdict, compare, judge
from record import record
from rows import Published, read_rows

from hwprof.errors import HwprofError


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison; 1 where a row is further off than asked or failed, 2 for bad input."""
    options = _options(arguments)
    try:
        rows = [row for row in read_rows(options.shared_data) if options.only in row.id]
        results = _compare(rows, options)
    except HwprofError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    found = [row for row in results if isinstance(row, Comparison)]
    omitted = [row for row in results if isinstance(row, Omission)]
    verdicts = judge(found)
    if options.json:
        print(json.dumps(_report(found, omitted, verdicts), indent=2))
    else:
        _print(found, omitted, verdicts)
    if options.record:
        sentences = [f"Left out: {row.id}, {row.reason}" for row in omitted]
        record(found, [*map(str, verdicts), *sentences])
    return int(
        any(verdict.passed is False for verdict in verdicts) or any(row.failed for row in omitted)
    )


def _report(
    found: Sequence[Comparison], omitted: Sequence[Omission], verdicts: Sequence[Verdict]
) -> dict[str, object]:
    return {
        "rows": [asdict(row) | {"error": row.error} for row in found],
        "left_out": list(map(asdict, omitted)),
        "groups": list(map(asdict, verdicts)),
    }


def _compare(rows: Sequence[Published], options: argparse.Namespace) -> list[Comparison | Omission]:
    work = partial(compare, folder=options.shared_data, timing=options.timing)
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(work, rows))


def _print(
    found: Sequence[Comparison], omitted: Sequence[Omission], verdicts: Sequence[Verdict]
) -> None:
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
    for row in omitted:
        print(f"{row.id:26} left out: {row.reason}")
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
