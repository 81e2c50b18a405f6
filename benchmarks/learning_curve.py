"""How fast surrogates learn: error against samples and board minutes, by how samples are chosen.

    python benchmarks/learning_curve.py --work build/learning_curve
    python benchmarks/learning_curve.py --block pwconv --seeds 2 --json

Random blocks of each type are measured once, into the work folder, in the default context. For
each seed a third of them is held out, and each strategy chooses among the others: ``random``;
``stratified`` (``hwprof sample --method stratified``); ``adaptive`` (``hwprof profile
--adaptive``). The physical prior fitted to the first 20, 30, ... chosen, of that type alone, is
judged on the blocks held out; with ``--all-models`` its corrections compete as in ``hwprof fit``,
which takes ten times as long. Board minutes are the board's own computing time. The points land in
``learning_curves.json`` of the work folder, where ``hwprof report --workspace`` draws them.

Asked for: the error of N random samples with N / 2 adaptive ones, mean of 5 seeds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.plans import stratified
from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.fit import FitOptions, fit
from hwprof.surrogates.pricing import SurrogatePricer
from hwprof.surrogates.regressors import PhysicalPrior
from hwprof.surrogates.rows import MAX_SATURATED_SHARE, Samples, collect_samples
from hwprof.surrogates.validation import score
from hwprof.workflows.adaptive_sampling import BATCH, FIRST_BATCH, choose_configs
from hwprof.workflows.learning_curves import LearningPoint, save_learning_curves
from hwprof.workflows.measure_samples import measure_samples
from hwprof.workflows.sample_blocks import sample_blocks
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

SIZES = (20, 30, 40, 50, 60, 80, 100, 120, 200)
POOL_SEED = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Measured blocks of one type.

    Attributes:
        rows: as the store has them, one for each sample, in the same order.
    """

    rows: pd.DataFrame
    samples: Samples

    def take(self, chosen: Sequence[int]) -> Pool:
        """Some of the blocks."""
        rows = self.rows.iloc[list(chosen)]
        return Pool(rows, collect_samples(rows))

    @property
    def minutes(self) -> float:
        """Board minutes of one run of each."""
        return float(self.rows["latency_us"].sum()) / 60e6


