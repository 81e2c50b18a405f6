"""How often `hwprof explain` names the cause that a table was made under.

    python benchmarks/explain.py --model mlperf-tiny-vww --seeds 20

The model is run on the virtual RT1170 under every hypothesis once. Of each, tables are made with
noise on every layer (normal in the logarithm, by a seed), in cycles, and for another core clock in
microseconds. Printed are, of the tables under each hypothesis: those whose cause is named, those
where it is among what is not told apart, those called as modelled though it is not among these, and
those that are called something else. At the end tables whose layers are each off by a factor of
their own, of which none has a cause. Exits 1 where a table is called something else, or chance is
explained.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections import Counter

from hwprof.errors import ModelError
from hwprof.measurement import Measurement
from hwprof.models import resolve_model
from hwprof.profiler.bench import Setup
from hwprof.workflows.explanation import Resimulator
from hwprof.workflows.explanation.align import align, layers_of
from hwprof.workflows.explanation.hypotheses import SAME, at_clock, hypotheses
from hwprof.workflows.explanation.judge import Times, Verdict
from hwprof.workflows.explanation.run import judge_table, layer_times
from hwprof.workflows.explanation.table import LayerTable, Line, Unit

BOARD, OTHER_CLOCK_HZ = "rt1170", 600_000_000
ODD_FACTORS = (0.4, 1.0, 2.5)
NAMED, ALIKE, UNSEEN, WRONG = "named", "not told apart", "as modelled", "wrong"


def all_runs(resimulator: Resimulator) -> dict[str, Measurement]:
    """The model under every hypothesis that the board can run, another clock the last."""
    found = {}
    clock = at_clock(BOARD, OTHER_CLOCK_HZ)
    for hypothesis in (*hypotheses(BOARD, resimulator.base), clock):
        try:
            found[hypothesis.name] = resimulator.run(hypothesis)
        except ModelError as error:
            print(f"{hypothesis.name} is left out: {error}", file=sys.stderr)
    return found


def verdict(
    resimulator: Resimulator, runs: dict[str, Measurement], times: Times, unit: Unit
) -> Verdict:
    """What a table with these times of layers speaks for."""
    table = LayerTable("table", unit, tuple(Line(name, "", t) for name, t in times.items()))
    alignment = align(table, layers_of(resimulator.model.graph))
    clock = at_clock(BOARD, OTHER_CLOCK_HZ).name
    tried = {
        name: layer_times(row, unit)
        for name, row in runs.items()
        if unit is Unit.MICROSECONDS or name != clock
    }
    return judge_table(alignment, tried, table)


def outcome(found: Verdict, cause: str) -> str:
    """How a verdict on a table of a known cause counts."""
    if found.cause == cause:
        return NAMED
    if cause in found.alike:
        return ALIKE
    return UNSEEN if found.cause == SAME else WRONG


def noisy(times: Times, noise: float, chance: random.Random) -> dict[str, float]:
    """Times with normal noise on their logarithms."""
    return {name: value * math.exp(chance.gauss(0, noise)) for name, value in times.items()}


def main() -> int:
    """Print a line for each hypothesis."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="mlperf-tiny-vww")
    parser.add_argument("--noise", type=float, default=0.03, help="standard deviation, relative")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    resimulator = Resimulator(resolve_model(options.model), Setup())
    runs = all_runs(resimulator)
    counts: dict[str, Counter[str]] = {}
    for cause, row in runs.items():
        unit = Unit.MICROSECONDS if cause.startswith("core clock") else Unit.CYCLES
        tables = [
            noisy(layer_times(row, unit), options.noise, random.Random(seed))
            for seed in range(options.seeds)
        ]
        verdicts = [verdict(resimulator, runs, times, unit) for times in tables]
        counts[cause] = Counter(outcome(found, cause) for found in verdicts)
    explained = sum(bool(found.cause) for found in _of_chance(resimulator, runs, options.seeds))
    if options.json:
        print(json.dumps({"causes": counts, "chance_explained": explained}, indent=1))
    else:
        for cause, count in counts.items():
            print(f"{cause}: {', '.join(f'{n} {how}' for how, n in count.most_common())}")
        print(f"of {options.seeds} tables by chance: {explained} explained")
    return 1 if explained or any(count[WRONG] for count in counts.values()) else 0


def _of_chance(resimulator: Resimulator, runs: dict[str, Measurement], seeds: int) -> list[Verdict]:
    times = layer_times(runs[SAME], Unit.CYCLES)
    tables = [
        {name: value * chance.choice(ODD_FACTORS) for name, value in times.items()}
        for chance in map(random.Random, range(seeds))
    ]
    return [verdict(resimulator, runs, table, Unit.CYCLES) for table in tables]


if __name__ == "__main__":
    sys.exit(main())
