"""How fast surrogates learn: error against samples and board minutes, by how samples are chosen.

    python benchmarks/learning_curve.py --work build/learning_curve
    python benchmarks/learning_curve.py --block pwconv --seeds 2 --json

Random blocks of each type are measured once, into the work folder, in the default context. For
each seed a third of them is held out, and each strategy chooses among the others: ``random``;
``stratified`` (``hwprof sample --method stratified``); ``adaptive`` (``hwprof profile
--adaptive``). What ``hwprof fit`` makes of the first 20, 30, ... chosen, of that type alone, is
judged on the blocks held out. Board minutes are the board's own computing time. The points land in
``learning_curves.json`` of the work folder, where ``hwprof report --workspace`` draws them.

Asked for: the error of N random samples with N / 2 adaptive ones, mean of 5 seeds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.plans import stratified
from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.fit import fit
from hwprof.surrogates.pricing import SurrogatePricer
from hwprof.surrogates.rows import MAX_SATURATED_SHARE, Samples, collect_samples
from hwprof.surrogates.validation import score
from hwprof.workflows.adaptive_sampling import BATCH, FIRST_BATCH, choose_configs
from hwprof.workflows.learning_curves import LearningPoint, save_learning_curves
from hwprof.workflows.measure_samples import measure_samples
from hwprof.workflows.sample_blocks import sample_blocks
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

SIZES = (20, 30, 40, 50, 60, 80, 100, 120, 160, 200)
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
    parser.add_argument("--block", action="append", help="default: conv, pwconv and mbconv")
    parser.add_argument("--count", type=int, default=1000, help="blocks measured of each type")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    workspace = Workspace(options.work)
    blocks = options.block or ["conv", "pwconv", "mbconv"]
    pools = measured_pools(workspace, blocks, options)
    tasks = list(product(pools.values(), STRATEGIES, range(options.seeds)))
    with ProcessPoolExecutor(options.workers) as executor:
        points = [point for curve in executor.map(curve_of, tasks) for point in curve]
    save_learning_curves(points, workspace.learning_curves)
    if options.json:
        print(json.dumps([asdict(point) for point in points], indent=1))
    else:
        print("\n\n".join(table(points, block) for block in blocks))


def measured_pools(
    workspace: Workspace, blocks: Sequence[str], options: argparse.Namespace
) -> dict[str, Pool]:
    """Random blocks of each type, measured where they were not."""
    setup = Setup()
    for _ in sample_blocks(workspace, blocks, count=options.count, method="random", seed=POOL_SEED):
        pass
    measure_samples(workspace, setup, workers=options.workers, block_types=blocks)
    with Bench(setup) as bench:
        origin = bench.origin
    with MeasurementStore(workspace.store) as store:
        frame = store.frame()
    good = frame[
        (frame.code_sha256 == origin.code_sha256)
        & (frame.error == "")
        & (frame.saturated_share <= MAX_SATURATED_SHARE)
    ]
    pools = {}
    for block in blocks:
        rows = good[good.block_type == block]
        pools[block] = Pool(rows, collect_samples(rows, origin.context))
    return pools


def curve_of(task: tuple[Pool, str, int]) -> list[LearningPoint]:
    """One strategy with one seed on one block type."""
    pool, strategy, seed = task
    order = np.random.default_rng(seed).permutation(len(pool.rows)).tolist()
    held_out = pool.take(order[: len(order) // 3])
    others = pool.take(order[len(order) // 3 :])
    chosen = list(islice(STRATEGIES[strategy](others.samples, seed), max(SIZES)))
    points = []
    for size in SIZES:
        learned = others.take(chosen[:size])
        artefact = fit(learned.rows).artefact
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
    lines = [f"{block}: held-out MAPE, mean of seeds, and board minutes", head]
    for size in SIZES:
        cells = ""
        for name in STRATEGIES:
            error, minutes = mean_point(points, block, name, size)
            cells += f"{error:12.2f}{minutes:9.4f}"
        lines.append(f"{size:9}{cells}")
    lines += [half_the_samples(points, block, size) for size in SIZES if size // 2 in SIZES]
    return "\n".join(lines)


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
    errors = [mean_point(points, block, "random", size)[0] for size in SIZES]
    above = [index for index, error in enumerate(errors) if error > goal]
    if not above:
        return f"at most {SIZES[0]}"
    last = above[-1]
    if last + 1 == len(SIZES):
        return f"more than {SIZES[-1]}"
    share = (errors[last] - goal) / (errors[last] - errors[last + 1])
    return f"{SIZES[last] + share * (SIZES[last + 1] - SIZES[last]):.0f}"


if __name__ == "__main__":
    main()