def main() -> None:
    """Measure, choose, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", type=Path, default=Path("build/learning_curve"))
    parser.add_argument(
        "--block", action="append", help="default: conv, pwconv, shufflev2 and mbconv"
    )
    parser.add_argument("--count", type=int, default=1000, help="blocks measured of each type")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--all-models", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    workspace = Workspace(options.work)
    fitting = FitOptions() if options.all_models else FitOptions(models=(PhysicalPrior.name,))
    points: list[LearningPoint] = []
    with ProcessPoolExecutor(options.workers) as executor:
        for block in options.block or ["conv", "pwconv", "shufflev2", "mbconv"]:
            pool = measured_pool(workspace, block, options.count, options.workers)
            tasks = [
                (pool, fitting, strategy, seed)
                for strategy in STRATEGIES
                for seed in range(options.seeds)
            ]
            points += [point for curve in executor.map(curve_of, tasks) for point in curve]
            save_learning_curves(points, workspace.learning_curves)
            if not options.json:
                print(table(points, block), flush=True)
    if options.json:
        print(json.dumps([asdict(point) for point in points], indent=1))


def measured_pool(workspace: Workspace, block: str, count: int, workers: int) -> Pool:
    """Random blocks of a type, measured where they were not."""
    setup = Setup()
    for _ in sample_blocks(workspace, [block], count=count, method="random", seed=POOL_SEED):
        pass
    measure_samples(workspace, setup, workers=workers, block_types=[block])
    with Bench(setup) as bench:
        origin = bench.origin
    with MeasurementStore(workspace.store) as store:
        frame = store.frame()
    rows = frame[
        (frame.block_type == block)
        & (frame.code_sha256 == origin.code_sha256)
        & (frame.error == "")
        & (frame.saturated_share <= MAX_SATURATED_SHARE)
    ]
    return Pool(rows, collect_samples(rows, origin.context))


def curve_of(task: tuple[Pool, FitOptions, str, int]) -> list[LearningPoint]:
    """One strategy with one seed on one block type."""
    pool, fitting, strategy, seed = task
    order = np.random.default_rng(seed).permutation(len(pool.rows)).tolist()
    held_out = pool.take(order[: len(order) // 3])
    others = pool.take(order[len(order) // 3 :])
    chosen = list(islice(STRATEGIES[strategy](others.samples, seed), max(SIZES)))
    points = []
    for size in (size for size in SIZES if size <= len(chosen)):
        learned = others.take(chosen[:size])
        artefact = fit(learned.rows, fitting).artefact
        predicted = SurrogatePricer(artefact).price(held_out.samples.configs).cycles
        points.append(
            LearningPoint(
                strategy=strategy,
                seed=seed,
                block_type=held_out.samples.configs[0].block_type,
                n_samples=size,
                board_minutes=learned.minutes,
                mape_percent=score(held_out.samples.cycles, predicted).mape_percent,
            )
        )
    return points


def at_random(samples: Samples, seed: int) -> Iterator[int]:
    """Rows in random order."""
    yield from np.random.default_rng([seed, 1]).permutation(len(samples.configs)).tolist()


def by_cost(samples: Samples, seed: int) -> Iterator[int]:
    """Rows as the plan ``stratified`` takes them."""
    row_of = {config: row for row, config in enumerate(samples.configs)}
    for config in stratified(lambda count: samples.configs[:count], seed):
        yield row_of[config]


def adaptively(samples: Samples, seed: int) -> Iterator[int]:
    """Rows as ``hwprof profile --adaptive`` takes them, by the cycles of those taken before."""
    del seed  # chance is in what is held out
    row_of = {config: row for row, config in enumerate(samples.configs)}
    chosen: list[int] = []
    while len(chosen) < len(row_of):
        known = [samples.configs[row] for row in chosen]
        left = [config for config in row_of if config not in set(known)]
        count = BATCH if chosen else FIRST_BATCH
        batch = choose_configs(known, samples.cycles[chosen], left, count)
        chosen += [row_of[config] for config in batch]
        yield from chosen[-len(batch) :]


STRATEGIES = {"random": at_random, "stratified": by_cost, "adaptive": adaptively}


def table(points: Sequence[LearningPoint], block: str) -> str:
    """Mean over seeds for each number of samples."""
    head = f"{'samples':>9}" + "".join(f"{name + ' %':>12}{'minutes':>9}" for name in STRATEGIES)
    lines = [f"\n{block}: held-out MAPE, mean of seeds, and board minutes", head]
    sizes = sizes_of(points, block)
    for size in sizes:
        cells = ""
        for name in STRATEGIES:
            error, minutes = mean_point(points, block, name, size)
            cells += f"{error:12.2f}{minutes:9.4f}"
        lines.append(f"{size:9}{cells}")
    lines += [half_the_samples(points, block, size) for size in sizes if size // 2 in sizes]
    return "\n".join(lines)


def sizes_of(points: Sequence[LearningPoint], block: str) -> list[int]:
    """Numbers of samples that were fitted, ascending; few blocks end a curve early."""
    return sorted({point.n_samples for point in points if point.block_type == block})


def half_the_samples(points: Sequence[LearningPoint], block: str, size: int) -> str:
    """Random samples against half as many adaptive ones."""
    random, _ = mean_point(points, block, "random", size)
    adaptive, _ = mean_point(points, block, "adaptive", size // 2)
    needed = as_good_as(points, block, adaptive)
    return (
        f"{size:4} random {random:6.2f} %, {size // 2:4} adaptive {adaptive:6.2f} % "
        f"({'reached' if adaptive <= random else 'missed'}; as good as {needed} random ones)"
    )


def mean_point(
    points: Sequence[LearningPoint], block: str, strategy: str, size: int
) -> tuple[float, float]:
    """Error in percent and board minutes, mean of the seeds."""
    chosen = [
        (point.mape_percent, point.board_minutes)
        for point in points
        if (point.block_type, point.strategy, point.n_samples) == (block, strategy, size)
    ]
    error, minutes = np.mean(chosen, axis=0).tolist()
    return error, minutes


def as_good_as(points: Sequence[LearningPoint], block: str, goal: float) -> str:
    """Random samples from which on the error stays at a goal, on straight lines between sizes."""
    sizes = sizes_of(points, block)
    errors = [mean_point(points, block, "random", size)[0] for size in sizes]
    above = [index for index, error in enumerate(errors) if error > goal]
    if not above:
        return f"at most {sizes[0]}"
    last = above[-1]
    if last + 1 == len(sizes):
        return f"more than {sizes[-1]}"
    share = (errors[last] - goal) / (errors[last] - errors[last + 1])
    return f"{sizes[last] + share * (sizes[last + 1] - sizes[last]):.0f}"


if __name__ == "__main__":
    main()
