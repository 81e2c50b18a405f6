"""What a search gains and pays by the way it knows latencies, on random detectors.

    python benchmarks/latency_estimators.py --count 120 --json

Asks macs, lut, surrogate and the virtual board for the same architectures of the person
detector's space: seconds per answer, error and Kendall tau against the board, and the front that
each finds with the FLOPs proxy: the share of the board's hypervolume that it has by the board's
latencies, its size, and how much of the board's own front it holds.
"""

from __future__ import annotations

import argparse
import json
import random
import time

import numpy as np
from scipy.stats import kendalltau

from hwprof.architecture import Architecture
from hwprof.profiler.bench import Setup
from hwprof.search.design import Design
from hwprof.search.estimators import FloatArray, LatencyEstimator, get_task
from hwprof.search.front import hypervolume, pareto_indices
from hwprof.search.spaces import get_space
from hwprof.workflows.search_latency import SearchBoard, get_latency
from hwprof.workspace import Workspace

_ESTIMATORS = ("macs", "lut", "surrogate", "board")


def main() -> None:
    """Ask all estimators for the same architectures, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workspace")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    space = get_space("person-detection")
    numbers = random.Random(options.seed).sample(range(space.size), options.count)
    architectures = list(space.architectures(numbers))
    score = get_task("flops-proxy").scores([Design(each) for each in architectures])
    workspace = Workspace.resolve(options.workspace)
    with SearchBoard(Setup()) as board:
        answers = {
            name: _timed(get_latency(name, board, workspace), architectures) for name in _ESTIMATORS
        }
    truth_us, _ = answers["board"]
    rows = {
        name: {"seconds_per_answer": seconds, **_compared(latency_us, truth_us, score)}
        for name, (latency_us, seconds) in answers.items()
    }
    print(json.dumps(rows, indent=2) if options.json else _text(rows))


def _timed(
    latency: LatencyEstimator, architectures: list[Architecture]
) -> tuple[FloatArray, float]:
    """Latencies one by one, as a search asks, and the seconds of one; the first warms up."""
    latency.latencies_us(architectures[:1])
    start_s = time.perf_counter()
    answers = [float(latency.latencies_us([each])[0]) for each in architectures[1:]]
    seconds = (time.perf_counter() - start_s) / max(len(answers), 1)
    return np.array([*latency.latencies_us(architectures[:1]), *answers]), seconds


def _compared(latency_us: FloatArray, truth_us: FloatArray, score: FloatArray) -> dict[str, float]:
    reference = float(truth_us.max()), float(score.min())
    front, best = pareto_indices(latency_us, score), pareto_indices(truth_us, score)
    whole = hypervolume(truth_us, score, reference)
    return {
        "mape_percent": float(100 * np.mean(np.abs(latency_us / truth_us - 1))),
        "kendall_tau": float(kendalltau(latency_us, truth_us).statistic),
        "front_size": len(front),
        "front_overlap": len(set(front.tolist()) & set(best.tolist())) / len(best),
        "hypervolume_share": hypervolume(truth_us[front], score[front], reference) / whole,
    }


def _text(rows: dict[str, dict[str, float]]) -> str:
    return "\n".join(
        f"{name:10} " + ", ".join(f"{key} {value:.4g}" for key, value in row.items())
        for name, row in rows.items()
    )


if __name__ == "__main__":
    main()
