"""Registers that keep what is written to them."""

from __future__ import annotations

from typing import ClassVar

from hwprof.firmware_stub.virtual.peripherals import Peripheral, Surroundings


class KeptRegisters(Peripheral):
    """Reads as last written, or as after reset."""

    RESET: ClassVar[dict[int, int]] = {}

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._kept = dict(self.RESET)

    def read(self, offset: int) -> int:
        """The value kept, zero where nothing was written."""
        return self._kept.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Keeps the value."""
        self._kept[offset] = value


class Pads(KeptRegisters):
    """IOMUXC: pads after reset are general-purpose pins, alternative 5."""

    GPIO = 5
    LAST_MUX = 0x250

    def read(self, offset: int) -> int:
        """As written; a pad that nobody muxed says so."""
        return self._kept.get(offset, self.GPIO if 0x10 <= offset <= self.LAST_MUX else 0)


class FlexSpi(KeptRegisters):
    """The flash's controller, on as the boot ROM leaves it (MCR0.MDIS clear)."""

    MCR0, MDIS = 0x0, 1 << 1


class RealTimeWatchdog(KeptRegisters):
    """RTWDOG: on after reset, locked until its key is written, locked again by CS."""

    CS, CNT, TOVAL = 0x0, 0x4, 0x8
    EN, UPDATE, CMD32EN = 1 << 7, 1 << 5, 1 << 13
    KEY = 0xD928_C520
    RESET: ClassVar[dict[int, int]] = {CS: EN | UPDATE | CMD32EN, TOVAL: 0x400}

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._unlocked = False

    @property
    def runs(self) -> bool:
        """Whether it would reset the chip one day."""
        return bool(self._kept[self.CS] & self.EN)

    def write(self, offset: int, value: int) -> None:
        """Configures while unlocked; the key unlocks."""
        if offset == self.CNT:
            self._unlocked = value == self.KEY
        elif self._unlocked:
            super().write(offset, value)
            self._unlocked = offset != self.CS


class Watchdog(KeptRegisters):
    """WDOG: off after reset (WCR.WDE)."""
