"""The Cortex-M7's own registers that firmware touches: cycle counter, system control, debug.

What a register does is from the Arm architecture manual (ARMv7-M, Arm DDI 0403E) and the Cortex-M7
manual (Arm DDI 0489).
"""

from __future__ import annotations

from typing import ClassVar

from hwprof.errors import BoardError
from hwprof.firmware_stub.virtual.mpu import Mpu
from hwprof.firmware_stub.virtual.peripherals import WORD, Peripheral, Surroundings


class Dwt(Peripheral):
    """Data watchpoint and trace: only the cycle counter, which runs on modelled cycles.

    Stores are ignored until the lock access register has had its key, as on a real Cortex-M7.
    """

    CTRL, CYCCNT, LAR, LSR = 0x000, 0x004, 0xFB0, 0xFB4
    KEY = 0xC5AC_CE55
    ENABLE = 1
    RESET_CTRL = 0x4000_0000  # four comparators; NOCYCCNT clear

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._unlocked = False
        self._enabled = False
        self._started_at = 0
        self._held = 0

    def _running(self) -> bool:
        return self._enabled and self.surroundings.trace_enabled

    def read(self, offset: int) -> int:
        """CTRL, CYCCNT and the lock; every other register reads as zero."""
        match offset:
            case self.CTRL:
                return self.RESET_CTRL | int(self._enabled)
            case self.CYCCNT:
                self.surroundings.note_reading()
                return self._count()
            case self.LSR:
                return 1 if self._unlocked else 3
        return 0

    def write(self, offset: int, value: int) -> None:
        """Unlock, start, stop or set the counter."""
        if offset == self.LAR:
            self._unlocked = value == self.KEY
        elif self._unlocked and offset == self.CTRL:
            self._set(self._count())
            self._enabled = bool(value & self.ENABLE)
        elif self._unlocked and offset == self.CYCCNT:
            self._set(value)

    def trace_changed(self, *, enabled: bool) -> None:
        """DEMCR.TRCENA was written: the counter keeps its value while trace is off."""
        count = self._count()
        self.surroundings.trace_enabled = enabled
        self._set(count)

    def _count(self) -> int:
        if not self._running():
            return self._held
        return (self.surroundings.cycles() - self._started_at) & WORD

    def _set(self, value: int) -> None:
        self._held = value
        self._started_at = self.surroundings.cycles() - value


class SystemControlSpace(Peripheral):
    """SCB, NVIC, SysTick and debug registers, kept as written, a few with a meaning; the MPU.

    No interrupt is ever taken; firmware that polls runs unchanged.
    """

    SYST_CSR, SYST_RVR, SYST_CVR = 0x010, 0x014, 0x018
    AIRCR, CCR, CSSELR, CCSIDR, DEMCR = 0xD0C, 0xD14, 0xD84, 0xD80, 0xDFC
    FAULTS = frozenset(
        {0xD28, 0xD2C}
    )  # CFSR and HFSR: written ones clear, and no fault is modelled
    BPIALL = 0xF78  # CMSIS core_cm7.h, SCB_Type offset 0x278
    VECTKEY, SYSRESETREQ, TRCENA = 0x05FA_0000, 1 << 2, 1 << 24
    MAINTENANCE = range(0xF50, 0xF78, 4)  # ICIALLU to DCCISW, CMSIS core_cm7.h
    # Reset values, Arm DDI 0489: CPUID r1p2, CCR, CLIDR, CTR, MPU_TYPE with 16 regions; in CCR the
    # caches are on, as a vendor's start-up code leaves them.
    RESET: ClassVar[dict[int, int]] = {
        0xD00: 0x411F_C272,
        0xD14: 0x0007_0200,
        0xD78: 0x0900_0003,
        0xD7C: 0x8303_C003,
        0xD90: 0x0000_1000,
    }
    READ_ONLY = frozenset({0xD00, 0xD78, 0xD7C, 0xD80, 0xD90})

    def __init__(self, surroundings: Surroundings, dwt: Dwt) -> None:
        super().__init__(surroundings)
        self._dwt = dwt
        self._kept = dict(self.RESET)
        self._tick_started_at = 0
        self.mpu = Mpu()

    def read(self, offset: int) -> int:
        """SysTick counts modelled cycles; the others read as written or as after reset."""
        match offset:
            case self.SYST_CVR:
                return self._tick()
            case self.CCSIDR:
                return self.surroundings.cache_sizes[self._kept.get(self.CSSELR, 0) & 1]
        return self.mpu.read(offset) if offset in Mpu.WINDOW else self._kept.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Keeps the value.

        Raises:
            BoardError: the firmware asked for a system reset.
        """
        if offset in self.READ_ONLY | self.FAULTS:
            return
        if offset in Mpu.WINDOW:
            self.mpu.write(offset, value)
            return
        if (
            offset == self.AIRCR
            and value & 0xFFFF_0000 == self.VECTKEY
            and value & self.SYSRESETREQ
        ):
            raise BoardError("the firmware asked for a system reset; open the board again.")
        if offset == self.DEMCR:
            self._dwt.trace_changed(enabled=bool(value & self.TRCENA))
        if offset in self.MAINTENANCE or offset == self.CCR:
            self.surroundings.maintain(offset, value)
        if offset == self.BPIALL:
            self.surroundings.forget_branches()
        if offset in (self.SYST_CSR, self.SYST_CVR):
            self._tick_started_at = self.surroundings.cycles()
        self._kept[offset] = value

    def _tick(self) -> int:
        """Counts down from the reload value to zero, once a cycle while enabled."""
        reload = self._kept.get(self.SYST_RVR, 0) & 0xFF_FFFF
        if not self._kept.get(self.SYST_CSR, 0) & 1 or not reload:
            return 0
        passed = self.surroundings.cycles() - self._tick_started_at
        return reload - passed % (reload + 1)
