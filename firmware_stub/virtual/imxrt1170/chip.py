"""The RT1170's blocks at their addresses, and what the board learns from them."""

from __future__ import annotations

from dataclasses import dataclass

from hwprof.firmware_stub.virtual.imxrt1170.anadig import Anadig
from hwprof.firmware_stub.virtual.imxrt1170.ccm import M7, SEMC, Ccm
from hwprof.firmware_stub.virtual.imxrt1170.kept import (
    FlexSpi,
    GeneralPurpose,
    KeptRegisters,
    Pads,
    RealTimeWatchdog,
    Watchdog,
)
from hwprof.firmware_stub.virtual.imxrt1170.power import Dcdc
from hwprof.firmware_stub.virtual.imxrt1170.semc import Semc
from hwprof.firmware_stub.virtual.peripherals import Surroundings, unknown_reads

SDRAM = range(0x8000_0000, 0x8400_0000)


@dataclass(frozen=True, slots=True)
class Block:
    """A peripheral at its address, under the name that the reference manual gives it."""

    name: str
    base: int
    peripheral: KeptRegisters
    size_bytes: int = 0x4000


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
            Block("wdog1", 0x4003_0000, Watchdog(surroundings)),
            Block("wdog2", 0x4003_4000, Watchdog(surroundings)),
            Block("rtwdog3", 0x4003_8000, self.watchdogs[0]),
            Block("flexspi1", 0x400C_C000, FlexSpi(surroundings)),
            Block("semc", 0x400D_4000, self.semc),
            Block("iomuxc_gpr", 0x400E_4000, GeneralPurpose(surroundings)),
            Block("iomuxc", 0x400E_8000, Pads(surroundings)),
            Block("rtwdog4", 0x40C1_0000, self.watchdogs[1]),
            Block("anadig", 0x40C8_4000, self.anadig),
            Block("dcdc", 0x40CA_8000, self.dcdc),
            Block("ccm", 0x40CC_0000, self.ccm, 0x8000),
        )

    @property
    def core_hz(self) -> int | None:
        """Clock of the core by its registers; None if its source is not followed."""
        return self.ccm.root_hz(M7)

    def name_at(self, address: int) -> str:
        """Name of the block that holds an address; empty if none does."""
        for block in self.blocks:
            if block.base <= address < block.base + block.size_bytes:
                return block.name
        return ""

    def answers(self, address: int) -> bool:
        """Whether the memory at an address keeps what is written to it."""
        return address not in SDRAM or self.semc.is_awake

    def warnings(self) -> list[str]:
        """Registers nobody modelled, and what silicon would not forgive or no model follows."""
        found = [
            sentence
            for block in self.blocks
            for sentence in unknown_reads(block.name, block.base, block.peripheral.unknown)
        ]
        if self.ccm.core_was_set and self.core_hz not in {None, self._clock_hz}:
            found.append(
                f"the core's registers say {self.core_hz:,} Hz; cycles are modelled for "
                f"{self._clock_hz:,} Hz."
            )
        if self.ccm.core_was_set and any(watchdog.runs for watchdog in self.watchdogs):
            found.append("a watchdog is left running, which would reset the chip.")
        return found
