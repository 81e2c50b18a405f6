"""Address streams against Unicorn's own hooks: the whole firmware on programs of every record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.profiler.device import Device
from hwprof.profiler.links import VirtualLink
from hwprof.testing.kernels import KernelCase, random_program

TRACE_ACCESSES = 4_000_000


@dataclass
class Watched:
    """A device and what its board saw."""

    device: Device
    link: VirtualLink

    @property
    def streams(self):
        """Where the accesses pass."""
        return self.link.board._timing_run.streams

    def run(self, case: KernelCase):
        """The run's result, and its accesses in order."""
        self.device.load(case.program)
        self.device.write_inputs(*case.inputs.values())
        self.streams.record(TRACE_ACCESSES)
        result = self.device.run(fill_inputs=False)
        return result, self.streams.recorded()

    def counted(self):
        """Everything that the board counted since power-on."""
        board = self.link.board
        run = board._timing_run
        costs = sorted(
            zip(
                run.counts().address.tolist(),
                run.counts().count.tolist(),
                run.cycles_of_blocks().tolist(),
                run.memory.block_misses()[run.counts().row].tolist(),
                strict=True,
            )
        )
        executed = [cost for cost in costs if cost[1]]
        return board.cycles, board.instructions, board.regions(), executed, board.warnings


@pytest.fixture(scope="module", params=["simd", "reference"])
def pair(request):
    """The same firmware on a board with streams and on one with hooks."""
    links = [VirtualLink(kernels=request.param, timing=mode) for mode in ("exact", "hooked")]
    yield [Watched(Device(link), link) for link in links]
    for link in links:
        link.close()


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1))
def test_streams_are_what_the_hooks_see(pair, seed):
    """Accesses element for element, cycles by operator and block, misses and waits by memory."""
    case = random_program(seed)
    streamed, hooked = pair

    result, accesses = streamed.run(case)
    expected_result, expected = hooked.run(case)

    assert 10_000 < len(expected) < TRACE_ACCESSES
    assert np.array_equal(accesses, expected)
    assert result == expected_result
    assert streamed.counted() == hooked.counted()
    assert streamed.counted()[-1] == []
