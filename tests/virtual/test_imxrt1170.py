"""The RT1170's own blocks: a step out of order leaves the chip without what the next one needs."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hwprof.errors import BoardError
from hwprof.firmware_stub.virtual.imxrt1170.anadig import (
    ARM_PLL,
    GATE,
    LOCK_CYCLES,
    STABLE,
    SYS_PLL2,
    SYS_PLL3,
    Anadig,
    Pll,
)
from hwprof.firmware_stub.virtual.imxrt1170.ccm import BUS, LPUART1, M7, SEMC, Ccm
from hwprof.firmware_stub.virtual.imxrt1170.chip import Rt1170
from hwprof.firmware_stub.virtual.imxrt1170.kept import RealTimeWatchdog
from hwprof.firmware_stub.virtual.imxrt1170.power import Dcdc
from hwprof.firmware_stub.virtual.imxrt1170.semc import Semc
from hwprof.firmware_stub.virtual.mpu import Mpu
from hwprof.firmware_stub.virtual.peripherals import Surroundings

TO_ARM_PLL = 4 << 8
ARM_996_MHZ = 166


@dataclass
class Clock:
    """Cycles that pass when a test says so."""

    cycles: int = 0

    def read(self) -> int:
        """Cycles since power-on."""
        return self.cycles


@pytest.fixture
def clock() -> Clock:
    """Time."""
    return Clock()


@pytest.fixture
def chip(clock: Clock) -> Rt1170:
    """A chip out of reset."""
    surroundings = Surroundings(
        maintain=lambda _register, _value: None,
        timing_model="pipeline-2",
        cycles=clock.read,
        forget_branches=lambda: None,
        note_reading=lambda: None,
    )
    return Rt1170(surroundings, 996_000_000)


def supply(anadig: Anadig) -> None:
    """The PLLs' regulator and reference, as start-up turns them on."""
    anadig.write(Anadig.AI_CTRL, 0)
    anadig.write(Anadig.AI_WDATA, 0x105)
    anadig.write(Anadig.PMU_LDO_PLL, Anadig.LDO_TOGGLE)
    anadig.write(Anadig.PMU_REF_CTRL, Anadig.REF_BUFFER)


def raise_supply(chip: Rt1170) -> None:
    """1.125 V and body bias."""
    chip.dcdc.write(Dcdc.REG3, 0)
    chip.dcdc.write(Dcdc.CTRL1, 21 << 8)
    chip.anadig.write(Anadig.PMU_BIAS_CTRL2, Anadig.WB_EN | Anadig.WB_SWITCH_M7)


def lock(anadig: Anadig, clock: Clock, pll: Pll, setting: int = 0) -> None:
    """Power a PLL in the right order, wait, enable and open it."""
    anadig.write(pll.control, setting | pll.regulator | GATE)
    anadig.write(pll.control, setting | pll.regulator | pll.power_up | GATE)
    clock.cycles += LOCK_CYCLES
    anadig.write(pll.control, setting | pll.regulator | pll.power_up | pll.enable)


