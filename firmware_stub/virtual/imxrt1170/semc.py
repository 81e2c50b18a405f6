"""SEMC: the SDRAM answers once its controller is set up and its chips had their commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from hwprof.firmware_stub.virtual.imxrt1170.kept import KeptRegisters
from hwprof.firmware_stub.virtual.peripherals import Surroundings


class Semc(KeptRegisters):
    """Only the SDRAM behind BR0, and only what start-up asks of it.

    Args:
        clock_hz: of the controller's root, in hertz; without one no command ends well.

    Attributes:
        has_sdram: false for a board without the chips: commands end well and nothing answers.
    """

    MCR, BR0, INTR, SDRAMCR3, IPCMD, IPTXDAT = 0x00, 0x10, 0x3C, 0x4C, 0x9C, 0xA0
    MDIS, VALID, REN = 1 << 1, 1 << 0, 1 << 0
    DONE, ERROR = 1 << 0, 1 << 1
    KEY = 0xA55A_0000
    MODE_SET, REFRESH, PRECHARGE = 0xA, 0xC, 0xF
    REFRESHES = 2  # before the mode register may be set, as makers of SDRAM ask
    BURST_8_CAS_3 = 0x33
    RESET: ClassVar[dict[int, int]] = {MCR: MDIS, BR0: 0, INTR: 0, SDRAMCR3: 0, IPTXDAT: 0}

    def __init__(self, surroundings: Surroundings, clock_hz: Callable[[], int | None]) -> None:
        super().__init__(surroundings)
        self.has_sdram = True
        self._clock_hz = clock_hz
        self._commands: list[int] = []
        self._mode_is_set = False

    @property
    def is_awake(self) -> bool:
        """Whether the SDRAM answers and is refreshed."""
        is_refreshed = self._kept[self.SDRAMCR3] & self.REN
        return self.has_sdram and self._mode_is_set and bool(is_refreshed)

    def write(self, offset: int, value: int) -> None:
        """Interrupt flags are cleared by ones; a command needs its key."""
        if offset == self.INTR:
            super().write(offset, self._kept[offset] & ~value)
        elif offset == self.IPCMD and value & 0xFFFF_0000 == self.KEY:
            self._command(value & 0xFFFF)
        else:
            super().write(offset, value)

    def _command(self, code: int) -> None:
        if self._is_set_up():
            self._commands.append(code)
            self._mode_is_set |= code == self.MODE_SET and self._may_set_mode()
            self._raise(self.DONE)
        else:
            self._raise(self.DONE | self.ERROR)

    def _is_set_up(self) -> bool:
        is_on = not self._kept[self.MCR] & self.MDIS
        is_valid = self._kept[self.BR0] & self.VALID
        return bool(is_on and is_valid and self._clock_hz())

    def _may_set_mode(self) -> bool:
        *before, _ = self._commands
        prepared = self.PRECHARGE in before and before.count(self.REFRESH) >= self.REFRESHES
        return prepared and self._kept[self.IPTXDAT] == self.BURST_8_CAS_3

    def _raise(self, flags: int) -> None:
        self._kept[self.INTR] |= flags
