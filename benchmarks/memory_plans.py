"""Peak RAM of activations by our planner and by TensorFlow Lite Micro's greedy one.

Run: python benchmarks/memory_plans.py [MODEL ...]

Prints, for each network, the arena of our plan, that of the greedy plan of the same tensors, and
the most bytes that are alive at one operator, without and with writing element-wise results over
an input: no plan of those tensors can be smaller. All tensors start on a line of 32 bytes.
"""

from __future__ import annotations

import argparse

from hwprof.models import resolve_model
from hwprof.profiler.lowering import lower
from hwprof.profiler.lowering.memory import align, lives_of, most_alive_bytes, plan_arena
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
    greedy = greedy_arena_bytes(
        [GreedyBuffer(align(life.size_bytes), life.first, life.last) for life in lives]
    )
    plan = plan_arena(program.records, lives)
    return len(lives), plan.size_bytes, greedy, most_alive_bytes(lives)


def main() -> None:
    """Print one line for each network."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", default=MODELS)
    print(f"{'model':52} {'tensors':>7} {'ours':>9} {'greedy':>9} {'alive':>9}  bytes")
    for model in parser.parse_args().models:
        tensors, ours, greedy, alive = plan_row(model)
        print(f"{model:52} {tensors:>7} {ours:>9,} {greedy:>9,} {alive:>9,}")


if __name__ == "__main__":
    main()
