"""Registers answer firmware as the manuals say."""

from __future__ import annotations

from dataclasses import replace

from hwprof.firmware_stub.virtual.board_files import load_board


class TestCycleCounter:
    """DWT."""

    def test_it_stands_still_while_locked(self, start):
        """Without its key the counter cannot be started, as on a real Cortex-M7."""
        board = start("locked_counter")
        board.run()

        count, control = board.results(2)

        assert (count, control & 1) == (0, 0)

    def test_it_stands_still_without_trace(self, start):
        """DEMCR.TRCENA is the power switch."""
        board = start("untraced_counter")
        board.run()

        assert board.results(1) == (0,)


class TestLpuart:
    """The serial line's registers, from apache/nuttx's header and MIMXRT1176's features."""

    def test_registers_after_two_bytes(self, start):
        """PARAM, BAUD at reset, STAT, WATER, FIFO, DATA and WATER again."""
        board = start("uart_registers")
        board.feed(b"xy")
        board.run()

        param, baud, stat, water, fifo, data, water_after = board.results(7)

        assert (param, baud) == (0x0202, 0x0F00_0004)
        assert stat == 1 << 23 | 1 << 22 | 1 << 21  # TDRE, TC, RDRF
        assert (water >> 24, water_after >> 24) == (2, 1)
        assert fifo == 1 << 23 | 1 << 3 | 0x11  # TXEMPT, RXFE, 4 words each way
        assert data == ord("x")

    def test_registers_of_an_empty_line(self, start):
        """Without a byte the FIFO is empty, and reading it says so twice."""
        board = start("flush")
        board.run()

        data, fifo = board.results(2)

        assert data == 1 << 12  # RXEMPT
        assert fifo == 1 << 23 | 1 << 22 | 1 << 16 | 1 << 3 | 0x11  # RXEMPT and RXUF too

    def test_a_flush_discards_what_arrived(self, start):
        """RXFLUSH empties the receiver."""
        board = start("flush")
        board.feed(b"q")
        board.run()

        assert board.results(1) == (1 << 12,)


class TestSystem:
    """Processor and chip registers."""

    def test_the_fuses_say_that_the_board_is_virtual(self, start):
        """The unique id spells HWPROF and the timing model; other fuses are blank."""
        board = start("identity")
        board.run()

        low, high, blank = board.results(3)

        assert high.to_bytes(4, "big") + low.to_bytes(4, "big") == b"HWPROFP2"
        assert blank == 0

    def test_the_processor_is_a_cortex_m7_with_caches(self, start):
        """CPUID cannot be overwritten; CCSIDR describes 32 KiB in 4 ways of 32-byte lines."""
        board = start("system")
        board.run()

        cpuid, ccsidr, cpuid_after = board.results(3)

        assert cpuid == cpuid_after == 0x411F_C272
        line_bytes = 16 << (ccsidr & 7)
        ways, sets = (ccsidr >> 3 & 0x3FF) + 1, (ccsidr >> 13 & 0x7FFF) + 1
        assert line_bytes * ways * sets == 32 * 1024

    def test_systick_counts_down(self, start):
        """The current value falls with modelled cycles from the reload value."""
        board = start("system")
        board.run()

        *_, early, late = board.results(5)

        assert 999 >= early > late > 0

    def test_registers_nobody_modelled_are_reported(self, start):
        """Reads of them give zero and are counted, by name where the board file has one."""
        board = start("unmodelled", board=replace(load_board("rt1170"), chip=""))
        board.run()

        assert board.warnings == [
            "ccm at 0x40cc0008 is not modelled; 2 reads gave 0.",
            "register at 0x43210000 is not modelled; 1 reads gave 0.",
        ]
