"""Buffers lie in memory that nothing else uses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.free_memory import FreeMemory
from hwprof.firmware_stub.virtual.image import FirmwareImage, Segment

BOARD = load_board("rt1170")
DTCM = BOARD.memory("dtcm")


def free_behind(*segments: Segment):
    """What an image of these segments leaves of the RT1170."""
    return FreeMemory(BOARD, FirmwareImage("x", "", 0, segments, ()))


def test_buffers_fill_a_memory_from_its_top():
    """The heap of a program, which grows upwards from its data, is met last."""
    free = free_behind(Segment(DTCM.base, b"data"))

    first, second = (free.take("dtcm", 40, "a buffer").address for _ in range(2))

    assert first == DTCM.end - 64
    assert second == first - 64


def test_a_gap_between_segments_is_used():
    """Free memory lies also below an image that is linked at the top."""
    free = free_behind(Segment(DTCM.base + 64, b"", None, DTCM.size_bytes - 64))

    assert free.take("dtcm", 64, "a buffer").address == DTCM.base


def test_data_that_start_up_code_moves_takes_both_places():
    """Where it is loaded and where it runs."""
    free = free_behind(Segment(DTCM.base, b"1234", DTCM.end - 64, 64))

    assert free.take("dtcm", 32, "a buffer").address == DTCM.end - 96


def test_the_pool_is_left_alone():
    """Weights of other programs lie at the end of the flash."""
    buffer = free_behind().take("flash", 32, "a buffer")

    assert buffer.address == BOARD.pool_address - 32


def test_a_memory_too_small_is_told_with_its_sizes():
    """What it has, what of it is free in one piece, and what was asked for."""
    free = free_behind(Segment(DTCM.base + 0x1000, b"1"))

    with pytest.raises(
        ConfigurationError,
        match=r"a buffer must fit a free part of its memory; dtcm of rt1170 has 262,144 bytes, "
        r"258,047 of them free in one piece, and 262,144 are asked for",
    ):
        free.take("dtcm", DTCM.size_bytes, "a buffer")


def test_a_memory_taken_whole_has_nothing_left():
    """Nothing free is zero bytes, not an error of another kind."""
    free = free_behind(Segment(DTCM.base, b"", None, DTCM.size_bytes))

    with pytest.raises(ConfigurationError, match="262,144 bytes, 0 of them free"):
        free.take("dtcm", 1, "a buffer")


def test_an_unknown_memory_is_refused():
    """The nearest name is suggested."""
    with pytest.raises(UnknownNameError, match="did you mean dtcm"):
        free_behind().take("dtc", 4, "a buffer")


@pytest.mark.parametrize("size_bytes", [0, -4])
def test_a_buffer_has_bytes(size_bytes):
    """Nothing is not a buffer."""
    with pytest.raises(ConfigurationError, match="at least one byte"):
        free_behind().take("dtcm", size_bytes, "a buffer")


@given(
    st.lists(st.tuples(st.integers(0, DTCM.size_bytes - 5000), st.integers(1, 5000)), max_size=5),
    st.lists(st.integers(1, 60_000), min_size=1, max_size=8),
)
def test_nothing_overlaps(segments, sizes):
    """Buffers are aligned, inside their memory, and clear of segments and of each other."""
    spans = [(DTCM.base + offset, size) for offset, size in segments]
    free = free_behind(*(Segment(base, b"", None, size) for base, size in spans))
    for size in sizes:
        try:
            buffer = free.take("dtcm", size, "a buffer")
        except ConfigurationError:
            continue
        assert buffer.address % 32 == 0
        assert DTCM.base <= buffer.address <= DTCM.end - size
        for base, taken in spans:
            assert buffer.address + size <= base or base + taken <= buffer.address
        spans.append((buffer.address, size))
