"""ANADIG: oscillators, PLLs, the PLLs' supply and the core's body bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hwprof.firmware_stub.virtual.imxrt1170.kept import KeptRegisters
from hwprof.firmware_stub.virtual.peripherals import Surroundings

CRYSTAL_HZ = 24_000_000
STABLE, GATE = 1 << 29, 1 << 30  # of every PLL's control register
LOCK_CYCLES = 500  # some 20 us at 24 MHz; fsl_clock.c waits 30 us and then asks


@dataclass(frozen=True, slots=True)
class Pll:
    """Bits of one PLL's control register, ``imxrt117x_pll.h``.

    Attributes:
        regulator: must be on before the PLL is powered; 0 for the one that has none of its own.
    """

    control: int
    power_up: int
    enable: int
    bypass: int
    hold: int
    regulator: int = 0


ARM_PLL = Pll(0x200, 1 << 13, 1 << 14, 1 << 17, 1 << 12)
SYS_PLL3 = Pll(0x210, 1 << 21, 1 << 13, 1 << 16, 1 << 11, 1 << 4)
SYS_PLL2 = Pll(0x240, 1 << 23, 1 << 13, 1 << 16, 1 << 11, 1 << 3)
PLLS = {pll.control: pll for pll in (ARM_PLL, SYS_PLL3, SYS_PLL2)}


class Anadig(KeptRegisters):
    """A PLL locks a while after it was powered, if its supply is on; else it never does.

    Attributes:
        has_crystal: false for a board whose crystal never swings.
    """

    OSC_24M = 0x020
    OSC_EN, OSC_GATE, OSC_STABLE = 1 << 4, 1 << 7, 1 << 30
    PLL2_UPDATE, PLL2_PFD = 0x250, 0x270
    PMU_LDO_PLL, PMU_REF_CTRL = 0x500, 0x570
    PMU_BIAS_CTRL, PMU_BIAS_CTRL2 = 0x550, 0x560
    LDO_TOGGLE, REF_BUFFER = 1 << 16, 1 << 4
    WB_SWITCH_M7, WB_EN, WB_OK = 1 << 10, 1 << 24, 1 << 26
    AI_CTRL, AI_WDATA, AI_RDATA = 0x820, 0x830, 0x840
    AI_READS = 1 << 16
    LINREG_EN = 1 << 0
    RESET: ClassVar[dict[int, int]] = {
        **dict.fromkeys(PLLS, GATE),
        OSC_24M: OSC_EN,
        PLL2_PFD: 0x8080_8080,
        PLL2_UPDATE: 0,
        **dict.fromkeys((PMU_LDO_PLL, PMU_REF_CTRL, PMU_BIAS_CTRL, PMU_BIAS_CTRL2), 0),
        **dict.fromkeys((AI_CTRL, AI_WDATA, AI_RDATA), 0),
    }

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self.has_crystal = True
        self._locks_at: dict[int, int] = {}
        self._analogue: dict[int, int] = {}
        self._fractions = [0, 0, 0, 0]

    def read(self, offset: int) -> int:
        """As written, with the status bits that the chip adds."""
        value = super().read(offset)
        if offset in PLLS:
            return value & ~STABLE | STABLE * self._is_locked(PLLS[offset])
        match offset:
            case self.OSC_24M if self.crystal_hz:
                return value | self.OSC_STABLE
            case self.PMU_BIAS_CTRL2 if value & self.WB_EN:
                return value | self.WB_OK
            case self.AI_RDATA:
                return self._analogue.get(self._kept[self.AI_CTRL] & 0xFF, 0)
        return value

    def write(self, offset: int, value: int) -> None:
        """Keeps the value, and starts what it starts."""
        before = self._kept.get(offset, 0)
        super().write(offset, value)
        if offset in PLLS:
            self._power(PLLS[offset], before, value)
        elif offset == self.PLL2_UPDATE:
            self._take_fractions(before ^ value)
        elif offset == self.PMU_LDO_PLL and (before ^ value) & self.LDO_TOGGLE:
            self._carry_analogue_word()

    def _carry_analogue_word(self) -> None:
        control = self._kept[self.AI_CTRL]
        if not control & self.AI_READS:
            self._analogue[control & 0xFF] = self._kept[self.AI_WDATA]

    def _take_fractions(self, changed: int) -> None:
        """A phase fractional divider takes its fraction when its update bit changes."""
        for number in range(4):
            if changed & 2 << number:
                fractions = self._kept[self.PLL2_PFD]
                self._fractions[number] = fractions >> 8 * number & 0x3F

    def _power(self, pll: Pll, before: int, value: int) -> None:
        if not value & pll.power_up:
            self._locks_at.pop(pll.control, None)
        elif not before & pll.power_up and self._feeds(pll, before):
            self._locks_at[pll.control] = self.surroundings.cycles() + LOCK_CYCLES

    def _feeds(self, pll: Pll, before: int) -> bool:
        """Whether everything that a PLL needs is on before it is powered."""
        is_supplied = self._analogue.get(0, 0) & self.LINREG_EN
        has_reference = self._kept[self.PMU_REF_CTRL] & self.REF_BUFFER
        return bool(is_supplied and has_reference) and before & pll.regulator == pll.regulator

    def _is_locked(self, pll: Pll) -> bool:
        locks_at = self._locks_at.get(pll.control)
        is_held = self._kept[pll.control] & pll.hold
        if locks_at is None or is_held or not self.crystal_hz:
            return False
        return self.surroundings.cycles() >= locks_at

    def _gives(self, pll: Pll) -> bool:
        control = self._kept[pll.control]
        is_open = control & (pll.enable | GATE | pll.bypass) == pll.enable
        return is_open and self._is_locked(pll)

    @property
    def crystal_hz(self) -> int:
        """24 MHz while the oscillator is on and not gated."""
        is_on = self._kept[self.OSC_24M] & (self.OSC_EN | self.OSC_GATE) == self.OSC_EN
        return CRYSTAL_HZ if self.has_crystal and is_on else 0

    @property
    def arm_pll_hz(self) -> int:
        """Crystal x DIV_SELECT / 2 / post divider, 0 while it gives no clock."""
        control = self._kept[ARM_PLL.control]
        ring_hz = CRYSTAL_HZ // 2 * (control & 0xFF)
        return ring_hz // (2, 4, 8, 1)[control >> 15 & 3] if self._gives(ARM_PLL) else 0

    @property
    def sys_pll3_hz(self) -> int:
        """480 MHz, 0 while it gives no clock."""
        return 480_000_000 if self._gives(SYS_PLL3) else 0

    @property
    def sys_pll2_hz(self) -> int:
        """528 MHz, 0 while it gives no clock."""
        return 528_000_000 if self._gives(SYS_PLL2) else 0

    @property
    def sys_pll2_pfd1_hz(self) -> int:
        """18 / fraction of SYS_PLL2; 0 while gated or never updated."""
        is_gated = self._kept[self.PLL2_PFD] & 1 << 15
        fraction = self._fractions[1]
        return self.sys_pll2_hz * 18 // fraction if fraction and not is_gated else 0

    @property
    def is_biased(self) -> bool:
        """Whether the Cortex-M7 has its forward body bias."""
        wanted = self.WB_EN | self.WB_SWITCH_M7
        return self._kept[self.PMU_BIAS_CTRL2] & wanted == wanted
