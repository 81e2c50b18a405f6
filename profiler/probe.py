"""Loads hwprof's firmware onto a board through a debug probe.

What is written where is planned first, without hardware; pyOCD, an optional extra, carries it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hwprof.errors import BoardError, ConfigurationError
from hwprof.firmware_stub.manifest import ImageRecord

PART = "mimxrt1170_cm7"  # pyOCD's name of the chip
EXTRA = "hwprof[probe]"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes and the address where the probe writes them."""

    address: int
    data: bytes


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What a probe does.

    Attributes:
        pieces: in order of their addresses.
        entry: where the core starts, bit 0 cleared; a flash image is started by a reset instead.
        stack: what its stack pointer holds there.
        is_flash: whether the pieces lie in flash.
    """

    image: str
    pieces: tuple[Piece, ...]
    entry: int
    stack: int
    is_flash: bool

    @property
    def size_bytes(self) -> int:
        """Of everything that is written."""
        return sum(len(piece.data) for piece in self.pieces)


def plan_load(image: ImageRecord, *, flash: bool = False) -> LoadPlan:
    """Plan to load an image to RAM, or to flash together with the pool of docs/FORMATS.md.

    Raises:
        ConfigurationError: the image cannot be read.
    """
    from hwprof.firmware_stub.virtual.image import FirmwareImage
    from hwprof.pool import pool_bytes

    parsed = FirmwareImage.load(image.flash_path if flash else image.path)
    pieces = [Piece(segment.address, segment.data) for segment in parsed.segments if segment.data]
    if flash:
        pieces.append(Piece(parsed.by_name["hwp_pool"].address, pool_bytes()))
    return LoadPlan(
        image=image.name,
        pieces=tuple(sorted(pieces, key=lambda piece: piece.address)),
        entry=parsed.entry & ~1,
        stack=parsed.by_name["stack_top"].address,
        is_flash=flash,
    )


def load(plan: LoadPlan, probe_id: str = "") -> str:
    """Carry a plan out and start the firmware; returns the probe's unique id.

    Args:
        probe_id: part of a probe's unique id; empty where only one is connected.

    Raises:
        ConfigurationError: pyOCD is not installed, or no probe or several match.
        BoardError: the probe or the chip did not do what it was told.
    """
    with _session(probe_id) as session:
        (_write_flash if plan.is_flash else _start_in_ram)(session, plan)
        return str(session.probe.unique_id)


@contextmanager
def _session(probe_id: str) -> Iterator[Any]:
    try:
        from pyocd.core.exceptions import Error
        from pyocd.core.session import Session
    except ImportError as error:
        raise ConfigurationError(
            f"loading firmware needs pyOCD, which is not installed; pip install '{EXTRA}'."
        ) from error

    try:
        with Session(_the_probe(probe_id), options={"target_override": PART}) as session:
            yield session
    except Error as error:
        raise BoardError(
            f"the debug probe failed ({error}); check its cable and the board's power, and that "
            "no debugger holds it."
        ) from error


def _the_probe(probe_id: str) -> Any:
    from pyocd.core.helpers import ConnectHelper

    probes = ConnectHelper.get_all_connected_probes(blocking=False, unique_id=probe_id or None)
    if not probes:
        wanted = f" whose id holds {probe_id!r}" if probe_id else ""
        raise ConfigurationError(
            f"loading firmware needs a debug probe; none{wanted} is connected; plug the board's "
            "debug USB in, or name another with --probe."
        )
    if len(probes) > 1:
        ids = ", ".join(probe.unique_id for probe in probes)
        raise ConfigurationError(
            f"one debug probe loads the firmware; {len(probes)} match: {ids}; choose one with "
            "--probe ID."
        )
    return probes[0]


def _start_in_ram(session: Any, plan: LoadPlan) -> None:
    """Halt the chip out of reset, write, read back, and let the core run from the entry."""
    target = session.target
    target.reset_and_halt()
    for piece in plan.pieces:
        target.write_memory_block8(piece.address, piece.data)
        if bytes(target.read_memory_block8(piece.address, len(piece.data))) != piece.data:
            raise BoardError(
                f"the board reads back other bytes than were written at {piece.address:#010x}; "
                "its FlexRAM may be split otherwise than 256 KiB and 256 KiB (fuses)."
            )
    target.write_core_register("sp", plan.stack)
    target.write_core_register("pc", plan.entry)
    target.resume()


def _write_flash(session: Any, plan: LoadPlan) -> None:
    """Erase the sectors that are written, program them, and reset into the image."""
    from pyocd.flash.loader import MemoryLoader

    loader = MemoryLoader(session, chip_erase="sector")
    for piece in plan.pieces:
        loader.add_data(piece.address, piece.data)
    loader.commit()
    session.target.reset()