class TestPlls:
    """ANADIG."""

    def test_a_pll_locks_after_a_while(self, chip, clock):
        """Not at once, and not while the ring is held."""
        anadig = chip.anadig
        supply(anadig)
        on = SYS_PLL3.regulator | SYS_PLL3.power_up
        anadig.write(SYS_PLL3.control, SYS_PLL3.regulator)
        anadig.write(SYS_PLL3.control, on | SYS_PLL3.hold)
        assert not anadig.read(SYS_PLL3.control) & STABLE

        clock.cycles += LOCK_CYCLES
        assert not anadig.read(SYS_PLL3.control) & STABLE

        anadig.write(SYS_PLL3.control, on)
        assert anadig.read(SYS_PLL3.control) & STABLE

    @pytest.mark.parametrize("missing", ["supply", "regulator", "crystal"])
    def test_a_pll_without_what_it_needs_never_locks(self, chip, clock, missing):
        """The regulator of all PLLs, the one of its own, and the crystal come first."""
        anadig = chip.anadig
        anadig.has_crystal = missing != "crystal"
        if missing != "supply":
            supply(anadig)
        regulator = 0 if missing == "regulator" else SYS_PLL2.regulator
        anadig.write(SYS_PLL2.control, regulator)
        anadig.write(SYS_PLL2.control, SYS_PLL2.regulator | SYS_PLL2.power_up)
        clock.cycles += 100 * LOCK_CYCLES

        assert not anadig.read(SYS_PLL2.control) & STABLE

    def test_a_pll_that_is_powered_down_is_no_longer_stable(self, chip, clock):
        """Power it again and it locks anew."""
        supply(chip.anadig)
        lock(chip.anadig, clock, SYS_PLL3)
        assert chip.anadig.sys_pll3_hz == 480_000_000

        chip.anadig.write(SYS_PLL3.control, SYS_PLL3.regulator)

        assert not chip.anadig.read(SYS_PLL3.control) & STABLE
        assert chip.anadig.sys_pll3_hz == 0

    @pytest.mark.parametrize(
        ("setting", "hz"),
        [
            (166, 996_000_000),
            (166 | 1 << 15, 498_000_000),
            (200 | 2 << 15, 300_000_000),
            (104 | 3 << 15, 1_248_000_000),
        ],
    )
    def test_frequency_of_the_arm_pll(self, chip, clock, setting, hz):
        """24 MHz x DIV_SELECT / 2 / post divider."""
        supply(chip.anadig)
        lock(chip.anadig, clock, ARM_PLL, setting)

        assert chip.anadig.arm_pll_hz == hz

    def test_a_fraction_counts_once_its_update_bit_changes(self, chip, clock):
        """PFD1 of SYS_PLL2 is 528 MHz x 18 / fraction, and nothing while gated."""
        anadig = chip.anadig
        supply(anadig)
        lock(anadig, clock, SYS_PLL2)
        anadig.write(Anadig.PLL2_PFD, 16 << 8)
        assert anadig.sys_pll2_pfd1_hz == 0

        anadig.write(Anadig.PLL2_UPDATE, 1 << 2)
        assert anadig.sys_pll2_pfd1_hz == 594_000_000

        anadig.write(Anadig.PLL2_PFD, 16 << 8 | 1 << 15)
        assert anadig.sys_pll2_pfd1_hz == 0

    def test_the_analogue_interface_reads_what_was_written(self, chip):
        """A toggle in read mode writes nothing."""
        supply(chip.anadig)
        chip.anadig.write(Anadig.AI_CTRL, Anadig.AI_READS)
        chip.anadig.write(Anadig.AI_WDATA, 0)
        chip.anadig.write(Anadig.PMU_LDO_PLL, 0)

        assert chip.anadig.read(Anadig.AI_RDATA) == 0x105


