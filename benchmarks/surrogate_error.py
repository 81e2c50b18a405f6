"""How well blocks are predicted: 200 sampled ShuffleNetV2 blocks, 5-fold held out.

    python benchmarks/surrogate_error.py --json

Samples, measures them on the virtual RT1170, fits, and prints the scores of the winner, of every
model that competed, and of the simple baselines. Asked for: MAPE at most 3 %, Spearman at least
0.99.
"""

from __future__ import annotations

import argparse
import json
import time

from tqdm import tqdm

from hwprof.architecture import block_graph
from hwprof.measurement import Measurement
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.sampling import sample
from hwprof.surrogates.fit import FitOptions, fit
from hwprof.surrogates.reports import TypeReport


def main() -> None:
    """Measure, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--block", default="shufflev2")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    start_s = time.perf_counter()
    rows = measure(options.block, options.count, options.seed)
    measured_s = time.perf_counter()
    (report,) = fit(rows, FitOptions(seed=options.seed)).report.types
    result = {
        "block_type": report.block_type,
        **report.to_json(),
        "measure_wall_s": measured_s - start_s,
        "fit_wall_s": time.perf_counter() - measured_s,
    }
    print(json.dumps(result, indent=2) if options.json else table(report))


def measure(block_type: str, count: int, seed: int) -> list[Measurement]:
    """Rows of sampled blocks from the virtual RT1170."""
    configs = sample(block_type, count, seed=seed)
    with Bench(Setup()) as bench:
        return [
            bench.measure(
                bench.lower(block_graph(config)), block_type=block_type, block_key=config.key
            )
            for config in tqdm(configs, unit="block", disable=None)
        ]


def table(report: TypeReport) -> str:
    """Candidates and baselines, one a line; a star marks the winner."""
    head = (
        f"{report.block_type}, {report.n} samples, held out; intervals of "
        f"{report.interval_percent:.2f} % cover {report.coverage_percent:.1f} %"
    )
    columns = f"{'MAPE %':>8}{'within 5 %':>12}{'within 10 %':>13}{'Spearman':>10}{'Kendall':>9}"
    lines = [head, " " * 18 + columns]
    for name, scores in {**report.candidates, **report.baselines}.items():
        star = "*" if name == report.model else " "
        lines.append(
            f"{star} {name:16}{scores.mape_percent:8.2f}{scores.within_5_percent:12.1f}"
            f"{scores.within_10_percent:13.1f}{scores.spearman:10.4f}{scores.kendall:9.4f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
