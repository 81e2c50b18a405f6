"""How fast predictions are: a fresh process, one network never seen, ten thousand networks.

    python benchmarks/predict_speed.py --json

Networks are built before the clock starts. Asked for: first answer of a fresh process at most
3 s, one network at most 1 ms, ten thousand at most 2 s on one core.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

from network_error import draw

from hwprof import predict_latency
from hwprof.surrogates import Predictor, load_artefact
from hwprof.surrogates.catalogue import Question, artefact_roots, choose_entries, list_entries
from hwprof.surrogates.pricing import SurrogatePricer

_SINGLES = 300
_MANY = 10_000
_FIRST = "from hwprof import person_detector, predict_latency; predict_latency(person_detector())"


def main() -> None:
    """Time, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    result = {"first_answer_of_a_process_s": fresh_process_s()}
    singles_ms = sorted(single_ms())
    result["one_unseen_network_median_ms"] = statistics.median(singles_ms)
    result["one_unseen_network_p95_ms"] = singles_ms[int(0.95 * _SINGLES)]
    result |= many_s()
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name:32} {value:8.3f}")


def fresh_process_s() -> float:
    """Seconds of a whole process that predicts one network: the best of three."""
    walls_s = []
    for _ in range(3):
        start_s = time.perf_counter()
        subprocess.run([sys.executable, "-c", _FIRST], check=True)
        walls_s.append(time.perf_counter() - start_s)
    return min(walls_s)


def single_ms() -> list[float]:
    """Milliseconds of each of some hundred networks, none of them seen before."""
    first, *detectors = draw(_SINGLES + 1, seed=1)
    predict_latency(first)
    walls_ms = []
    for detector in detectors:
        start_s = time.perf_counter()
        predict_latency(detector)
        walls_ms.append(1000 * (time.perf_counter() - start_s))
    return walls_ms


def many_s() -> dict[str, float]:
    """Seconds of one call for many networks: by a predictor that knows no block, and again."""
    detectors = draw(_MANY, seed=2)
    predictor = cold_predictor()
    result = {}
    for name in ("cold", "warm"):
        start_s = time.perf_counter()
        predictor.predict_many(detectors)
        result[f"ten_thousand_networks_{name}_s"] = time.perf_counter() - start_s
    return result


def cold_predictor() -> Predictor:
    """A predictor that has priced no block yet."""
    entry = choose_entries(Question(), list_entries(artefact_roots()))[0]
    artefact = load_artefact(entry.folder)
    return Predictor(artefact, SurrogatePricer(artefact))


if __name__ == "__main__":
    main()
