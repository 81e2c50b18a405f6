"""Memory counted from blocks is what lowering plans."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from hwprof.architecture import Architecture, single_operator
from hwprof.graph import Add, FullyConnected, Node, Reshape
from hwprof.networks import parse_architecture
from hwprof.profiler.block_memory import counted_memory
from hwprof.profiler.lowering import lower
from hwprof.profiler.memory_report import memory_report
from hwprof.search.spaces import get_space

NETWORKS = (
    "mobilenet-v1:size=64",
    "mobilenet-v2",
    "resnet:depth=8",
    "resnet:depth=11,bottleneck=1",
    "mcunet-vww1",
    "mlperf-tiny-ic",
    "mlperf-tiny-ad",
    "cifar10-cnn",
    "person-detector-head",
    *(f"random-chain:seed={seed}" for seed in range(4)),
)
SCHEMES = ("tflite", "asymmetric/per-tensor", "power-of-two/per-channel")


def _check(network: Architecture, scheme: str = "tflite") -> None:
    counted = counted_memory(network.blocks, network.outputs, scheme)
    program = lower(network.graph(), scheme=scheme)
    report = memory_report(program)
    planned = (report.scratch_bytes, report.constants_bytes, report.weights_bytes)
    assert (counted.scratch_bytes, counted.constants_bytes, counted.weights_bytes) == planned
    assert counted.flash_bytes == program.flash_bytes
    assert counted.live_bytes == report.live_bytes
    assert counted.ram_bytes <= program.peak_ram_bytes


def test_person_detectors_are_counted_as_they_are_planned() -> None:
    """Other points of the space each time; there the planner reaches the bound."""
    space = get_space("person-detection")
    points = [space.point(random.randrange(space.size)) for _ in range(12)]
    for network in map(space.architecture, points):
        _check(network)
        counted = counted_memory(network.blocks, network.outputs)
        assert counted.ram_bytes == lower(network.graph()).peak_ram_bytes, network.name


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_counted_as_they_are_planned(name: str) -> None:
    """Chains, residuals that add in place, dense layers, poolings and softmax."""
    _check(parse_architecture(name))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_schemes_differ_in_their_constants(scheme: str) -> None:
    """One scale or one for each channel, zero points of weights, shifts for multipliers."""
    _check(parse_architecture("person-detector:k=3,g=4,c=40,width=320,aspect=0.8"), scheme)


def test_a_tensor_that_passes_a_block_by_is_alive_there() -> None:
    """What two blocks read stays while the block between them runs."""
    first = parse_architecture("cifar10-cnn").blocks[0]
    shape = (32, 32, 32)
    network = Architecture(
        "long way",
        (("input", first.config.inputs[0]),),
        (
            first,
            replace(first, name="middle", config=_same(shape), inputs=(first.name,)),
            replace(first, name="after", config=_same(shape), inputs=("middle",)),
            single_operator(Node("sum", Add(), (first.name, "after"), ""), [shape, shape]),
        ),
        ("sum",),
    )
    _check(network)


def _same(shape):
    from hwprof.graph import Conv2d, Pads

    op = Conv2d(kernel_h=3, kernel_w=3, out_channels=32, pads=Pads.same(3))
    return single_operator(Node("", op, ("x",), ""), [shape]).config


def test_views_and_doubled_inputs_are_lowered() -> None:
    """A flattened map has the bytes of the map, and a tensor plus itself is there once."""
    flat = Reshape(shape=(1, 1, 48))
    blocks = (
        single_operator(Node("double", Add(), ("input", "input"), ""), [(4, 4, 3)] * 2),
        single_operator(Node("flat", flat, ("double",), ""), [(4, 4, 3)]),
        single_operator(Node("dense", FullyConnected(out_features=2), ("flat",), ""), [(1, 1, 48)]),
    )
    _check(Architecture("views", (("input", (4, 4, 3)),), blocks, ("dense",)))
