"""What a virtual board does with code: runs, waits, faults, counts."""

from __future__ import annotations

import time

import pytest

from hwprof.errors import BoardError, ConfigurationError, UnknownNameError
from hwprof.firmware_stub.virtual.board import Stop, VirtualBoard
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.image import FirmwareImage, Segment, Symbol
from hwprof.firmware_stub.virtual.modes import MODES, load_timing


class TestRunning:
    """How a run ends."""

    def test_a_program_runs_until_it_waits(self, start):
        """WFI with nothing to read returns to the host, the work done."""
        board = start("sum_loop")

        assert board.run() is Stop.IDLE
        assert board.results(1) == (5050,)

    @pytest.mark.parametrize("timing", MODES)
    def test_a_program_that_never_waits_is_stopped(self, start, timing):
        """An endless loop ends with the timeout."""
        assert start("endless", timing=timing).run(0.05) is Stop.TIMEOUT

    def test_a_program_that_polls_an_empty_line_waits(self, start):
        """Firmware without WFI is idle too once it asks the empty line again and again."""
        board = start("polling_echo")

        assert board.run(30) is Stop.IDLE

    def test_a_stop_loses_no_byte_and_counts_no_block_twice(self, start):
        """A run in many short pieces equals the run in one."""
        whole, pieces = start("echo"), start("echo")
        sent = bytes(range(250)) * 10
        whole.feed(sent)
        pieces.feed(sent)

        whole.run()
        deadline_s = time.monotonic() + 60
        while pieces.run(0.0005) is Stop.TIMEOUT and time.monotonic() < deadline_s:
            pass

        assert pieces.take(len(sent)) == whole.take(len(sent)) == bytes(b + 1 for b in sent)
        assert pieces.instructions == whole.instructions
        assert pieces.cycles == whole.cycles


class TestLine:
    """Bytes in and out."""

    def test_bytes_wake_the_firmware(self, start):
        """Bytes fed after the board went idle are read when it runs on."""
        board = start("echo")
        board.run()

        board.feed(b"HAL")
        board.run()

        assert board.take(10) == b"IBM"

    def test_take_returns_no_more_than_asked(self, start):
        """What does not fit stays for the next ``take``."""
        board = start("echo")
        board.feed(b"HAL")
        board.run()

        assert (board.take(2), board.take(2), board.take(2)) == (b"IB", b"M", b"")

    def test_polling_firmware_hears_as_well(self, start):
        """RDRF in STAT says that a byte is there."""
        board = start("polling_echo")
        board.feed(b"ok")
        board.run()

        assert board.take(10) == b"ok"


class TestFaults:
    """What the processor refuses."""

    def test_a_load_from_nowhere_names_address_pc_and_cycle(self, start):
        """A bus fault carries where it was as numbers and in the sentence."""
        board = start("bad_load")

        with pytest.raises(BoardError, match=r"in no memory.*address 0x10000004, pc 0x8") as caught:
            board.run()

        assert (caught.value.address, caught.value.pc) == (0x1000_0004, 8)
        assert caught.value.cycle is not None

    def test_a_store_to_flash_is_a_fault(self, start):
        """The processor cannot write flash."""
        with pytest.raises(BoardError, match="in flash") as caught:
            start("flash_store").run()

        assert caught.value.address == 0x3000_0000

    @pytest.mark.parametrize("name", ["undefined", "breakpoint"])
    def test_an_exception_is_a_fault(self, start, name):
        """An undefined instruction and a breakpoint without a debugger stop the board."""
        with pytest.raises(BoardError, match="processor faulted") as caught:
            start(name).run()

        assert caught.value.pc == 2

    def test_a_dead_board_stays_dead(self, start):
        """Running a faulted board again raises the same fault."""
        board = start("bad_load")
        with pytest.raises(BoardError, match="faulted") as first:
            board.run()

        with pytest.raises(BoardError, match="faulted") as second:
            board.run()

        assert first.value is second.value

    def test_a_reset_request_is_reported(self, start):
        """SYSRESETREQ ends the run with a sentence."""
        with pytest.raises(BoardError, match="asked for a system reset"):
            start("reset").run()


