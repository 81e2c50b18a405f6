"""Each hazard of the pipeline costs what its hand-derived micro-kernel says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hwprof.firmware_stub.virtual.core import load_core
from hwprof.firmware_stub.virtual.decode import Decoder
from hwprof.firmware_stub.virtual.scoreboard import Scoreboard
from hwprof.firmware_stub.virtual.timing import PipelineTiming

GOLDEN = Path(__file__).parent.parent / "golden"
KERNELS, EDGES = (
    {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.json"))
    }
    for folder in (GOLDEN, GOLDEN / "edges")
)
COSTS = (
    "instructions",
    "cycles",
    "taken_cycles",
    "passed_cycles",
    "mispredicted_cycles",
    "retargeted_cycles",
)


@pytest.fixture(scope="module")
def core():
    """The Cortex-M7."""
    return load_core("cortex_m7")


@pytest.mark.parametrize("name", KERNELS)
def test_a_hazard_costs_what_was_derived_by_hand(core, name):
    """Issue cycles and total are those of the golden file."""
    kernel = KERNELS[name]
    operations = Decoder(core).block(bytes.fromhex(kernel["code"]), 0)
    scoreboard = Scoreboard(core)

    assert scoreboard.issue_cycles(operations) == kernel["issue_cycles"], kernel["reasoning"]
    assert scoreboard.run(operations).cycles == pytest.approx(kernel["cycles"])


@pytest.mark.parametrize("name", KERNELS)
def test_a_golden_kernel_is_known_to_the_tables(core, name):
    """No golden kernel rests on the class of unknown instructions."""
    kernel = KERNELS[name]
    operations = Decoder(core).block(bytes.fromhex(kernel["code"]), 0)

    assert len(operations) == len(kernel["assembly"])
    assert "unknown" not in {operation.cls.name for operation in operations}


@pytest.mark.parametrize("name", EDGES)
def test_an_edge_costs_what_was_derived_by_hand(core, name):
    """A block, its branch and what it does to its neighbours cost what the golden file says."""
    edge = EDGES[name]
    code, address = bytes.fromhex(edge["code"]), edge["address"]
    operations = Decoder(core).block(code[address:], address)[: edge["instructions"]]
    size_bytes = sum(operation.size_bytes for operation in operations)

    cost = PipelineTiming(core).block_cost(
        address, size_bytes, lambda start, size: code[start : start + size]
    )

    assert {key: getattr(cost, key) for key in COSTS} == {key: edge[key] for key in COSTS}, edge[
        "reasoning"
    ]
