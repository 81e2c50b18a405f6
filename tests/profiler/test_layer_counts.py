"""What each layer executed and waited for."""

from hwprof.blocks import GraphBuilder
from hwprof.graph import Conv2d
from hwprof.measurement import Placement
from hwprof.profiler.bench import Bench, Setup


def counted(setup):
    """A layer with few channels in front of one with many: cycles and counts of both."""
    builder = GraphBuilder()
    image = builder.input("image", (24, 24, 8))
    first = builder.add("a", "conv", Conv2d(kernel_h=1, kernel_w=1, out_channels=8), image)
    last = builder.add("b", "conv", Conv2d(kernel_h=1, kernel_w=1, out_channels=64), first)
    with Bench(setup) as bench:
        program = bench.lower(builder.finish("two", [last]))
        row = bench.measure(program, block_type="network", block_key="two")
        return row, bench.layer_counts(program)


def test_counts_belong_to_their_layers():
    """Eight times the products are several times the instructions; waits are part of the cycles."""
    row, (few, many) = counted(Setup())
    assert row.error == ""
    assert [few.name, many.name] == [layer.name for layer in row.operators]
    assert many.instructions > 3 * few.instructions
    for layer, counts in zip(row.operators, (few, many), strict=True):
        assert 0 < counts.stall_cycles < layer.cycles
        # Two a cycle at most, while the core does not wait.
        assert counts.instructions <= 2 * (layer.cycles - counts.stall_cycles)
    # 24 x 24 x 64 bytes are 1,152 lines, none of which the cold caches held.
    assert many.write_misses >= 1152 > few.write_misses


def test_tightly_coupled_memory_costs_no_wait():
    """With everything but the weights in DTCM only weights are waited for."""
    _, ocram = counted(Setup())
    _, dtcm = counted(Setup(placement=Placement(activations="dtcm")))
    assert all(near.write_misses == 0 for near in dtcm)
    assert all(n.stall_cycles < f.stall_cycles for n, f in zip(dtcm, ocram, strict=True))


def test_pipeline_timing_counts_no_misses():
    """Instructions are counted all the same."""
    _, (few, many) = counted(Setup(timing="pipeline"))
    assert (few.stall_cycles, many.read_misses) == (0, 0)
    assert many.instructions > few.instructions > 0
