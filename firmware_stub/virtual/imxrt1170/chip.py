"""The RT1170's blocks at their addresses, and what the board learns from them."""

from __future__ import annotations

from dataclasses import dataclass

from hwprof.firmware_stub.virtual.imxrt1170.anadig import Anadig
from hwprof.firmware_stub.virtual.imxrt1170.ccm import M7, SEMC, Ccm
from hwprof.firmware_stub.virtual.imxrt1170.kept import (
    FlexSpi,
    KeptRegisters,
    Pads,
    RealTimeWatchdog,
    Watchdog,
)
from hwprof.firmware_stub.virtual.imxrt1170.power import Dcdc
from hwprof.firmware_stub.virtual.imxrt1170.semc import Semc
from hwprof.firmware_stub.virtual.peripherals import Peripheral, Surroundings

SDRAM = range(0x8000_0000, 0x8400_0000)


@dataclass(frozen=True, slots=True)
class Block:
    """A peripheral at its address."""

    base: int
    size_bytes: int
    peripheral: Peripheral


class Rt1170:
    """The blocks that start-up touches, beside those that a board file names."""

    def __init__(self, surroundings: Surroundings, clock_hz: int) -> None:
        self._clock_hz = clock_hz
        self.anadig = Anadig(surroundings)
        self.dcdc = Dcdc(surroundings)
        self.ccm = Ccm(surroundings, self.anadig, self.dcdc)
        self.semc = Semc(surroundings, lambda: self.ccm.root_hz(SEMC))
        self.watchdogs = (RealTimeWatchdog(surroundings), RealTimeWatchdog(surroundings))
        # Base addresses: imxrt117x_memorymap.h; RTWDOG4: MCUX SDK.
        self.blocks = (
            Block(0x4003_0000, 0x4000, Watchdog(surroundings)),
            Block(0x4003_4000, 0x4000, Watchdog(surroundings)),
            Block(0x4003_8000, 0x4000, self.watchdogs[0]),
            Block(0x400C_C000, 0x4000, FlexSpi(surroundings)),
            Block(0x400D_4000, 0x4000, self.semc),
            Block(0x400E_4000, 0x4000, KeptRegisters(surroundings)),  # IOMUXC_GPR
            Block(0x400E_8000, 0x4000, Pads(surroundings)),
            Block(0x40C1_0000, 0x4000, self.watchdogs[1]),
            Block(0x40C8_4000, 0x4000, self.anadig),
            Block(0x40CA_8000, 0x4000, self.dcdc),
            Block(0x40CC_0000, 0x8000, self.ccm),
        )

    @property
    def core_hz(self) -> int | None:
        """Clock of the core by its registers; None if its source is not followed."""
        return self.ccm.root_hz(M7)

    def answers(self, address: int) -> bool:
        """Whether the memory at an address keeps what is written to it."""
        return address not in SDRAM or self.semc.is_awake

    def warnings(self) -> list[str]:
        """What start-up left as silicon would not forgive it, or as the model does not follow."""
        found = []
        if self.ccm.core_was_set and self.core_hz not in {None, self._clock_hz}:
            found.append(
                f"the core's registers say {self.core_hz:,} Hz; cycles are modelled for "
                f"{self._clock_hz:,} Hz."
            )
        if self.ccm.core_was_set and any(watchdog.runs for watchdog in self.watchdogs):
            found.append("a watchdog is left running, which would reset the chip.")
        return found