class TestMemory:
    """A debug probe's access."""

    def test_staged_bytes_are_in_flash(self, start):
        """A probe writes flash, which the processor cannot."""
        board = start("endless")

        board.stage(0x3010_0000, b"weights")

        assert board.read_memory(0x3010_0000, 7) == b"weights"

    @pytest.mark.parametrize("address", [0x1000_0000, 0x2003_FFFF, 0x3100_0000 - 1, 0x4007_C000])
    def test_staging_stays_inside_one_memory(self, start, address):
        """A range outside every memory, or across an end, is refused."""
        with pytest.raises(ConfigurationError, match="inside one memory"):
            start("endless").stage(address, b"12")

    def test_the_pool_lies_where_the_board_file_says(self, start):
        """The pool of docs/FORMATS.md is in flash from power-on."""
        from hwprof.pool import pool_bytes

        board = start("endless")

        assert board.read_memory(board.description.pool_address, 1 << 20) == pool_bytes()

    def test_an_image_for_other_memories_is_refused(self):
        """A segment that no memory of the board can take is refused before anything runs."""
        image = FirmwareImage("far", "", 0x6000_0000, (Segment(0x6000_0000, b"1234"),), ())

        with pytest.raises(ConfigurationError, match="far has 4 bytes at 0x60000000; link"):
            VirtualBoard(load_board("rt1170"), image, load_timing("pipeline", "cortex_m7"))


class TestCounting:
    """Instructions and cycles."""

    def test_every_instruction_is_counted_once(self, start):
        """2 before the loop, 3 in each of 100 rounds, 3 behind it."""
        board = start("sum_loop")
        board.run()

        assert board.instructions == 2 + 3 * 100 + 3

    def test_a_timed_loop_costs_what_was_derived_by_hand(self, start):
        """CYCCNT moves by 2022 over 1000 rounds.

        A round pairs ADDS and SUBS and gives BNE the second cycle: 2000. The branch is mispredicted
        at its first and last execution, its flags one cycle old: 2 x 8. The block that reads the
        counter again is counted whole: LDR 0, SUBS and LDR 1, STR 3 (its address is 2 behind the
        LDR), WFI 4 for 3 cycles, so 7; its LDR pairs with the BNE before it: 1 less.
        """
        board = start("timed_loop")
        board.run()

        assert board.results(1) == (2000 + 2 * 8 + 7 - 1,)

    def test_cycles_and_instructions_divide_among_functions(self, start):
        """Each function has what its own instructions cost."""
        names = [("main", 0, 16), ("twice", 32, 8), ("once", 64, 4)]
        board = start("calls", [Symbol(name, a, size, is_function=True) for name, a, size in names])
        board.run()

        found = {cost.name: cost for cost in board.functions()}

        assert {name: cost.instructions for name, cost in found.items()} == {
            "main": 4,
            "twice": 2 * 22,
            "once": 2,
        }
        assert sum(cost.cycles for cost in found.values()) == pytest.approx(board.cycles, abs=2)

    def test_classes_add_up_to_the_instructions(self, start):
        """Every instruction executed belongs to one class."""
        board = start("sum_loop")
        board.run()

        assert sum(board.instruction_classes().values()) == board.instructions

    def test_an_instruction_that_the_tables_lack_is_reported(self, start):
        """It costs a cycle and a warning that counts it."""
        board = start("unknown_instruction")
        board.run()

        assert board.warnings == [
            ".inst eff32080 is not in the core's table and was taken for one cycle, 2 times."
        ]


class TestCore:
    """Which processor executes."""

    def test_double_precision_is_executed(self, start):
        """The Cortex-M7's FPU squares a double, which other cores of the family refuse."""
        board = start("double_precision")
        board.run()

        assert board.results(1) == (9,)


class TestShippedFirmware:
    """The image that virtual:rt1170 runs."""

    def test_it_starts_without_a_warning(self):
        """All it executes on its way to the first request is modelled."""
        board = VirtualBoard.open()

        assert board.run(30) is Stop.IDLE
        assert board.warnings == []

    def test_an_unknown_board_is_refused(self):
        """The nearest board is named."""
        with pytest.raises(UnknownNameError, match="did you mean rt1170"):
            VirtualBoard.open("rt117")

    def test_an_unknown_timing_mode_is_refused(self):
        """The modes are named."""
        with pytest.raises(UnknownNameError, match="unknown timing mode 'caches'"):
            VirtualBoard.open(timing="caches")
