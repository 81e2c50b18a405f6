"""The person detector on the virtual RT1170: modelled latency and wall time.

    python benchmarks/person_detector.py --json
    python benchmarks/person_detector.py --height 192 --timing hooked

Latencies are modelled. The published ones stand beside them and enter nothing: NXP's lectures
(2024, 2025), power-of-two int8 with CMSIS-NN kernels. ``--timing hooked`` counts what ``exact``
counts by Unicorn's hooks on every load and store, which is what address streams save.
"""

from __future__ import annotations

import argparse
import json
import time

from hwprof import person_detector
from hwprof.measurement import DEFAULT_TIMING
from hwprof.profiler.bench import Bench, Setup

_ASPECTS = {192: 0.6, 256: 0.8}  # by rows of the input; it has 320 columns
_PUBLISHED_MS = {192: 165.0, 256: 229.0}
_WARM_RUNS = 3


def main() -> None:
    """Lower once, run until warm, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--height", type=int, choices=_ASPECTS, default=256)
    parser.add_argument("--timing", choices=("exact", "hooked", "pipeline"), default=DEFAULT_TIMING)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    graph = person_detector(aspect=_ASPECTS[options.height]).graph(seed=0)
    walls_s = []
    with Bench(Setup(timing=options.timing)) as bench:
        program = bench.lower(graph)
        for _ in range(1 + _WARM_RUNS):
            start_s = time.perf_counter()
            row = bench.measure(program, block_type="network", block_key="person-detector")
            walls_s.append(time.perf_counter() - start_s)
    if row.error:
        raise SystemExit(row.error)
    result = {
        "modelled_ms": row.latency_us / 1000,
        "timing_model": row.origin.context.timing_model,
        "published_ms": _PUBLISHED_MS[options.height],
        "cycles_per_mac": row.cycles / row.macs,
        "peak_ram_bytes": row.peak_ram_bytes,
        "first_wall_s": walls_s[0],
        "warm_wall_s": min(walls_s[1:]),
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name:16} {value:,.2f}" if isinstance(value, float) else f"{name:16} {value}")


if __name__ == "__main__":
    main()
