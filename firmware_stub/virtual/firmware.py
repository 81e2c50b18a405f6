"""Puts hwprof's firmware on a board: moved to its memories, its table written anew."""

from __future__ import annotations

from pathlib import Path

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.description import BoardDescription
from hwprof.firmware_stub.virtual.image import FirmwareImage
from hwprof.firmware_stub.virtual.layout import Layout, Span, plan_layout
from hwprof.firmware_stub.virtual.movable_image import (
    TABLE_BYTES,
    TABLE_HEAD,
    TABLE_MEMORY,
    RelocatableImage,
)

# enum board_memory_flag of firmware_stub/include/board.h, by the words of a board file.
USE_FLAGS = {"activations": 1, "weights": 2, "scratch": 4, "staged_weights": 8}
PORT = "imxrt1170"  # the chip that the image starts up; on any other it leaves the chip alone
# What ports/imxrt1170 touches, on every board: peripheral model and base address.
TOUCHED = {
    "lpuart": 0x4007_C000,
    "ocotp": 0x40CA_C000,
    "dwt": 0xE000_1000,
    "scs": 0xE000_E000,
}


def place_image(path: Path, board: BoardDescription, code_memory: str) -> FirmwareImage:
    """The image at ``path``, moved to a board's memories with its code in ``code_memory``.

    On the board it was linked for, under that board's own code placement, it comes out byte for
    byte as it is in the file.

    Raises:
        UnknownNameError: no code may lie in that memory.
        ConfigurationError: the image cannot be moved, does not fit the board, or misses a
            peripheral there.
    """
    _check_touched(board)
    image = RelocatableImage.load(path)
    layout = plan_layout(board, code_memory, image.size)
    return image.moved(layout, board_table(board, layout))


def board_table(board: BoardDescription, layout: Layout) -> bytes:
    """Bytes of ``struct board_description`` for a board under a layout."""
    head = TABLE_HEAD.pack(
        board.name.encode(),
        layout.code_memory.encode(),
        board.clock_hz,
        int(board.chip == PORT),
        *_words(layout.program),
        *_words(layout.constants),
        board.pool_address,
        len(layout.offers),
    )
    rows = [
        TABLE_MEMORY.pack(
            offer.name.encode(), *_words(offer.span), sum(USE_FLAGS[use] for use in offer.uses)
        )
        for offer in layout.offers
    ]
    return (head + b"".join(rows)).ljust(TABLE_BYTES, b"\0")


def _words(span: Span) -> tuple[int, int]:
    return span.address, span.size_bytes


def _check_touched(board: BoardDescription) -> None:
    there = {(area.model, area.base) for area in board.peripherals}
    missing = [
        f"hwprof's firmware needs a peripheral of model {model} at {base:#010x}; board "
        f"{board.name} has none; copy it from boards/stm32h743.toml."
        for model, base in TOUCHED.items()
        if (model, base) not in there
    ]
    if missing:
        raise ConfigurationError("\n".join(missing))
