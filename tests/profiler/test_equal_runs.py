"""Equal runs cost equal cycles, whatever ran before them on the same board."""

import pytest

from hwprof.blocks import GraphBuilder
from hwprof.graph import Conv2d, MaxPool
from hwprof.measurement import Placement
from hwprof.profiler.bench import Bench, Setup


def network(name, channels):
    """Convolution, pooling, convolution: more lines than the data cache has."""
    builder = GraphBuilder()
    image = builder.input("image", (32, 32, 8))
    wide = builder.add("a", "conv", Conv2d(kernel_h=3, kernel_w=3, out_channels=channels), image)
    small = builder.add(
        "p", "maxpool", MaxPool(kernel_h=2, kernel_w=2, stride_h=2, stride_w=2), wide
    )
    last = builder.add("b", "conv", Conv2d(kernel_h=1, kernel_w=1, out_channels=64), small)
    return builder.finish(name, [last])


@pytest.fixture(scope="module", params=["ocram", "sdram"])
def placement(request):
    """Activations behind the caches, weights in flash."""
    return Placement(activations=request.param)


def layers(bench, graph):
    """Cycles of each layer, and the run's spread."""
    row = bench.measure(bench.lower(graph), block_type="network", block_key=graph.name)
    assert row.error == ""
    return [layer.cycles for layer in row.operators], row.spread_cycles


def test_cold_runs_have_no_history(placement):
    """On a fresh board, behind itself, behind another network, and in three repeats."""
    one, other = network("one", 48), network("other", 40)
    setup = Setup(placement=placement)
    with Bench(setup) as bench:
        fresh, _ = layers(bench, one)
        again, _ = layers(bench, one)
        layers(bench, other)
        behind, _ = layers(bench, one)
    with Bench(Setup(placement=placement, repeats=3)) as bench:
        layers(bench, other)
        repeated, spread = layers(bench, one)

    assert fresh == again == behind == repeated
    assert spread == 0


def test_warm_runs_follow_one_of_their_own(placement):
    """What another network left matters as little."""
    one, other = network("one", 48), network("other", 40)
    with Bench(Setup(placement=placement, cache_state="warm")) as bench:
        fresh, _ = layers(bench, one)
        layers(bench, other)
        behind, _ = layers(bench, one)

    assert fresh == behind
