"""What a program takes of RAM and flash, and where it peaks."""

from __future__ import annotations

import pytest

from hwprof.blocks import GraphBuilder
from hwprof.graph import Add, Conv2d, Graph, Pads, Reshape, Unary, UnaryFunction
from hwprof.networks import NETWORKS
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.footprint import Footprint
from hwprof.profiler.lowering import lower
from hwprof.profiler.memory_report import TensorBytes, memory_report
from hwprof.profiler.program import POOL_BYTES


def branches() -> Graph:
    """A shortcut around a 3x3 convolution, a sum, a view of it."""
    builder = GraphBuilder()
    tensor = builder.input("x", (8, 8, 4))
    wide = builder.add("b", "wide", Conv2d(kernel_h=1, kernel_w=1, out_channels=16), tensor)
    conv = Conv2d(kernel_h=3, kernel_w=3, out_channels=16, pads=Pads.same(3))
    around = builder.add("b", "conv", conv, wide)
    total = builder.add("b", "sum", Add(), wide, around)
    view = builder.add("b", "view", Reshape(shape=(64, 1, 16)), total)
    relu = builder.add("b", "relu", Unary(function=UnaryFunction.RELU), view)
    return builder.finish("branches", [relu])


def test_peak_is_where_most_is_alive():
    """The shortcut is alive while the convolution runs; the sum is written over one of them."""
    report = memory_report(lower(branches()))

    assert report.peak_layer == "b/conv"
    assert report.peak_tensors == (TensorBytes("b/wide", 1_024), TensorBytes("b/conv", 1_024))
    assert report.live_bytes == report.activations_bytes == 2_048
    assert report.live_bytes_of == {
        "b/wide": 1_280, "b/conv": 2_048, "b/sum": 2_048, "b/relu": 1_024,
    }  # fmt: skip


def test_scratch_names_its_layer():
    """Two int16 columns of 3x3x16 elements are the 3x3 convolution's; the others need none."""
    report = memory_report(lower(branches()))

    assert (report.scratch_layer, report.scratch_bytes) == ("b/conv", 2 * 2 * 9 * 16)


def test_flash_is_weights_and_constants():
    """Weights of both convolutions; a bias, a multiplier and a shift for each of 32 channels."""
    report = memory_report(lower(branches()))

    assert report.weights_bytes == 4 * 16 + 9 * 16 * 16
    assert report.constants_bytes >= 32 * 3 * 4 + 256
    assert report.peak_ram_bytes == 2_048 + report.scratch_bytes + report.constants_bytes


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_parts_agree_with_the_program(name: str):
    """The report adds up to what the program says of itself."""
    program = lower(NETWORKS[name]().graph(seed=0))

    report = memory_report(program)

    assert report.peak_ram_bytes == program.peak_ram_bytes
    assert report.weights_bytes + report.constants_bytes == program.flash_bytes
    assert max(report.live_bytes_of.values()) == report.live_bytes <= report.activations_bytes


def test_footprint_beside_the_board():
    """Rooms are those of the board, code is that of its image."""
    with Bench(Setup()) as bench:
        footprint = bench.footprint(bench.lower(branches()))

    document = footprint.document()
    assert document["peak_layer"] == "b/conv"
    assert document["flash"]["code_bytes"] > document["flash"]["constant_data_bytes"] > 0
    rooms = {part: room for room in document["rooms"] for part in room["parts"]}
    assert set(rooms) == {"activations", "constants", "program", "scratch", "weights"}
    assert rooms["activations"]["size_bytes"] == 2_048 < rooms["activations"]["room_bytes"]
    assert rooms["weights"]["room_bytes"] > POOL_BYTES
    text = "\n".join(footprint.lines())
    assert "activations peak at b/conv: 2,048 bytes alive (b/wide 1,024, b/conv 1,024)" in text
    assert "scratch peaks at b/conv: 576 bytes" in text


def test_footprint_on_foreign_firmware():
    """Code of an image that is not ours is left out, and so is scratch that nobody needs."""
    builder = GraphBuilder()
    conv = Conv2d(kernel_h=1, kernel_w=1, out_channels=4)
    graph = builder.finish("one", [builder.add("b", "conv", conv, builder.input("x", (2, 2, 4)))])

    footprint = Footprint(memory_report(lower(graph)), (), None)

    assert footprint.document()["flash"]["code_bytes"] is None
    text = "\n".join(footprint.lines())
    assert "firmware" not in text
    assert "scratch" not in text