class TestCore:
    """CCM and DCDC: what the core may be given."""

    def test_a_source_without_a_clock_stops_the_core(self, chip):
        """A chip would hang there; the virtual board says why."""
        with pytest.raises(BoardError, match="clock stopped"):
            chip.ccm.write(M7, TO_ARM_PLL)

    def test_overdrive_needs_voltage_and_bias(self, chip, clock):
        """996 MHz on 1.0 V is refused; raised first, it runs."""
        supply(chip.anadig)
        lock(chip.anadig, clock, ARM_PLL, ARM_996_MHZ)
        with pytest.raises(BoardError, match="1000 mV without body bias"):
            chip.ccm.write(M7, TO_ARM_PLL)

        raise_supply(chip)
        chip.ccm.write(M7, TO_ARM_PLL)

        assert chip.core_hz == 996_000_000

    def test_the_converter_moves_only_if_stepping_is_on_and_takes_a_while(self, chip, clock):
        """REG0 says when the output has settled."""
        chip.dcdc.write(Dcdc.CTRL1, 21 << 8)
        assert chip.dcdc.core_mv == 1000

        chip.dcdc.write(Dcdc.REG3, 0)
        chip.dcdc.write(Dcdc.CTRL1, 21 << 8)
        assert (chip.dcdc.core_mv, chip.dcdc.read(Dcdc.REG0)) == (1125, 0)

        clock.cycles += Dcdc.SETTLING_CYCLES
        assert chip.dcdc.read(Dcdc.REG0) == Dcdc.STS_DC_OK

    def test_roots_divide_their_sources(self, chip, clock):
        """The internal oscillators, the crystal, and each PLL where it is led."""
        anadig, ccm = chip.anadig, chip.ccm
        supply(anadig)
        for pll in (SYS_PLL2, SYS_PLL3):
            lock(anadig, clock, pll)
        choices = {
            (M7, 0): 24_000_000,
            (M7, 6): 480_000_000,
            (BUS, 2): 400_000_000,
            (BUS, 4): 480_000_000,
            (BUS, 6): 528_000_000,
            (SEMC, 3): 16_000_000,
            (SEMC, 5): 528_000_000,
            (LPUART1, 1): 24_000_000,
            (LPUART1, 6): 528_000_000,
        }
        for (root, source), hz in choices.items():
            ccm.write(root * Ccm.STRIDE, source << 8 | 3)
            assert ccm.root_hz(root) == hz // 4

    def test_a_source_that_is_not_followed_is_unknown_and_stops_nothing(self, chip):
        """SYS_PLL1 and the video PLL: other firmware may use them."""
        chip.ccm.write(M7, 5 << 8)

        assert chip.core_hz is None
        assert not any("registers say" in warning for warning in chip.warnings())

    def test_aliases_set_clear_and_toggle(self, chip):
        """At 4, 8 and 12 behind each root's control register, which they read as."""
        root = BUS * Ccm.STRIDE
        chip.ccm.write(root + Ccm.SET, 0x203)
        chip.ccm.write(root + Ccm.CLEAR, 0x001)
        chip.ccm.write(root + Ccm.TOGGLE, 0x300)

        assert {chip.ccm.read(root + alias) for alias in (0, 4, 8, 12)} == {0x102}

    def test_a_root_that_is_off_gives_no_clock(self, chip):
        """Bit 24."""
        chip.ccm.write(BUS * Ccm.STRIDE, Ccm.OFF)

        assert chip.ccm.root_hz(BUS) == 0


class TestSdram:
    """SEMC."""

    SET_UP = ((Semc.MCR, 0x1000_0004), (Semc.BR0, 0x8000_001D), (Semc.IPTXDAT, 0x33))
    COMMANDS = (Semc.PRECHARGE, Semc.REFRESH, Semc.REFRESH, Semc.MODE_SET)

    def start(self, semc: Semc, commands: tuple[int, ...]) -> None:
        """Sets the controller up and sends commands."""
        for offset, value in self.SET_UP:
            semc.write(offset, value)
        for command in commands:
            semc.write(Semc.IPCMD, Semc.KEY | command)
        semc.write(Semc.SDRAMCR3, Semc.REN)

    def test_it_answers_after_its_commands(self, chip):
        """Precharge, two refreshes, mode; from then on addresses of the SDRAM answer."""
        assert not chip.answers(0x8000_0000)
        assert chip.answers(0x2024_0000)

        self.start(chip.semc, self.COMMANDS)

        assert chip.answers(0x83FF_FFFF)
        assert chip.semc.read(Semc.INTR) == Semc.DONE
        chip.semc.write(Semc.INTR, Semc.DONE)
        assert chip.semc.read(Semc.INTR) == 0

    @pytest.mark.parametrize("left_out", range(4))
    def test_a_command_left_out_leaves_it_asleep(self, chip, left_out):
        """All four are needed, the refresh twice."""
        commands = self.COMMANDS[:left_out] + self.COMMANDS[left_out + 1 :]

        self.start(chip.semc, commands)

        assert not chip.semc.is_awake

    def test_commands_fail_without_a_clock(self, chip):
        """The controller reports an error."""
        chip.ccm.write(SEMC * Ccm.STRIDE, Ccm.OFF)

        self.start(chip.semc, self.COMMANDS)

        assert chip.semc.read(Semc.INTR) == Semc.DONE | Semc.ERROR
        assert not chip.semc.is_awake

    def test_a_command_without_its_key_is_none(self, chip):
        """The upper half of IPCMD."""
        chip.semc.write(Semc.IPCMD, Semc.MODE_SET)

        assert chip.semc.read(Semc.INTR) == 0


