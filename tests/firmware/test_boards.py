"""One image on every board computes the same bytes, wherever code and tensors lie."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from hwprof.architecture import block_graph
from hwprof.blocks import get_block_type
from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.firmware_stub.targets import default_placement, virtual_targets
from hwprof.firmware_stub.virtual.board_files import BOARDS
from hwprof.graph import Graph
from hwprof.measurement import Placement
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.device import Device
from hwprof.profiler.links import open_link
from hwprof.profiler.reference import run_reference
from hwprof.testing.kernels import random_program

BLOCKS = ("shufflev2", "dwsep", "mbconv", "resnet", "fc", "pool")


def smallest(block_type: str) -> Graph:
    """A block with the first values of its axes that go together."""
    block = get_block_type(block_type)
    choices = product(*([(axis.name, value) for value in axis.values] for axis in block.axes()))
    return block_graph(next(filter(None, (block.config(dict(choice)) for choice in choices))))


@pytest.mark.parametrize("target", virtual_targets())
class TestEveryBoard:
    """The boards that ship, each in its default placement."""

    def test_every_kernel_computes_the_references_bytes(self, target):
        """A program of one record of each kind, with weights staged in the board's flash."""
        case = random_program(5)
        program = replace(case.program, placement=default_placement(target))
        with open_link(target) as link:
            device = Device(link)
            device.load(program)
            device.write_inputs(*case.inputs.values())

            assert (
                device.run(fill_inputs=False).checksums
                == run_reference(case.program, case.inputs).checksums
            )

    def test_seeded_networks_are_verified(self, target):
        """Weights are slices of the pool in that board's flash."""
        with Bench(Setup(target)) as bench:
            rows = [
                bench.measure(bench.lower(smallest(name)), block_type=name, block_key="smallest")
                for name in BLOCKS
            ]

        assert [row.error for row in rows] == [""] * len(BLOCKS)
        assert all(row.cycles > 0 for row in rows)

    def test_rows_belong_to_the_board(self, target):
        """Context and placement are those of the board file."""
        with Bench(Setup(target)) as bench:
            context = bench.origin.context

        assert f"virtual:{context.board}" == target
        assert context.placement == default_placement(target)


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("virtual:rt1170", "flash"),
        ("virtual:rt1170", "ocram"),
        ("virtual:stm32h743", "itcm"),
        ("virtual:stm32f746", "sram"),
    ],
)
def test_code_runs_from_where_it_is_placed(target: str, code: str):
    """Another code placement is a move of the image, and part of the context."""
    with Bench(Setup(target, Placement.parse(f"code={code}"))) as bench:
        row = bench.measure(bench.lower(smallest("fc")), block_type="fc", block_key="smallest")

    assert (row.error, row.origin.context.placement.code) == ("", code)


def test_code_that_does_not_fit_is_refused():
    """The ITCM of the F746 is smaller than the kernels."""
    with pytest.raises(ConfigurationError, match="code must fit memory itcm of board stm32f746"):
        Bench(Setup("virtual:stm32f746", Placement.parse("code=itcm")))


def test_code_where_none_may_lie_is_refused():
    """The sentence names a memory that takes code."""
    with pytest.raises(UnknownNameError, match="unknown memory for code 'tape'"):
        Bench(Setup("virtual:rt1170", Placement.parse("code=tape")))


def test_another_clock_is_another_context():
    """Latency follows the clock that the target names."""
    with Bench(Setup("virtual:stm32h743?clock_hz=400000000")) as bench:
        assert bench.origin.context.clock_hz == 400_000_000


def test_a_board_of_ones_own_is_one_file(tmp_path: Path):
    """A copy under another name, with less memory, runs and says who it is."""
    text = (BOARDS / "stm32f767.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(
        text.replace('name = "stm32f767"', 'name = "mine"').replace("0x60000", "0x20000")
    )
    with Bench(Setup(f"virtual:{path}")) as bench:
        row = bench.measure(bench.lower(smallest("fc")), block_type="fc", block_key="smallest")

    assert (row.error, row.origin.context.board) == ("", "mine")
    assert row.origin.target == f"virtual:{path}"
