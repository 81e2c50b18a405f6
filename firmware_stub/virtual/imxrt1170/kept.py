"""Registers that keep what is written to them."""

from __future__ import annotations

from typing import ClassVar

from hwprof.firmware_stub.virtual.peripherals import Peripheral, Surroundings


class KeptRegisters(Peripheral):
    """Reads as last written, or as after reset.

    Attributes:
        unknown: reads by offset of registers whose value at reset nobody modelled.
    """

    RESET: ClassVar[dict[int, int]] = {}

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._kept = dict(self.RESET)
        self.unknown: dict[int, int] = {}

    def read(self, offset: int) -> int:
        """The value kept; zero, and remembered, where nothing is known."""
        if offset not in self._kept:
            self.unknown[offset] = self.unknown.get(offset, 0) + 1
        return self._kept.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Keeps the value."""
        self._kept[offset] = value


class GeneralPurpose(KeptRegisters):
    """IOMUXC_GPR: FlexRAM is split as the fuses say until GPR16 says otherwise."""

    GPR16, GPR17, GPR18 = 0x40, 0x44, 0x48
    RESET: ClassVar[dict[int, int]] = {GPR16: 0, GPR17: 0, GPR18: 0}


class Pads(KeptRegisters):
    """IOMUXC: pads after reset are general-purpose pins, alternative 5."""

    GPIO = 5
    RESET: ClassVar[dict[int, int]] = dict.fromkeys(range(0x10, 0x254, 4), GPIO)


class FlexSpi(KeptRegisters):
    """The flash's controller, on as the boot ROM leaves it (MCR0.MDIS clear)."""

    MCR0, MDIS = 0x0, 1 << 1
    RESET: ClassVar[dict[int, int]] = {MCR0: 0}


class RealTimeWatchdog(KeptRegisters):
    """RTWDOG: on after reset, locked until its key is written, locked again by CS."""

    CS, CNT, TOVAL = 0x0, 0x4, 0x8
    EN, UPDATE, CMD32EN = 1 << 7, 1 << 5, 1 << 13
    KEY = 0xD928_C520
    RESET: ClassVar[dict[int, int]] = {CS: EN | UPDATE | CMD32EN, CNT: 0, TOVAL: 0x400}

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

    WCR = 0x0
    RESET: ClassVar[dict[int, int]] = {WCR: 0}