class TestWatchdog:
    """RTWDOG."""

    def test_it_is_stopped_after_its_key_only(self, chip):
        """A store to CS counts while unlocked, and locks again."""
        watchdog = chip.watchdogs[0]
        watchdog.write(RealTimeWatchdog.CS, RealTimeWatchdog.UPDATE)
        assert watchdog.runs

        watchdog.write(RealTimeWatchdog.CNT, RealTimeWatchdog.KEY)
        watchdog.write(RealTimeWatchdog.TOVAL, 0xFFFF)
        watchdog.write(RealTimeWatchdog.CS, RealTimeWatchdog.UPDATE)
        watchdog.write(RealTimeWatchdog.CS, RealTimeWatchdog.EN)

        assert not watchdog.runs
        assert watchdog.read(RealTimeWatchdog.TOVAL) == 0xFFFF

    def test_one_left_running_is_reported(self, chip):
        """Once start-up has touched the core's clock."""
        assert chip.warnings() == []

        chip.ccm.write(M7, 0)

        assert [warning for warning in chip.warnings() if "watchdog" in warning]


class TestMpu:
    """Regions as ARMv7-M has them."""

    def test_rbar_may_choose_its_region(self):
        """With VALID its number counts, without it RNR's."""
        mpu = Mpu()
        mpu.write(Mpu.RBAR, 0x8000_0000 | Mpu.VALID | 3)
        mpu.write(Mpu.RASR, 1 << 19 | 3 << 16 | 25 << 1 | 1)
        mpu.write(Mpu.RNR, 5)
        mpu.write(Mpu.RBAR, 0x2000_0000)
        mpu.write(Mpu.RASR, 17 << 1 | 1)
        assert mpu.regions == ()

        mpu.write(Mpu.CTRL, Mpu.ENABLE)

        sdram, dtcm = mpu.regions
        assert (sdram.base, sdram.size_bytes, sdram.allocates_on_write) == (
            0x8000_0000,
            64 << 20,
            True,
        )
        assert (dtcm.base, dtcm.size_bytes, dtcm.allocates_on_write) == (
            0x2000_0000,
            256 << 10,
            False,
        )
        assert (mpu.read(Mpu.RNR), mpu.read(Mpu.CTRL)) == (5, Mpu.ENABLE)
        assert (mpu.read(Mpu.RBAR), mpu.read(Mpu.RASR)) == (0x2000_0005, 17 << 1 | 1)


class TestUnknown:
    """What this model does not know it says."""

    def test_a_register_without_a_known_value_is_reported(self, chip):
        """SYS_PLL1's control register, read twice; one that was written is known."""
        assert [chip.anadig.read(0x2C0), chip.anadig.read(0x2C0)] == [0, 0]
        chip.anadig.write(0x300, 1)
        assert chip.anadig.read(0x300) == 1

        assert chip.warnings() == ["anadig at 0x40c842c0 is not modelled; 2 reads gave 0."]

    def test_blocks_have_their_names(self, chip):
        """For sentences."""
        assert chip.name_at(0x40CC_6000) == "ccm"
        assert chip.name_at(0x5000_0000) == ""
