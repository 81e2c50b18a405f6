"""Functions called on a board: what they find, what they return, what they cost, how they fail."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import BoardError, ConfigurationError, UnknownNameError
from hwprof.firmware_stub.virtual import bus
from hwprof.firmware_stub.virtual.board import VirtualBoard
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.division import divisions
from hwprof.firmware_stub.virtual.image import FirmwareImage, Segment
from hwprof.firmware_stub.virtual.modes import load_timing
from tests.virtual.elf_kit import OBJECT, Elf

FUNCTIONS = json.loads(Path(__file__).with_name("functions.json").read_text(encoding="utf-8"))
CODE = 0x1000
NOBODYS = 0x4321_0000


def board_with(name, timing="pipeline", **kit):
    """A board with one of functions.json, or with the halfwords of another one."""
    code = bytes.fromhex(FUNCTIONS[name]["code"])
    halfwords = np.frombuffer(code.ljust(len(code) + len(code) % 2, b"\0"), "<u2").tolist()
    elf = Elf(**kit).with_code(CODE, *halfwords, name=name)
    elf.symbols.append(("variable", 0x2000_0000, OBJECT))
    return power_on(elf, timing)


def power_on(elf, timing="pipeline"):
    """A board with an ELF file."""
    image = FirmwareImage.parse(elf.write(), "x.elf")
    return VirtualBoard(load_board("rt1170"), image, load_timing(timing, "cortex_m7"))


def call(name, *arguments: object, **limits):
    """A function of functions.json on a board of its own."""
    return board_with(name).call(name, *arguments, **limits)


class TestResults:
    """What a function returns."""

    def test_six_arguments(self):
        """Four in registers and two on the stack, each with a weight of its own."""
        assert call("six", 1, 2, 3, 4, 5, 6).r0 == 1 + 2 * 2 + 4 * 3 + 8 * 4 + 16 * 5 + 32 * 6

    def test_single_precision(self):
        """Floats travel in s registers."""
        assert call("multiply_single", 1.5, 4.0).s0 == 6.0

    def test_double_precision(self):
        """Doubles travel in d registers."""
        assert call("multiply_double", np.float64(1.1), np.float64(3)).d0 == 1.1 * 3

    def test_soft_float_arguments_are_words(self):
        """An image built for the soft variant takes floats in r registers."""
        board = board_with("swap_words", flags=0x0500_0200)

        assert board.call("swap_words", 0, 1.0).r0 == 0x3F80_0000

    def test_two_words(self):
        """A 64-bit result is r1 and r0."""
        result = call("swap_words", np.int64(0x1_0000_0002))

        assert (result.r0, result.r1) == (1, 2)

    @given(content=st.binary(min_size=1, max_size=300))
    def test_buffers(self, content):
        """A copy of a buffer is in the other one afterwards."""
        board = board_with("copy_bytes")
        source, destination = board.buffer("sdram", content), board.buffer("ocram", len(content))

        board.call("copy_bytes", destination, source, len(content))

        assert board.read_memory(destination.address, len(content)) == content

    def test_by_address(self):
        """A function without a name is called by its address, with or without the Thumb bit."""
        board = board_with("swap_words")

        assert board.call(CODE, 1, 2).r0 == board.call(CODE | 1, 1, 2).r0 == 2
        assert board.call(CODE).function == "0x00001000"

    def test_the_fpu_is_on(self):
        """CPACR says so to whoever asks."""
        assert call("read_cpacr").r0 == 0x00F0_0000

    def test_hints_do_not_stop_it(self):
        """WFE and YIELD go on: the event is there, and nobody else wants the processor."""
        assert call("event_wait").r0 == 7


class TestCosts:
    """What a call cost."""

    def test_instructions_are_those_of_the_call(self):
        """A second call counts its own, not what came before it."""
        board = board_with("sum_below")
        first, second = (board.call("sum_below", n) for n in (10, 3))

        assert first.instructions == 7 * 10 + 2
        assert second.instructions == 7 * 3 + 2
        assert second.functions[0].instructions == second.instructions

    def test_equal_calls_cost_the_same_once_the_predictor_knows_them(self):
        """Nothing but branch prediction is carried from call to call."""
        board = board_with("sum_below")
        cold, *warm = (board.call("sum_below", 20).cycles for _ in range(6))

        assert len(set(warm[2:])) == 1
        assert warm[-1] < cold

    def test_a_return_is_a_branch_taken(self):
        """The last block does not run on into what lies behind it."""
        board = board_with("swap_words")
        board.call("swap_words", 1, 2)

        counts = board._counter.counts()
        assert (counts.taken.tolist(), counts.passed.tolist()) == ([1], [0])

    def test_instructions_per_cycle(self):
        """Instructions divided by cycles."""
        result = call("sum_below", 100)

        assert result.instructions_per_cycle == result.instructions / result.cycles

    @pytest.mark.parametrize("depth", [0, 1, 50])
    def test_the_stack_is_measured(self, depth):
        """Each level pushes two words."""
        assert call("sum_below", depth).stack_bytes == 8 * depth

    def test_stacked_arguments_count(self):
        """The two last of six words."""
        assert call("six", 1, 2, 3, 4, 5, 6).stack_bytes == 8

    def test_registers_that_nobody_modelled_are_named(self):
        """They read as zero, and the board says so."""
        board = board_with("load")

        assert board.call("load", NOBODYS).r0 == 0
        assert board.warnings == ["register at 0x43210000 is not modelled; 1 reads gave 0."]


class TestMemories:
    """Calls under the timing that counts memories."""

    @pytest.fixture
    def copying(self):
        """A board, and a call that copies 640 bytes from SDRAM to DTCM."""
        board = board_with("copy_bytes", "exact")
        source, destination = board.buffer("sdram", 640), board.buffer("dtcm", 640)
        return board, lambda: board.call("copy_bytes", destination, source, 640)

    def test_misses_are_told_by_memory(self, copying):
        """640 bytes are 20 lines, each of which is missed once."""
        _, copy = copying

        misses = {region.name: region.read_misses for region in copy().regions}

        assert misses.pop("sdram") == 20
        assert not any(misses.values())

    def test_what_was_read_is_in_the_cache(self, copying):
        """The same call again misses nothing and takes less time."""
        _, copy = copying
        cold, warm = copy(), copy()

        assert not any(region.read_misses for region in warm.regions)
        assert warm.cycles < cold.cycles

    def test_a_cooled_board_starts_anew(self, copying):
        """Caches and branch predictor are as they were at power-on."""
        board, copy = copying
        first = copy()
        copy()

        board.cool()

        assert copy() == first

    def test_functions_carry_their_waits(self, copying):
        """Cycles by function add up to the cycles of the call."""
        _, copy = copying
        result = copy()

        assert sum(cost.cycles for cost in result.functions) == pytest.approx(result.cycles, abs=2)

    def test_pieces_cost_what_the_whole_costs(self):
        """Stopping for limits changes no wait."""
        whole, pieces = (
            board_with("sum_below", "exact").call("sum_below", 200, max_cycles=limit)
            for limit in (10**11, 4_000)
        )

        assert pieces == whole


class TestLimits:
    """Functions that do not return."""

    def test_cycles_stop_a_run_away_program_always_at_the_same_place(self):
        """The sentence says where it was."""
        sentences = set()
        for _ in range(2):
            with pytest.raises(BoardError, match="did not return within 5,000 cycles") as caught:
                call("endless", max_cycles=5_000)
            sentences.add(str(caught.value))

        assert len(sentences) == 1
        assert "stopped in endless" in sentences.pop()
        assert 5_000 <= caught.value.cycle <= 5_010

    def test_a_limit_costs_nothing_in_accuracy(self):
        """A call in many pieces counts what the call in one counts."""
        whole = call("sum_below", 200)

        assert call("sum_below", 200, max_cycles=whole.cycles + 1) == whole

    def test_seconds_stop_it_too(self):
        """The time of the host."""
        with pytest.raises(BoardError, match=r"did not return within 0\.1 s of the host's time"):
            call("endless", max_seconds=0.1)

    def test_seconds_that_are_over_before_it_starts(self):
        """No time is no time."""
        with pytest.raises(BoardError, match="did not return within 0 s"):
            call("endless", max_seconds=0)

    def test_polling_a_register_that_nobody_modelled(self, monkeypatch):
        """A loop that waits for a bit that never comes ends with the register's name."""
        monkeypatch.setattr(bus, "MANY_POLLS", 1_000)

        with pytest.raises(BoardError, match="polls register at 0x43210000, which is not modelled"):
            call("poll", NOBODYS)

    def test_polling_a_register_that_nothing_changes(self, monkeypatch):
        """Other firmware's start-up may wait for what no model does."""
        monkeypatch.setattr(bus, "MANY_POLLS", 1_000)

        with pytest.raises(BoardError, match="polls ccm at 0x40cc0000, which nothing changes"):
            call("poll", 0x40CC_0000)

    def test_waiting_for_an_interrupt(self):
        """None is ever taken."""
        with pytest.raises(BoardError, match="waits for an interrupt, which is never taken"):
            call("interrupt_wait")


