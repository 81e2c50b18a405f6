"""The DCDC converter that supplies the core."""

from __future__ import annotations

from typing import ClassVar

from hwprof.firmware_stub.virtual.imxrt1170.kept import KeptRegisters
from hwprof.firmware_stub.virtual.peripherals import Surroundings


class Dcdc(KeptRegisters):
    """Its output moves when the target does, if stepping is not disabled, and takes a while."""

    CTRL1, REG0, REG3 = 0x04, 0x08, 0x14
    STS_DC_OK, DISABLE_STEP = 1 << 31, 1 << 29
    SETTLING_CYCLES = 1000  # some tens of microseconds at 24 MHz; no public text gives it
    # 1.8 V and 1.0 V, in steps of 25 mV above 1.5 V and 0.6 V.
    RESET: ClassVar[dict[int, int]] = {
        CTRL1: 16 << 8 | 12,
        REG0: 0,
        REG3: DISABLE_STEP,
    }

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._settled_at = 0
        self.core_mv = self._target_mv()

    def _target_mv(self) -> int:
        return 600 + 25 * (self._kept[self.CTRL1] >> 8 & 0x1F)

    def read(self, offset: int) -> int:
        """REG0 says whether the output has settled."""
        value = super().read(offset)
        if offset == self.REG0 and self.surroundings.cycles() >= self._settled_at:
            value |= self.STS_DC_OK
        return value

    def write(self, offset: int, value: int) -> None:
        """Keeps the value; a new target begins to be approached."""
        super().write(offset, value)
        if offset == self.CTRL1 and not self._kept[self.REG3] & self.DISABLE_STEP:
            self._settled_at = self.surroundings.cycles() + self.SETTLING_CYCLES
            self.core_mv = self._target_mv()
