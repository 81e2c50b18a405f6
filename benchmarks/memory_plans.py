"""Peak RAM of activations by our planner and by TensorFlow Lite Micro's greedy one.

Run: python benchmarks/memory_plans.py [MODEL ...]

Prints, for each network, the arena of our plan, that of the greedy plan of the same tensors, and
the most bytes that are alive at one operator, without and with writing element-wise results over
an input: no plan of those tensors can be smaller. All tensors start on a line of 32 bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from hwprof.models import resolve_model
from hwprof.profiler.lowering import lower
from hwprof.profiler.lowering.memory import (
    Life,
    align,
    lives_of,
    most_alive_bytes,
    place_lives,
    plan_arena,
)
from hwprof.testing.greedy import GreedyBuffer, greedy_arena_bytes

MODELS = (
    "person-detector:k=5,g=1,c=96,width=320,aspect=0.6",
    "person-detector:k=5,g=1,c=96,width=320,aspect=0.8",
    "fastestdet",
    "mobilenet-v1",
    "micronet-kws-l",
    "micronet-kws-s",
    "micronet-ad-s",
    "cifar10-cnn",
)


def plan_row(model: str) -> tuple[int, int, int, int]:
    """Tensors, arena bytes of ours, of the greedy plan, and the most bytes alive."""
    program = lower(resolve_model(model).graph)
    inputs = [entry.buffer for entry in program.inputs]
    lives = lives_of(program.records, inputs, program.outputs)
    plan = plan_arena(program.records, lives)
    return len(lives), plan.size_bytes, _greedy(lives), most_alive_bytes(lives)


def random_excess(count: int) -> tuple[float, float]:
    """Mean share by which our arena, and the greedy one, exceeds what is alive; random tensors."""
    rng = np.random.default_rng(0)
    ours = greedy = 0.0
    for _ in range(count):
        first = rng.integers(-1, 20, 24)
        last = np.maximum(first + rng.integers(0, 6, 24), 0)
        sizes = 32 * rng.integers(1, 64, 24)
        rows = zip(sizes.tolist(), first.tolist(), last.tolist(), strict=True)
        lives = [Life(f"t{number}", *row) for number, row in enumerate(rows)]
        alive = most_alive_bytes(lives)
        ours += place_lives(lives).size_bytes / alive - 1
        greedy += _greedy(lives) / alive - 1
    return ours / count, greedy / count


def _greedy(lives: Sequence[Life]) -> int:
    return greedy_arena_bytes(
        [GreedyBuffer(align(life.size_bytes), life.first, life.last) for life in lives]
    )


def main() -> None:
    """Print one line for each network."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", default=MODELS)
    print(f"{'model':52} {'tensors':>7} {'ours':>9} {'greedy':>9} {'alive':>9}  bytes")
    for model in parser.parse_args().models:
        tensors, ours, greedy, alive = plan_row(model)
        print(f"{model:52} {tensors:>7} {ours:>9,} {greedy:>9,} {alive:>9,}")
    above, greedy_above = random_excess(1_000)
    print(
        f"1,000 sets of 24 random tensors: ours {above:.2%} above alive, greedy {greedy_above:.2%}"
    )


if __name__ == "__main__":
    main()
