"""How well each block type is predicted, held out, in each context of a measurement store.

    python benchmarks/surrogate_error.py build/artefacts/measurements.sqlite
    python benchmarks/surrogate_error.py STORE --block pwconv --board rt1170 --json

Two kinds of held-out error. ``cross-validated`` is that of the whole procedure with its choice of a
model (nested 5-fold: four fifths of the rows are for training), with its intervals, beside the
baselines on the same rows. ``of 50`` trains on 50 rows of each type drawn at random (a store keeps
rows in no order of sampling) and is judged on all others. Asked for at 200 training samples: MAPE
at most 2 %, at least 95 % of rows within 5 %, Spearman at least 0.995; at 50 samples MAPE at most
5 %; intervals of level 0.9 that cover 87 to 93 %.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwprof.measurement import NETWORK
from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.fit import FitOptions, fit
from hwprof.surrogates.pricing import SurrogatePricer
from hwprof.surrogates.rows import collect_samples, describe
from hwprof.surrogates.validation import Scores, score

if TYPE_CHECKING:
    import pandas as pd

    from hwprof.surrogates.reports import TypeReport

_CONTEXT = (
    "board",
    "clock_hz",
    "kernels",
    "scheme",
    "activations_memory",
    "weights_memory",
    "scratch_memory",
    "code_memory",
    "cache_state",
    "timing_model",
    "code_sha256",
)
_FEWEST_TO_JUDGE = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One block type in one context.

    Attributes:
        trained: rows that each cross-validated model was fitted on.
        few: scores of what was fitted on a few rows, None where too few are left.
    """

    context: str
    report: TypeReport
    trained: int
    few: Scores | None


def main() -> None:
    """Fit, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--block", action="append", help="a block type; all unless given")
    parser.add_argument("--board", help="contexts of one board alone")
    parser.add_argument("--few", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    lines = []
    for rows in contexts(options):
        start_s = time.perf_counter()
        found = judge(rows, options.few, FitOptions(seed=options.seed))
        wall_s = time.perf_counter() - start_s
        if not options.json:
            print(table(found, options.few, wall_s), flush=True)
        lines += found
    if options.json:
        print(json.dumps([document(line) for line in lines], indent=2))


def contexts(options: argparse.Namespace) -> list[pd.DataFrame]:
    """Rows of single blocks, one table for each context."""
    with MeasurementStore(options.store) as store:
        frame = store.frame()
    frame = frame[frame.block_type != NETWORK]
    if options.block:
        frame = frame[frame.block_type.isin(options.block)]
    if options.board:
        frame = frame[frame.board == options.board]
    return [rows for _, rows in frame.groupby(list(_CONTEXT), sort=True)]


def judge(rows: pd.DataFrame, few: int, options: FitOptions) -> list[Line]:
    """Scores of each block type with enough rows."""
    report = fit(rows, options).report
    learned = rows.groupby("block_type", sort=False).sample(few, random_state=options.seed)
    rest = rows.drop(learned.index)
    scores = few_scores(learned, rest, options)
    return [
        Line(
            describe(report.context),
            kind,
            kind.n * (options.n_folds - 1) // options.n_folds,
            scores.get(kind.block_type),
        )
        for kind in report.types
    ]


def few_scores(learned: pd.DataFrame, rest: pd.DataFrame, options: FitOptions) -> dict[str, Scores]:
    """Scores on rows that a fit on others did not see, by block type."""
    if not len(rest):
        return {}
    fitted = fit(learned, options).artefact
    samples = collect_samples(rest)
    predicted = SurrogatePricer(fitted).price(samples.configs).cycles
    types = np.array([config.block_type for config in samples.configs])
    return {
        kind: score(samples.cycles[types == kind], predicted[types == kind])
        for kind in np.unique(types).tolist()
        if (types == kind).sum() >= _FEWEST_TO_JUDGE and kind in fitted.types
    }


def document(line: Line) -> dict[str, object]:
    """The object that ``--json`` prints for a block type in a context."""
    return {
        "context": line.context,
        "block_type": line.report.block_type,
        "trained": line.trained,
        **line.report.to_json(),
        "few": asdict(line.few) if line.few else None,
    }


def table(lines: list[Line], few: int, wall_s: float) -> str:
    """One context: a line for each block type."""
    head = f"{lines[0].context}; fitted twice in {wall_s:.0f} s"
    columns = (
        f"{'block type':14}{'n':>5}{'trained':>8} {'model':17}{'MAPE %':>7}{'w. 5 %':>7}"
        f"{'Spearman':>9}{'cover %':>8}{'width %':>8}"
        f"{f'of {few}':>9}{'MACs %':>8}{'nearest %':>10}"
    )
    return "\n".join([head, columns, *(row(line) for line in lines)])


def row(line: Line) -> str:
    """One block type as a line of the table."""
    kind = line.report
    macs, nearest = (kind.baselines.get(name) for name in ("macs", "nearest"))
    cells = [
        scores.mape_percent if scores else float("nan") for scores in (line.few, macs, nearest)
    ]
    return (
        f"{kind.block_type:14}{kind.n:5}{line.trained:8} {kind.model:17}"
        f"{kind.scores.mape_percent:7.2f}{kind.scores.within_5_percent:7.1f}"
        f"{kind.scores.spearman:9.4f}{kind.coverage_percent:8.1f}{kind.interval_percent:8.2f}"
        f"{cells[0]:9.2f}{cells[1]:8.1f}{cells[2]:10.1f}"
    )


if __name__ == "__main__":
    main()
