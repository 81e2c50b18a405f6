"""Address streams against Unicorn's hooks, on programs of every addressing mode."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import capstone
import numpy as np
import pytest
from capstone import arm
from hypothesis import given
from hypothesis import strategies as st

from hwprof.firmware_stub.virtual.board import Stop, VirtualBoard
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.exact import ExactTiming
from hwprof.firmware_stub.virtual.hooked import HookedTiming
from hwprof.firmware_stub.virtual.image import FirmwareImage, Segment
from hwprof.firmware_stub.virtual.timing import Timing, pipeline
from tests.virtual.thumb_kit import (
    AROUND_BYTES,
    POINTERS,
    ThumbProgram,
    predicated_loads,
    thumb_program,
)

SEEDS, PIECES = st.integers(0, 2**32 - 1), st.integers(1, 30)
MAX_ACCESSES = 100_000
PAGE_BYTES = 0x1000

SINGLE = {"ldr", "ldrb", "ldrh", "ldrsb", "ldrsh", "str", "strb", "strh"}
DOUBLE = {"ldrd", "strd"}
MULTIPLE = {"ldm", "stm", "ldmdb", "stmdb", "vldmia", "vstmia"}
STACK_OR_FLOAT = {"push", "pop", "vpush", "vpop", "vldr", "vstr"}
TABLE = {"tbb", "tbh"}
ACCESS_KINDS = {
    *product(SINGLE | DOUBLE, ("offset", "pre", "post")),
    *product(SINGLE | TABLE, ("register",)),
    *product({"ldr", "vldr"} | TABLE, ("literal",)),
    *product(MULTIPLE, ("offset", "pre")),
    *product({"vldmdb", "vstmdb"}, ("pre",)),
    *product(STACK_OR_FLOAT, ("offset",)),
}


def powered(program: ThumbProgram, timing: Timing) -> VirtualBoard:
    """A board that may run a program."""
    segment = Segment(program.address, program.code)
    image = FirmwareImage("random", "0" * 64, program.entry, (segment,), ())
    board = VirtualBoard(load_board("rt1170"), image, timing)
    for address in POINTERS:
        board.stage(address - AROUND_BYTES, program.data)
    return board


class Watched:
    """A board that ran a program, and what it saw."""

    def __init__(self, program: ThumbProgram, timing: ExactTiming) -> None:
        self.board = powered(program, timing)
        self.run = self.board._timing_run
        self.run.streams.record(MAX_ACCESSES)
        self.stop = self.board.run()
        self.accesses = self.run.streams.recorded()

    def counted(self):
        """Cycles, instructions, misses, waits."""
        board = self.board
        return board.cycles, board.instructions, board.regions(), board.functions()


def executed(program: ThumbProgram) -> Iterator[capstone.CsInsn]:
    """Every instruction of every block that runs."""
    engine = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    engine.detail = True
    board = powered(program, pipeline("cortex_m7"))
    board.run()
    counts = board._timing_run.counts()
    for address, size_bytes in zip(counts.address, counts.size_bytes, strict=True):
        code = board.read_memory(int(address), int(size_bytes))
        yield from engine.disasm(code, int(address))


def exact() -> ExactTiming:
    """Timing that knows no blocks yet."""
    return ExactTiming(pipeline("cortex_m7"))


def assert_what_the_hooks_see(program: ThumbProgram, timing: ExactTiming) -> Watched:
    """Accesses element for element, and everything that is counted from them."""
    streamed, hooked = Watched(program, timing), Watched(program, HookedTiming(timing.core_timing))

    assert streamed.stop is hooked.stop is Stop.IDLE
    assert np.array_equal(streamed.accesses, hooked.accesses)
    assert streamed.counted() == hooked.counted()
    assert streamed.board.warnings == []
    return streamed


@given(seed=SEEDS, pieces=PIECES)
def test_streams_are_what_the_hooks_see(seed, pieces):
    """On a board that meets every block for the first time, and on one that knows them."""
    timing, program = exact(), thumb_program(seed, pieces)

    assert_what_the_hooks_see(program, timing)
    assert_what_the_hooks_see(program, timing)


@pytest.mark.parametrize("cut", range(5))
def test_a_page_border_between_an_it_and_what_it_predicates(cut):
    """ITETE and its loads: at any border a page begins, a block begins and conditions go on."""
    timing = exact()
    for is_equal in (True, False):
        program = predicated_loads(is_equal, border=PAGE_BYTES, behind=cut)

        streamed = assert_what_the_hooks_see(program, timing)

        assert PAGE_BYTES in streamed.run.counts().address
        assert len(streamed.accesses) == 2


def test_known_blocks_are_held_against_the_condition_that_they_stand_under():
    """The same loads behind ITETE and behind ITTEE, whose first half lies in the page before."""
    timing = exact()
    for opposite in (0b0101, 0b0011, 0b0101):
        program = predicated_loads(True, border=PAGE_BYTES, behind=1, opposite=opposite)

        assert_what_the_hooks_see(program, timing)


@pytest.mark.parametrize("name", ["written_flags", "written_stack_pointer"])
def test_a_register_that_msr_writes_is_read_again(start, name):
    """The translator ends a block at MSR, so that its slice need not know what was written."""
    boards = [start(name, timing=timing) for timing in ("exact", "hooked")]
    for board in boards:
        board._timing_run.streams.record(MAX_ACCESSES)
        board.run()

    streamed, hooked = (board._timing_run.streams.recorded() for board in boards)
    assert len(hooked) > 0
    assert np.array_equal(streamed, hooked)


def addressing_mode(insn: capstone.CsInsn) -> str:
    """How an access makes its address."""
    if insn.writeback:
        return "post" if insn.post_index else "pre"
    places = [operand.mem for operand in insn.operands if operand.type == arm.ARM_OP_MEM]
    if any(place.base == arm.ARM_REG_PC for place in places):
        return "literal"
    return "register" if any(place.index for place in places) else "offset"


def test_the_programs_execute_every_kind_of_access():
    """What the kit draws, by Capstone's names; all but table branches predicated as well."""
    found, predicated = set(), set()
    for seed in range(60):
        for insn in executed(thumb_program(seed, 30)):
            found.add((insn.insn_name(), addressing_mode(insn)))
            if insn.cc != arm.ARM_CC_AL:
                predicated.add(insn.insn_name())

    assert ACCESS_KINDS - found == set()
    assert {name for name, _ in ACCESS_KINDS} - predicated == TABLE | {"vpush"}