class TestFaults:
    """What stops the processor, in words."""

    @pytest.mark.parametrize(
        ("name", "arguments", "sentence"),
        [
            ("load", [0x1000_0000], "faulted in load: a load in no memory"),
            ("store", [0x3000_0000], "faulted in store: a store in flash, which does not take it"),
            ("jump", [0x7000_0001], "0x70000000, called from jump: code in no memory"),
            ("jump", [0x4000_0001], "called from jump: code in no memory, where none may lie"),
            ("jump", [CODE], "a branch to an even address, which asks for Arm state"),
            ("jump", [0xFFFF_FFF1], "a return from an exception that was never taken"),
            ("breakpoint", [], "faulted in breakpoint: a breakpoint, BKPT 1"),
            ("semihosting", [], "a semihosting call, operation 0x4"),
            ("supervisor", [], "faulted in supervisor: SVC 3"),
            ("undefined", [], "an undefined instruction, 0xde01 0x4770"),
        ],
    )
    def test_are_told_with_what_to_look_at(self, name, arguments, sentence):
        """One sentence, with pc and cycle behind it."""
        with pytest.raises(BoardError, match=sentence) as caught:
            call(name, *arguments)

        assert caught.value.pc is not None
        assert caught.value.cycle is not None

    def test_a_stack_overflow_is_called_so(self):
        """The page below the stack is forbidden."""
        board = board_with("sum_below")
        board.use_stack("dtcm", 4096)

        assert board.call("sum_below", 512).stack_bytes == 4096
        with pytest.raises(BoardError, match="stack of 4,096 bytes overflowed in sum_below"):
            board.call("sum_below", 513)

    def test_division_by_zero_gives_zero(self):
        """As the processor does unless CCR asks for a trap."""
        assert call("divide", 7, 0).r0 == 0

    def test_division_by_zero_is_trapped_where_ccr_says_so(self):
        """Code that was executed before the trap was enabled is watched as well."""
        board = board_with("divide")
        board.call("divide", 7, 0)
        board.write_register(0xE000_ED14, board.read_register(0xE000_ED14) | 1 << 4)

        assert board.call("divide", 7, 2).r0 == 3
        with pytest.raises(BoardError, match="faulted in divide: a division by zero") as caught:
            board.call("divide", 7, 0)

        assert caught.value.pc == CODE

    def test_what_looks_like_a_division_is_found(self):
        """At both addresses of code that moves, at odd ones, and at the end of a segment."""
        code = bytes.fromhex("90fbf1f0b0fbf1f090fb")
        segments = (Segment(0x101, b"\0" + code), Segment(0x3000_0000, code[:4], 0x2000_0000))
        image = FirmwareImage("x.elf", "", 0, segments, ())

        assert sorted(divisions(image)) == [0x102, 0x106, 0x2000_0000, 0x3000_0000]


