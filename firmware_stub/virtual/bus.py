"""Connects a board's peripherals to the address ranges that firmware reads and writes."""

from __future__ import annotations

from collections.abc import Callable

from hwprof.firmware_stub.virtual.description import BoardDescription, PeripheralArea
from hwprof.firmware_stub.virtual.imxrt1170.chip import Rt1170
from hwprof.firmware_stub.virtual.imxrt1170.kept import KeptRegisters
from hwprof.firmware_stub.virtual.peripherals import (
    Lpuart,
    Ocotp,
    Peripheral,
    Surroundings,
    Unmodelled,
)
from hwprof.firmware_stub.virtual.processor import Dwt, SystemControlSpace

CHIPS = {"imxrt1170": Rt1170}  # by the name of a board file's `chip`
PAGE_BYTES = 0x1000
MANY_POLLS = 1_000_000  # reads of one register in a row, none of which can ever give anything else
# Arm DDI 0403E table B3-1: peripheral region and private peripheral bus.
WINDOWS = ((0x4000_0000, 0x2000_0000), (0xE000_0000, 0x0010_0000))


class Bus:
    """Routes accesses by page; sub-word accesses are made of word registers.

    Attributes:
        system: the core's own registers, which every board has.
        chip: blocks of the chip itself, None on a board whose file names no chip.
    """

    def __init__(self, board: BoardDescription, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._pages: dict[int, tuple[int, Peripheral]] = {}
        self.forget_polls()
        dwt = Dwt(surroundings)
        self.system = SystemControlSpace(surroundings, dwt)
        models: dict[str, Callable[[PeripheralArea], Peripheral]] = {
            "": lambda area: Unmodelled(surroundings, area.name, area.base),
            "lpuart": lambda _: Lpuart(surroundings),
            "dwt": lambda _: dwt,
            "scs": lambda _: self.system,
            "ocotp": lambda _: Ocotp(surroundings),
        }
        for area in board.peripherals:
            self._place(area.base, area.size_bytes, models[area.model](area))
        self.chip = CHIPS[board.chip](surroundings, board.clock_hz) if board.chip else None
        for block in self.chip.blocks if self.chip else ():
            self._place(block.base, block.size_bytes, block.peripheral)

    def _place(self, base: int, size_bytes: int, peripheral: Peripheral) -> None:
        for page in range(base, base + size_bytes, PAGE_BYTES):
            self._pages[page // PAGE_BYTES] = (base, peripheral)

    def read(self, address: int, size_bytes: int) -> int:
        """What a load of 1, 2 or 4 bytes gets."""
        base, peripheral = self._at(address)
        self._count_poll(address, peripheral)
        word = peripheral.read((address & ~3) - base)
        return word >> 8 * (address & 3) & (1 << 8 * size_bytes) - 1

    def write(self, address: int, size_bytes: int, value: int) -> None:
        """What a store of 1, 2 or 4 bytes does; bytes not written read back as they are."""
        base, peripheral = self._at(address)
        offset, shift = (address & ~3) - base, 8 * (address & 3)
        if size_bytes < 4:
            mask = (1 << 8 * size_bytes) - 1 << shift
            # A byte store to a data register must not read (and pop) it first.
            value = value << shift & mask
        peripheral.write(offset, value)

    def warnings(self) -> list[str]:
        """Sentences about registers that were read and are not modelled, and about the chip."""
        found = dict.fromkeys(
            peripheral
            for _, peripheral in self._pages.values()
            if isinstance(peripheral, Unmodelled)
        )
        unmodelled = [sentence for peripheral in found for sentence in peripheral.warnings()]
        return unmodelled + (self.chip.warnings() if self.chip else [])

    def forget_polls(self) -> None:
        """Begin to count anew how often one register is asked."""
        self._polled, self._polls = 0, 0

    @property
    def poll(self) -> str:
        """The register that is read over and over in vain, in words; empty if none is."""
        if self._polls < MANY_POLLS:
            return ""
        _, peripheral = self._at(self._polled)
        if isinstance(peripheral, Unmodelled):
            return (
                f"{peripheral.name} at {self._polled:#010x}, which is not modelled and always "
                "reads as 0,"
            )
        name = self.chip.name_at(self._polled) if self.chip else ""
        return f"{name} at {self._polled:#010x}, which nothing changes any more,"

    def _count_poll(self, address: int, peripheral: Peripheral) -> None:
        again = address == self._polled and isinstance(peripheral, Unmodelled | KeptRegisters)
        self._polls = self._polls + 1 if again else 0
        self._polled = address

    def _at(self, address: int) -> tuple[int, Peripheral]:
        page = address // PAGE_BYTES
        if page not in self._pages:
            base = page * PAGE_BYTES
            self._pages[page] = (base, Unmodelled(self._surroundings, "register", base))
        return self._pages[page]
