"""How long one query of each performance strategy takes: seconds of a wall clock and of processors.

    python benchmarks/performance_queries.py --data DIR --weights FILE --json

Asked for: FLOPs under 1 ms, model-based under 10 ms, zero-cost under 5 s on two cores. Every query
is of another detector of the space, drawn anew for each strategy; medians, and the longest by the
wall clock. The load (processes that run or wait to, a mean of the last minute) before and after
says what else the machine did. Models are fitted on 40 detectors with random qualities, and losses
are drawn: neither changes how long an answer takes. A zero-cost query begins at the picture files:
minibatches are read, stretched and passed through the backbone for it alone. Without --data people
are drawn, without --weights the seed network has random ones.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from hwprof.networks import person_detector
from hwprof.search.performance import STRATEGIES, Evidence, PerformanceStrategy
from hwprof.search.spaces import get_space
from hwprof.search.training.data import read_pictures
from hwprof.search.training.pictures import Picture
from hwprof.search.training.seed import SeedNetwork, fresh
from hwprof.search.training.zero_cost import DetectorProbes
from hwprof.testing.pictures import draw_coco_set

_SAMPLES = 40
_EPOCHS = 30
Probes = Callable[[], DetectorProbes]


def main() -> None:
    """Time, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="a COCO or VOC folder with persons")
    parser.add_argument("--weights", type=Path, help="of the seed network")
    parser.add_argument("--queries", type=int, default=50, help="of strategies without pictures")
    parser.add_argument("--detectors", type=int, default=3, help="asked of each zero-cost proxy")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    if not options.json:
        print(f"{'strategy':18} {'kind':15} {'wall s':>10} {'longest s':>10} {'CPU s':>10}")
    start, pictures = start_weights(options.weights), labelled_pictures(options.data)
    load = [os.getloadavg()[0]]
    rows = {}
    for seed, (name, strategy) in enumerate(STRATEGIES.items(), start=1):
        count = options.detectors if strategy.needs.probe else options.queries
        rows[name] = row = query_s(strategy, seed, count, lambda: DetectorProbes(start, pictures))
        if not options.json:
            numbers = " ".join(f"{seconds:10.6f}" for seconds in row.values())
            print(f"{name:18} {strategy.kind:15} {numbers}", flush=True)
    load.append(os.getloadavg()[0])
    if options.json:
        print(json.dumps({"threads": options.threads, "load": load, "queries": rows}, indent=1))
    else:
        print(f"{options.threads} threads; load {load[0]:.1f} before, {load[1]:.1f} after")


def start_weights(file: Path | None) -> SeedNetwork:
    """Of the seed network."""
    if file is not None:
        return SeedNetwork.read(file)
    return SeedNetwork(fresh(person_detector(), seed=0).state_dict())


def labelled_pictures(folder: Path | None) -> list[Picture]:
    """Of a data set, or drawn."""
    if folder is not None:
        return read_pictures(folder)
    return read_pictures(draw_coco_set(Path(tempfile.mkdtemp()), train=32, val=0))


def query_s(
    strategy: PerformanceStrategy, seed: int, count: int, probes: Probes
) -> dict[str, float]:
    """Seconds of so many queries, of detectors drawn by the seed: medians, and the longest."""
    known = list(designs(_SAMPLES, seed=0))
    fitted = strategy.fit(known, np.random.default_rng(0).uniform(0.1, 0.3, _SAMPLES))
    fitted.scores([one for one in known[:1] if not strategy.needs.probe])  # libraries are loaded
    walls_s, cpus_s = [], []
    for one in designs(count, seed, probes=probes if strategy.needs.probe else None):
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        fitted.scores([one])
        walls_s.append(time.perf_counter() - wall_s)
        cpus_s.append(time.process_time() - cpu_s)
    return {
        "wall_s": statistics.median(walls_s),
        "longest_wall_s": max(walls_s),
        "cpu_s": statistics.median(cpus_s),
    }


def designs(count: int, seed: int, probes: Probes | None = None) -> Iterator[Evidence]:
    """Detectors of the space, with losses that fall; probes of their own."""
    space, chance = get_space("person-detection"), np.random.default_rng(seed)
    epochs = np.arange(1, _EPOCHS + 1)
    for architecture in space.architectures(
        chance.choice(space.size, count, replace=False).tolist()
    ):
        yield Evidence(
            architecture,
            curve=tuple(3 + 2 / epochs + chance.normal(0, 0.1, _EPOCHS)),
            early_ap=chance.uniform(),
            early_loss=chance.uniform(),
            probe=probes().probe(architecture) if probes else None,
        )


if __name__ == "__main__":
    main()
