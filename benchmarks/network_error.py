"""How well networks are predicted: random detectors of the search space, against the virtual board.

    python benchmarks/network_error.py --json

Predicts by the surrogates of the workspace or those that ship, then runs each network whole on
the virtual RT1170. No network is among the rows that surrogates are fitted on. Asked for: MAPE
at most 3 %, Spearman at least 0.99 over 100 detectors.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import asdict

import numpy as np
from tqdm import tqdm

from hwprof import Architecture, person_detector, predict_latency
from hwprof.networks.person_detector import CHANNELS, GROUPS, KERNELS, legal_sizes
from hwprof.profiler.bench import Bench, Setup
from hwprof.surrogates.validation import score


def main() -> None:
    """Draw, predict, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    detectors = draw(options.count, options.seed)
    by_surrogate = predict_latency(detectors)
    by_macs = predict_latency(detectors, method="macs")
    modelled_us = measure(detectors)
    error = by_surrogate.latency_us / modelled_us - 1
    inside = (by_surrogate.low_us <= modelled_us) & (modelled_us <= by_surrogate.high_us)
    width = (by_surrogate.high_us - by_surrogate.low_us) / by_surrogate.latency_us
    result = {
        "n": len(detectors),
        "surrogate": asdict(score(modelled_us, by_surrogate.latency_us)),
        "macs": asdict(score(modelled_us, by_macs.latency_us)),
        "bias_percent": 100 * float(error.mean()),
        "worst_percent": 100 * float(np.abs(error).max()),
        "interval_level": by_surrogate.interval_level,
        "interval_half_width_percent": 50 * float(width.mean()),
        "coverage_percent": 100 * float(inside.mean()),
        "covered_macs_percent": float(by_surrogate.covered_macs_percent.min()),
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name:28}", value if isinstance(value, dict | int) else f"{value:.4f}")


def draw(count: int, seed: int) -> list[Architecture]:
    """Detectors drawn evenly over groups, then channels, kernels and input sizes."""
    rng = random.Random(seed)
    detectors = []
    for _ in range(count):
        groups, size = rng.choice(GROUPS), rng.choice(legal_sizes())
        detectors.append(
            person_detector(
                k=rng.choice(KERNELS),
                g=groups,
                c=rng.choice([channels for channels in CHANNELS if channels % groups == 0]),
                width=size.width,
                aspect=size.aspect,
            )
        )
    return detectors


def measure(detectors: list[Architecture]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Modelled latency of each whole network, microseconds."""
    latencies_us = []
    with Bench(Setup()) as bench:
        for detector in tqdm(detectors, unit="network", disable=None):
            program = bench.lower(detector.graph())
            row = bench.measure(program, block_type="network", block_key=detector.name)
            if row.error:
                raise SystemExit(f"{detector.name}: {row.error}")
            latencies_us.append(row.latency_us)
    return np.array(latencies_us)


if __name__ == "__main__":
    main()
