"""What a run counts between a barrier and the readings behind it, and where counting ends."""

from __future__ import annotations

import numpy as np
import pytest

from hwprof.errors import BoardError, UnknownNameError
from hwprof.firmware_stub.virtual import counting
from hwprof.firmware_stub.virtual.board import Stop
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.counting import MAX_BLOCKS, BlockCounter
from hwprof.firmware_stub.virtual.exact import ExactTiming, KnownBlock
from hwprof.firmware_stub.virtual.modes import MODES, load_timing
from hwprof.firmware_stub.virtual.timing import Machine, pipeline

CORE = "cortex_m7"
NOP = b"\x00\xbf"
SUM_LOOP_BYTES = 24  # of the program, its constants included


class TestModes:
    """Timing models by name."""

    @pytest.mark.parametrize("mode", MODES)
    def test_boards_share_the_model_of_a_mode(self, mode):
        """What one board learns of the code serves the next."""
        assert load_timing(mode, CORE) is load_timing(mode, CORE)

    def test_the_reference_has_the_version_that_it_checks(self):
        """Cycles of both are one model's."""
        assert load_timing("hooked", CORE).version == load_timing("exact", CORE).version

    def test_an_unknown_mode_is_refused(self):
        """The modes are named."""
        with pytest.raises(UnknownNameError, match="'exakt'; did you mean exact"):
            load_timing("exakt", CORE)


class TestStretches:
    """The program reads the counter before any barrier, twice behind two of three, once at last."""

    def test_a_barrier_and_two_readings_are_a_stretch(self, start):
        """Instructions of the blocks behind the first reading's, the last reading's included."""
        board = start("measured")
        board.run()

        first, second = board.take_stretches()

        # Up to the first one's last reading: LDR, LDR, B and LDR, STR, STR, LDR, B.
        assert first.instructions == 3 + 5
        # LDR, B and LDR, STR, LDR, WFI.
        assert second.instructions == 2 + 4
        assert first.regions == second.regions == ()
        assert board.take_stretches() == []

    @pytest.mark.parametrize("timing", ["exact", "hooked"])
    def test_a_stretch_has_its_own_misses(self, start, timing):
        """One load misses in each: the program invalidates the line between the two."""
        board = start("measured", timing=timing)
        board.run()

        stretches = board.take_stretches()

        regions = [{region.name: region for region in s.regions}["ocram"] for s in stretches]
        assert [region.read_misses for region in regions] == [1, 1]
        assert [region.stall_cycles > 0 for region in regions] == [True, True]


class TestWarnings:
    """What the streams could not follow is said."""

    def test_an_address_out_of_a_register_that_is_not_followed(self, start):
        """SSAT makes the pointer."""
        board = start("lost_pointer", timing="exact")
        board.run()

        (warning,) = board.warnings
        assert warning.startswith("the address of ldr r2, [r1] depends on an instruction that ")

    def test_an_address_out_of_bytes_that_are_not_followed(self, start):
        """A register of the FPU was stored where the pointer is loaded from: four bytes."""
        board = start("unseen_pointer", timing="exact")
        board.run()

        assert board.warnings == ["4 addresses depended on bytes that slices do not follow."]


class TestBounds:
    """Tables that are full, memories that end."""

    @pytest.mark.parametrize("timing", MODES)
    def test_more_blocks_than_the_table_holds(self, start, timing):
        """An error, never a wrong count."""
        board = start("sum_loop", timing=timing)
        board._timing_run.counter.state[0] = MAX_BLOCKS

        assert board.run() is Stop.IDLE
        with pytest.raises(BoardError, match=f"{MAX_BLOCKS} different blocks"):
            _ = board.cycles

    def test_known_blocks_take_no_row_that_is_not_there(self):
        """A board opens with a full table; the block is not installed, nothing is overwritten."""
        board, timing = load_board("rt1170"), ExactTiming(pipeline(CORE))
        counter = BlockCounter(stop_function=0)
        counter.state[0] = MAX_BLOCKS
        timing.known[KnownBlock(0, NOP, ahead=b"", before=b"")] = None
        contents = [np.zeros(1, dtype=np.uint8) for _ in board.memories]

        timing.follow(Machine(board, counter, lambda _, size_bytes: NOP[:size_bytes], contents))

        assert len(counter) == MAX_BLOCKS
        assert not counter.state[counting.FIRST_ROW :].any()

    def test_a_record_keeps_the_first_accesses(self, start):
        """What has no room is passed over."""
        whole, short = (start("measured", timing="exact") for _ in range(2))
        for board, room in ((whole, 100), (short, 3)):
            board._timing_run.streams.record(room)
            board.run()

        accesses = whole._timing_run.streams.recorded()
        assert 3 < len(accesses) < 100
        assert short._timing_run.streams.recorded().tolist() == accesses[:3].tolist()

    def test_nothing_is_recorded_unasked(self, start):
        """No room is kept for accesses that nobody wants."""
        board = start("measured", timing="exact")
        board.run()

        assert len(board._timing_run.streams.recorded()) == 0

    def test_code_at_the_end_of_a_memory(self, start):
        """Nothing is known of what follows there: BNE pairs with nothing when it is passed."""
        board = start("sum_loop")
        last = start("sum_loop", address=board.description.memory("itcm").end - SUM_LOOP_BYTES)
        board.run()
        last.run()

        assert last.results(1) == board.results(1)
        assert last.cycles == board.cycles + 1