class TestRefusals:
    """Calls that cannot be."""

    def test_an_unknown_function(self):
        """The nearest name is suggested, variables are not."""
        with pytest.raises(UnknownNameError, match="did you mean divide"):
            board_with("divide").call("divid")

    def test_a_variable(self):
        """Data is not called."""
        with pytest.raises(ConfigurationError, match=r"'variable' of x\.elf is data at 0x20000000"):
            board_with("divide").call("variable")

    def test_a_function_in_arm_state(self):
        """A Cortex-M has no Arm state."""
        elf = Elf().with_code(CODE, 0x4770)
        elf.symbols.append(("old", CODE, 2))

        with pytest.raises(ConfigurationError, match=r"'old' of x\.elf is in Arm state"):
            power_on(elf).call("old")

    def test_a_stripped_image(self):
        """Without symbols only addresses can be called."""
        elf = Elf().with_code(CODE, 0x4770)
        elf.symbols.clear()

        with pytest.raises(ConfigurationError, match=r"x\.elf has no symbols, so 'f' cannot"):
            power_on(elf).call("f")

    def test_an_address_outside(self):
        """There is nothing to execute."""
        with pytest.raises(ConfigurationError, match="2 bytes at 0x10000000"):
            board_with("divide").call(0x1000_0000)

    def test_a_stack_in_flash(self):
        """A stack is written to."""
        with pytest.raises(ConfigurationError, match="flash is a rom; name a ram"):
            board_with("divide").use_stack("flash", 4096)

    def test_a_second_stack(self):
        """The first call has taken it."""
        board = board_with("divide")
        board.call("divide", 1, 1)

        with pytest.raises(ConfigurationError, match="choose it before the first"):
            board.use_stack("dtcm", 4096)

    def test_more_arguments_than_stack(self):
        """They are counted before anything is written."""
        board = board_with("divide")
        board.use_stack("dtcm", 4096)

        with pytest.raises(ConfigurationError, match="4,104 bytes are more than its 4,096"):
            board.call("divide", *range(4 + 1025))
