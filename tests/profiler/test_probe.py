"""What a debug probe is told to write, and the sentences when it cannot."""

from __future__ import annotations

import sys

import pytest

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.manifest import ImageRecord, images
from hwprof.pool import pool_bytes
from hwprof.profiler.probe import load, plan_load

TCM = (range(0x40000), range(0x2000_0000, 0x2004_0000))
FLASH = range(0x3000_0000, 0x3100_0000)


@pytest.fixture(params=images(), ids=lambda image: image.name)
def image(request: pytest.FixtureRequest) -> ImageRecord:
    """Each image that ships."""
    return request.param


def test_ram_plan_touches_tightly_coupled_memory_only(image: ImageRecord):
    """What lies in flash stays, and the core starts inside what was written."""
    plan = plan_load(image)

    for piece in plan.pieces:
        last = piece.address + len(piece.data) - 1
        assert any(piece.address in memory and last in memory for memory in TCM)
    assert any(p.address <= plan.entry < p.address + len(p.data) for p in plan.pieces)
    assert plan.stack in TCM[1]
    assert not plan.is_flash


def test_flash_plan_holds_headers_image_and_pool(image: ImageRecord):
    """Nothing but flash is written; the pool lies where the firmware looks for it."""
    plan = plan_load(image, flash=True)

    assert all(p.address in FLASH and p.address + len(p.data) - 1 in FLASH for p in plan.pieces)
    assert [piece.address for piece in plan.pieces[:3]] == [0x3000_0400, 0x3000_1000, 0x3000_2000]
    assert (plan.pieces[-1].address, plan.pieces[-1].data) == (0x30F0_0000, pool_bytes())
    assert plan.is_flash


def test_without_pyocd_it_says_what_to_install(image: ImageRecord, monkeypatch: pytest.MonkeyPatch):
    """The extra by its name."""
    monkeypatch.setitem(sys.modules, "pyocd", None)
    monkeypatch.setitem(sys.modules, "pyocd.core.exceptions", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'hwprof\[probe\]'"):
        load(plan_load(image))


@pytest.mark.board
def test_a_board_takes_the_image(image: ImageRecord):
    """A probe is connected and loads each image to RAM."""
    assert load(plan_load(image))
