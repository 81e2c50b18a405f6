"""The program that a campaign measures again and again to see that its board has not changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwprof.blocks import GraphBuilder
from hwprof.graph import Activation, Conv2d, FullyConnected, Graph, MaxPool, Reshape
from hwprof.measurement import NETWORK

if TYPE_CHECKING:
    from hwprof.profiler.bench import Bench

NAME = "reference"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a board made of the reference.

    Attributes:
        cycles, spread_cycles: as of a measurement.
        fault: why it says nothing of the board's pace, as one clause; empty where it does.
    """

    program_sha256: str
    cycles: int
    spread_cycles: int
    fault: str = ""


def reference_graph() -> Graph:
    """A 1x1 convolution, which the core decides, and a dense layer, which the memories do.

    On the virtual RT1170 the core takes about half of its cycles, so a change of a tenth in the
    core's clock or in the weights' memory moves them by some percent.
    """
    builder = GraphBuilder()
    tensor = builder.input("input", (16, 16, 32))
    for name, op in (
        ("pointwise", Conv2d(kernel_h=1, kernel_w=1, out_channels=32, activation=Activation.RELU)),
        ("pool", MaxPool(kernel_h=4, kernel_w=4, stride_h=4, stride_w=4)),
        ("flat", Reshape(shape=(1, 1, 512))),
        ("dense", FullyConnected(out_features=64)),
    ):
        tensor = builder.add(NAME, name, op, tensor)
    return builder.finish(NAME, [tensor])


def read_reference(bench: Bench) -> Reading:
    """Measure the reference, and see that it is still the same board that answers.

    Raises:
        LinkError: the line or the board failed.
        ModelDoesNotFitError: this board has no room for it.
    """
    program = bench.lower(reference_graph())
    row = bench.measure(program, block_type=NETWORK, block_key=NAME)
    return Reading(program.sha256, row.cycles, row.spread_cycles, bench.changed() or row.error)
