"""Images in a board's memories."""

from __future__ import annotations

import pytest

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.board import VirtualBoard
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.image import FirmwareImage, Segment
from hwprof.firmware_stub.virtual.modes import load_timing


def power_on(*segments: Segment, board="rt1170"):
    """A board with an image of these segments."""
    image = FirmwareImage("x.elf", "", 0, segments, ())
    return VirtualBoard(load_board(board), image, load_timing("pipeline", "cortex_m7"))


def test_initialised_data_lies_where_the_program_expects_it():
    """Data that start-up code copies is there already, and in flash as well."""
    board = power_on(Segment(0x3000_0000, b"data", 0x2000_0000, 12))

    assert board.read_memory(0x3000_0000, 4) == b"data"
    assert board.read_memory(0x2000_0000, 12) == b"data" + bytes(8)


def test_a_segment_may_run_on_into_the_next_memory():
    """The STM32F746's DTCM and SRAM1 follow each other, and linker scripts make one of them."""
    board = power_on(Segment(0x2000_FFFE, b"abcd"), board="stm32f746")

    assert board.read_memory(0x2000_FFFE, 2) + board.read_memory(0x2001_0000, 2) == b"abcd"


def test_every_segment_outside_is_named_with_the_memories_there_are():
    """Sizes count what the program uses, however much: nothing is allocated for it."""
    with pytest.raises(
        ConfigurationError,
        match=r"itcm 0x00000000-0x0003ffff, .* x\.elf has 4 bytes at 0x60000000, "
        r"4,294,967,295 bytes at 0x20000000; link it",
    ):
        power_on(
            Segment(0x6000_0000, b"1234"),
            Segment(0x100, b"in"),
            Segment(0x2000_0000, b"", None, 0xFFFF_FFFF),
        )
