"""Constants that a board has no room for lie with the weights, and mean the same there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.blocks import GraphBuilder
from hwprof.graph import Conv2d, FloatWeights, FullyConnected, Graph, Unary, UnaryFunction
from hwprof.networks import mobilenet_v1
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.constants import spill
from hwprof.profiler.lowering import lower
from hwprof.profiler.program import Program, Region
from hwprof.profiler.reference import run_reference

PLENTY = 1 << 20


def layers() -> Graph:
    """Biases, factors and a table, of four layers."""
    builder = GraphBuilder()
    tensor = builder.input("x", (4, 4, 8))
    for number, channels in enumerate((16, 40, 24)):
        conv = Conv2d(kernel_h=1, kernel_w=1, out_channels=channels)
        tensor = builder.add("b", f"conv{number}", conv, tensor)
    tensor = builder.add("b", "table", Unary(function=UnaryFunction.TANH), tensor)
    return builder.finish(
        "layers", [builder.add("b", "fc", FullyConnected(out_features=5), tensor)]
    )


def trained(graph: Graph) -> Graph:
    """The same with weights of its own, so that the program carries its constants."""
    rng = np.random.default_rng(5)
    weights = {}
    for node in graph.weighted_nodes:
        shape = node.op.weight_shape(graph.input_shapes(node))
        kernel = rng.standard_normal(shape, dtype=np.float32)
        weights[node.name] = FloatWeights(kernel, rng.standard_normal(shape[0], dtype=np.float32))
    return replace(graph, weights=weights)


def outputs(program: Program) -> list[bytes]:
    """What every record writes."""
    return [record.output.tobytes() for record in run_reference(program).records]


@given(st.integers(0, 4_000))
def test_constants_mean_the_same_wherever_they_lie(room_bytes: int):
    """However little room there is, it is kept to, and the reference computes the same bytes."""
    program = lower(layers())

    spilled = spill(program, constants_room_bytes=room_bytes, program_room_bytes=PLENTY)

    assert spilled.constants_bytes <= room_bytes
    assert outputs(spilled) == outputs(program)
    assert len(spilled.constants) == len(program.constants) or spilled.weights_image


def test_what_fits_stays():
    """A program with room for its constants is left as it is."""
    program = lower(layers())

    assert spill(program, constants_room_bytes=PLENTY, program_room_bytes=PLENTY) is program


def test_a_program_too_long_sheds_the_constants_it_carries():
    """Trained biases travel in the program; with the weights they do not."""
    program = lower(trained(layers()))
    room_bytes = len(program.data) - 300

    spilled = spill(program, constants_room_bytes=PLENTY, program_room_bytes=room_bytes)

    assert len(spilled.data) <= room_bytes < len(program.data)
    assert outputs(spilled) == outputs(program)


def test_the_largest_constants_go_first():
    """Few of them are enough, and the small ones stay in fast memory."""
    program = lower(layers())

    spilled = spill(
        program, constants_room_bytes=program.constants_bytes - 32, program_room_bytes=PLENTY
    )

    (table,) = (record for record in spilled.records if record.layer == "b/table")
    assert table.table.region is Region.WEIGHTS
    assert spilled.constants_bytes == program.constants_bytes - 256


@pytest.mark.parametrize("graph", [layers(), trained(layers())], ids=["seeded", "trained"])
def test_the_board_computes_the_same_from_its_weights(graph: Graph):
    """Every record's checksum agrees with no constant in the room for constants."""
    with Bench(Setup()) as bench:
        program = spill(bench.lower(graph), constants_room_bytes=0, program_room_bytes=PLENTY)
        row = bench.measure(program, block_type="network", block_key="layers")

    assert program.constants == ()
    assert not row.error


def test_a_network_of_many_channels_fits_the_board():
    """MobileNetV1 at full width has more channels than the board keeps constants for."""
    graph = mobilenet_v1(alpha=1.0, size=32).graph(seed=0)

    with Bench(Setup()) as bench:
        rooms = {need.parts[0]: need for need in bench.footprint(bench.lower(graph)).needs}

    assert lower(graph).constants_bytes > rooms["constants"].room_bytes
    assert 0 < rooms["constants"].size_bytes <= rooms["constants"].room_bytes
    assert 0 < rooms["weights"].size_bytes <= rooms["weights"].room_bytes
