"""CCM: clock roots and gates. The clock of the core is what root 0 makes of its source."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from hwprof.errors import BoardError
from hwprof.firmware_stub.virtual.imxrt1170.anadig import Anadig
from hwprof.firmware_stub.virtual.imxrt1170.kept import KeptRegisters
from hwprof.firmware_stub.virtual.imxrt1170.power import Dcdc
from hwprof.firmware_stub.virtual.peripherals import Surroundings

M7, BUS, SEMC, LPUART1 = 0, 2, 4, 25  # roots, clock_root_t of fsl_clock.h
# What the core runs at without overdrive: set point 0 of NXP's power_mode_switch example.
NOMINAL_HZ = 696_000_000
OVERDRIVE_MV = 1_125  # clock_config.c of the EVK


class Ccm(KeptRegisters):
    """Each root is one of eight sources and a divider, with set, clear and toggle aliases.

    Sources whose clock this model does not follow (audio, video and SYS_PLL1) count as unknown.
    """

    STRIDE, ROOTS, OFF = 0x80, 79, 1 << 24
    SET, CLEAR, TOGGLE = 0x4, 0x8, 0xC
    RESET: ClassVar[dict[int, int]] = dict.fromkeys(range(0, ROOTS * STRIDE, STRIDE), 0)

    def __init__(self, surroundings: Surroundings, anadig: Anadig, dcdc: Dcdc) -> None:
        super().__init__(surroundings)
        self._anadig = anadig
        self._dcdc = dcdc
        self.core_was_set = False

    def read(self, offset: int) -> int:
        """An alias of a control register reads as the register."""
        return super().read(offset & ~0xF if self._is_alias(offset) else offset)

    def write(self, offset: int, value: int) -> None:
        """Sets a root or a gate.

        Raises:
            BoardError: the core was given a source that gives no clock, or more than its supply
                allows; a chip would stop there.
        """
        if self._is_alias(offset):
            base = offset & ~0xF
            before = self._kept[base]
            value = {self.SET: before | value, self.CLEAR: before & ~value}.get(
                offset & 0xF, before ^ value
            )
            offset = base
        super().write(offset, value)
        if offset == M7 * self.STRIDE:
            self.core_was_set = True
            self._check_core()

    def _is_alias(self, offset: int) -> bool:
        is_control = offset < self.ROOTS * self.STRIDE and offset % self.STRIDE < 0x10
        return is_control and bool(offset & 0xF)

    def _check_core(self) -> None:
        core_hz = self.root_hz(M7)
        if core_hz == 0:
            raise BoardError(
                "the core's clock stopped: CLOCK_ROOT0 was given a source that gives no clock; "
                "a PLL is powered with its supply on, locked, enabled and opened first."
            )
        is_raised = self._dcdc.core_mv >= OVERDRIVE_MV and self._anadig.is_biased
        if core_hz and core_hz > NOMINAL_HZ and not is_raised:
            raise BoardError(
                f"the core was clocked at {core_hz:,} Hz on {self._dcdc.core_mv} mV"
                f"{'' if self._anadig.is_biased else ' without body bias'}; beyond "
                f"{NOMINAL_HZ:,} Hz it needs {OVERDRIVE_MV} mV and its body bias first."
            )

    def root_hz(self, number: int) -> int | None:
        """Clock of a root in hertz: 0 if it gives none, None if its source is not followed."""
        control = self._kept[number * self.STRIDE]
        source = self._source(number, control >> 8 & 7)
        if source is None:
            return None
        return 0 if control & self.OFF else source() // ((control & 0xFF) + 1)

    def _source(self, number: int, choice: int) -> Callable[[], int] | None:
        """The eight choices of a root; the first four are those of every root."""
        shared: dict[int, Callable[[], int]] = {
            0: lambda: 24_000_000,  # the internal 48 MHz by 2
            1: lambda: self._anadig.crystal_hz,
            2: lambda: 400_000_000,
            3: lambda: 16_000_000,
        }
        own: dict[tuple[int, int], Callable[[], int]] = {
            (M7, 4): lambda: self._anadig.arm_pll_hz,
            (M7, 6): lambda: self._anadig.sys_pll3_hz,
            (BUS, 4): lambda: self._anadig.sys_pll3_hz,
            (BUS, 6): lambda: self._anadig.sys_pll2_hz,
            (SEMC, 5): lambda: self._anadig.sys_pll2_hz,
            (SEMC, 6): lambda: self._anadig.sys_pll2_pfd1_hz,
            (LPUART1, 6): lambda: self._anadig.sys_pll2_hz,
        }
        return shared.get(choice) or own.get((number, choice))
