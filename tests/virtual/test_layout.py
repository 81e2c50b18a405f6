"""Where the firmware's parts lie in a board's memories."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.firmware_stub.virtual.board_files import board_names, load_board
from hwprof.firmware_stub.virtual.description import FirmwareRooms, Room
from hwprof.firmware_stub.virtual.layout import ImageSize, plan_layout

IMAGE = ImageSize(code_bytes=0x8000, data_bytes=0x6000)


def spans(board, layout):
    """Every range that a layout hands out, the pool included, by address."""
    ranges = [
        (layout.code_base, IMAGE.code_bytes),
        (layout.data_base, IMAGE.data_bytes),
        (board.pool_address, board.pool_size_bytes),
    ]
    parts = [layout.program, layout.constants, *(offer.span for offer in layout.offers)]
    return sorted(ranges + [(span.address, span.size_bytes) for span in parts])


def places_for_code(board):
    """Memories that hold code and are large enough."""
    return [
        area.name
        for area in board.memories
        if area.holds_code and area.size_bytes > IMAGE.code_bytes
    ]


@pytest.mark.parametrize("name", board_names())
class TestEveryBoard:
    """Every board that ships, with its code in each memory that takes it."""

    def test_nothing_overlaps(self, name):
        """Code, data, rooms, offers and pool have bytes of their own."""
        board = load_board(name)
        for code in places_for_code(board):
            ranges = spans(board, plan_layout(board, code, IMAGE))

            assert all(start + size <= after for (start, size), (after, _) in pairwise(ranges))

    def test_everything_lies_inside_one_memory(self, name):
        """No range begins in one memory and ends in another, or in none."""
        board = load_board(name)
        for start, size_bytes in spans(board, plan_layout(board, board.placement.code, IMAGE)):
            assert board.area_of(start) == board.area_of(start + size_bytes - 1) != "no memory"

    def test_what_is_offered_is_on_a_cache_line(self, name):
        """The firmware lays regions out from a 32-byte boundary."""
        layout = plan_layout(load_board(name), load_board(name).placement.code, IMAGE)

        assert all(offer.span.address % 32 == 0 for offer in layout.offers)


@pytest.fixture
def board():
    """A board whose DTCM holds all the firmware's rooms."""
    return load_board("rt1170")


def test_the_rt1170_is_laid_out_as_its_port_is(board):
    """Base addresses are those of ports/imxrt1170/memory_map.h."""
    layout = plan_layout(board, "itcm", IMAGE)

    assert (layout.code_base, layout.data_base) == (0, 0x2000_0000)
    assert layout.program.address == 0x2004_0000 - 0x1_0000 - 2 * 0x1_4000
    assert [offer.name for offer in layout.offers] == ["dtcm", "ocram", "sdram", "flash"]


def test_flash_is_offered_behind_code_and_before_the_pool(board):
    """What is reserved at the start and the pool at the end are left alone."""
    flash = plan_layout(board, "flash", IMAGE).offers[-1].span

    assert (flash.address, flash.address + flash.size_bytes) == (0x3010_0000, 0x30F0_0000)


def test_code_starts_behind_the_boot_header(board):
    """A flash that a boot ROM reads keeps its head."""
    assert plan_layout(board, "flash", IMAGE).code_base == 0x3000_2000


def test_code_where_no_code_may_lie_is_refused(board):
    """The nearest memory that takes code is named."""
    with pytest.raises(UnknownNameError, match="memory for code 'itmc'; did you mean itcm"):
        plan_layout(board, "itmc", IMAGE)


def test_code_larger_than_its_memory_is_refused():
    """16 KiB of ITCM hold no kernels: the sentence has both sizes."""
    with pytest.raises(ConfigurationError, match=r"code must fit memory itcm .* 32,768 .* 16,384"):
        plan_layout(load_board("stm32f746"), "itcm", IMAGE)


def test_rooms_larger_than_their_memory_are_refused(board):
    """The sentence names the room, the memory and both sizes."""
    rooms = FirmwareRooms("dtcm", Room("dtcm", 0x1_4000), Room("dtcm", 0x4_0000))

    with pytest.raises(ConfigurationError, match=r"constants must fit memory dtcm .* 262,144"):
        plan_layout(replace(board, firmware=rooms), "itcm", IMAGE)


def test_a_memory_with_nothing_left_offers_nothing(board):
    """A range never has a negative size."""
    full = replace(board.memory("flash"), reserved_bytes=board.memory("flash").size_bytes)
    memories = tuple(full if area.name == "flash" else area for area in board.memories)

    layout = plan_layout(replace(board, memories=memories), "itcm", IMAGE)

    assert layout.offers[-1].span.size_bytes == 0
