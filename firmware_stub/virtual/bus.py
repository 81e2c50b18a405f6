"""Connects a board's peripherals to the address ranges that firmware reads and writes."""

from __future__ import annotations

from collections.abc import Callable

from hwprof.firmware_stub.virtual.description import PeripheralArea
from hwprof.firmware_stub.virtual.peripherals import (
    Dwt,
    Lpuart,
    Ocotp,
    Peripheral,
    Surroundings,
    SystemControlSpace,
    Unmodelled,
)

PAGE_BYTES = 0x1000
MANY_POLLS = 1_000_000  # reads of one register in a row, none of which can ever give anything else
# Arm DDI 0403E table B3-1: peripheral region and private peripheral bus.
WINDOWS = ((0x4000_0000, 0x2000_0000), (0xE000_0000, 0x0010_0000))


class Bus:
    """Routes accesses by page; sub-word accesses are made of word registers."""

    def __init__(self, areas: tuple[PeripheralArea, ...], surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._pages: dict[int, tuple[int, Peripheral]] = {}
        self.forget_polls()
        dwt = Dwt(surroundings)
        models: dict[str, Callable[[PeripheralArea], Peripheral]] = {
            "": lambda area: Unmodelled(surroundings, area.name, area.base),
            "lpuart": lambda _: Lpuart(surroundings),
            "dwt": lambda _: dwt,
            "scs": lambda _: SystemControlSpace(surroundings, dwt),
            "ocotp": lambda _: Ocotp(surroundings),
        }
        for area in areas:
            peripheral = models[area.model](area)
            for page in range(area.base, area.base + area.size_bytes, PAGE_BYTES):
                self._pages[page // PAGE_BYTES] = (area.base, peripheral)

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
        """Sentences about registers that were read and are not modelled."""
        found = dict.fromkeys(
            peripheral
            for _, peripheral in self._pages.values()
            if isinstance(peripheral, Unmodelled)
        )
        return [sentence for peripheral in found for sentence in peripheral.warnings()]

    def forget_polls(self) -> None:
        """Begin to count anew how often one register is asked."""
        self._polled, self._polls = 0, 0

    @property
    def poll(self) -> str:
        """The register nobody modelled that is read over and over, in words; empty if none is."""
        if self._polls < MANY_POLLS:
            return ""
        _, peripheral = self._at(self._polled)
        name = peripheral.name if isinstance(peripheral, Unmodelled) else ""
        return f"{name} at {self._polled:#010x}, which is not modelled and always reads as 0,"

    def _count_poll(self, address: int, peripheral: Peripheral) -> None:
        again = address == self._polled and isinstance(peripheral, Unmodelled)
        self._polls = self._polls + 1 if again else 0
        self._polled = address

    def _at(self, address: int) -> tuple[int, Peripheral]:
        page = address // PAGE_BYTES
        if page not in self._pages:
            base = page * PAGE_BYTES
            self._pages[page] = (base, Unmodelled(self._surroundings, "register", base))
        return self._pages[page]
