"""How fast predictions are: a fresh process, one network never seen, ten thousand, a table.

    python benchmarks/predict_speed.py --json

Networks are built before the clock starts. Asked for: first answer of a fresh process at most
3 s, one network at most 1 ms, ten thousand at most 1 s on one core; rows of a table of the
person-detection space's parameters at 1,000,000 a minute in less than 1 GB.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

from hwprof import Architecture, predict_latency
from hwprof.networks import parse_architecture
from hwprof.networks.person_detector import CHANNELS, GROUPS, KERNELS, legal_sizes
from hwprof.search.spaces import get_space
from hwprof.surrogates import Predictor, load_artefact
from hwprof.surrogates.catalogue import Question, artefact_roots, choose_entries, list_entries
from hwprof.surrogates.pricing import SurrogatePricer
from hwprof.workflows.measure_networks import draw_networks

_SINGLES = 300
_MANY = 10_000
_ROWS = 1_000_000
_FIRST = "from hwprof import person_detector, predict_latency; predict_latency(person_detector())"


def main() -> None:
    """Time, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table-only", action="store_true", help="print the table's part as JSON")
    options = parser.parse_args()
    if options.table_only:
        print(json.dumps(table_alone()))
        return

    result = {"first_answer_of_a_process_s": fresh_process_s()}
    singles_ms = sorted(single_ms())
    result["one_unseen_network_median_cpu_ms"] = statistics.median(singles_ms)
    result["one_unseen_network_p95_cpu_ms"] = singles_ms[int(0.95 * _SINGLES)]
    result |= many_s()
    result |= table_rates()
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name:36} {value:14,.3f}")


def fresh_process_s() -> float:
    """Seconds of a whole process that predicts one network: the best of three."""
    walls_s = []
    for _ in range(3):
        start_s = time.perf_counter()
        subprocess.run([sys.executable, "-c", _FIRST], check=True)
        walls_s.append(time.perf_counter() - start_s)
    return min(walls_s)


def draw(count: int, seed: int) -> list[Architecture]:
    """Built detectors of the search space."""
    drawn = draw_networks(count, seed=seed, families=["detector"])
    return [parse_architecture(network.name) for network in drawn]


def single_ms() -> list[float]:
    """Processor milliseconds of each of some hundred networks, none of them seen before."""
    first, *detectors = draw(_SINGLES + 1, seed=1)
    predict_latency(first)
    times_ms = []
    for detector in detectors:
        start_s = time.process_time()
        predict_latency(detector)
        times_ms.append(1000 * (time.process_time() - start_s))
    return times_ms


def many_s() -> dict[str, float]:
    """Seconds of one call for many networks: by a predictor that knows no block, and again."""
    detectors = draw(_MANY, seed=2)
    predictor = cold_predictor()
    result = {}
    for name in ("cold", "warm"):
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        predictor.predict_many(detectors)
        result[f"ten_thousand_networks_{name}_s"] = time.perf_counter() - start_s
        result[f"ten_thousand_networks_{name}_cpu_s"] = time.process_time() - start_cpu_s
    return result


def table_rates() -> dict[str, float]:
    """Rows of a table in a minute, in a process of its own so that the memory is theirs alone."""
    done = subprocess.run(
        [sys.executable, __file__, "--table-only"], check=True, capture_output=True, text=True
    )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def table_alone() -> dict[str, float]:
    """Rows a minute for a table of a million, and the most memory that the process held."""
    import resource

    space, table = get_space("person-detection"), random_table(_ROWS, seed=3)
    start_s = time.perf_counter()
    predict_latency(space, table)
    wall_s = time.perf_counter() - start_s
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "table_rows_a_minute": 60 * _ROWS / wall_s,
        "table_peak_memory_mb": peak_kib * 1024 / 1e6,
    }


def random_table(count: int, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    """Parameters of networks of the space, drawn evenly, as columns."""
    rng = np.random.default_rng(seed)
    sizes = legal_sizes()
    chosen = rng.integers(len(sizes), size=count)
    groups = np.array(GROUPS)[rng.integers(len(GROUPS), size=count)]
    wanted = rng.integers(CHANNELS[0], CHANNELS[-1] + 1, size=count)
    return {
        "k": np.array(KERNELS)[rng.integers(len(KERNELS), size=count)],
        "g": groups,
        "c": wanted // groups * groups,  # 24 is a multiple of all groups: none falls below it
        "width": np.array([size.width for size in sizes])[chosen],
        "aspect": np.array([size.aspect for size in sizes])[chosen],
    }


def cold_predictor() -> Predictor:
    """A predictor that has priced no block yet."""
    entry = choose_entries(Question(), list_entries(artefact_roots()))[0]
    artefact = load_artefact(entry.folder)
    return Predictor(artefact, SurrogatePricer(artefact))


if __name__ == "__main__":
    main()
