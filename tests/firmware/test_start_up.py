"""The image brings the virtual RT1170 up as it would silicon, and says when something is amiss."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from hwprof.errors import BoardError
from hwprof.firmware_stub.virtual.board import VirtualBoard
from hwprof.firmware_stub.virtual.imxrt1170.anadig import ARM_PLL, GATE
from hwprof.firmware_stub.virtual.imxrt1170.kept import FlexSpi
from hwprof.measurement import Placement
from hwprof.pool import pool_bytes
from hwprof.profiler.device import Device
from hwprof.profiler.links._virtual import VirtualLink
from hwprof.profiler.pacing import Patience
from hwprof.profiler.protocol import MemoryUse
from hwprof.profiler.reference import run_reference
from hwprof.testing.kernels import random_program

FLEXSPI = 0x400C_C000
ANADIG, CCM, IOMUXC, GPR = 0x40C8_4000, 0x40CC_0000, 0x400E_8000, 0x400E_4000
DEMCR, DWT_CTRL, CCR = 0xE000_EDFC, 0xE000_1000, 0xE000_ED14
MPU_RNR, MPU_RASR, SYST_CSR = 0xE000_ED98, 0xE000_EDA0, 0xE000_E010
POOL_ADDRESS = 0x30F0_0000
IN_RAM = Placement(activations="ocram", weights="sdram", scratch="dtcm", code="itcm")


@pytest.fixture
def link() -> Iterator[VirtualLink]:
    """A line to a powered board that has run nothing."""
    with VirtualLink("rt1170", timing="pipeline") as link:
        yield link


@pytest.fixture
def board(link: VirtualLink) -> VirtualBoard:
    """The board behind it."""
    return link.board


@pytest.fixture
def host(link: VirtualLink) -> Device:
    """The host's side."""
    return Device(link, Patience(answer_s=60.0))  # start-up waits long for a crystal in vain


@pytest.fixture
def prepared(host: Device) -> Device:
    """The host's side once a program is prepared."""
    host.load(replace(random_program(5).program, placement=IN_RAM))
    return host


class TestBringUp:
    """What the registers say once the firmware waits for its host."""

    def test_clocks_are_those_that_the_board_file_models(self, board):
        """Core, bus and SEMC at the EVK's frequencies, the line's clock from the crystal."""
        board.run()

        roots = {0: 996_000_000, 2: 240_000_000, 4: 198_000_000, 25: 24_000_000}
        assert {root: board.chip.ccm.root_hz(root) for root in roots} == roots
        assert board.chip.core_hz == board.description.clock_hz
        sdram = board.description.memory("sdram").behaviour.timing
        assert board.chip.ccm.root_hz(4) == sdram.bus_hz

    def test_nothing_is_left_that_silicon_would_not_forgive(self, board):
        """Supply raised before the clock, watchdogs off, no register read that nobody modelled."""
        board.run()

        assert (board.chip.dcdc.core_mv, board.chip.anadig.is_biased) == (1125, True)
        assert not any(watchdog.runs for watchdog in board.chip.watchdogs)
        assert board.warnings == []

    def test_pads_of_line_and_sdram_are_routed(self, board):
        """LPUART1 and SEMC are alternative 0 of their pads; the read strobe is looped back."""
        board.run()

        lpuart1 = [board.read_register(IOMUXC + offset) for offset in (0x16C, 0x170)]
        semc = [board.read_register(IOMUXC + offset) for offset in range(0x10, 0x104, 4)]
        assert lpuart1 == [0, 0]
        assert semc == [0x10 if pad == 39 else 0 for pad in range(61)]

    def test_attributes_are_those_that_the_board_file_models(self, board):
        """Where the file says write back, write allocate, the last region that holds it says so."""
        board.run()

        for area in board.description.memories:
            first, last = (
                [region for region in board.mpu_regions if region.holds(address)][-1]
                for address in (area.base, area.end - 1)
            )
            policy = area.behaviour.write_policy
            if policy == "write-back-allocate":
                assert first.allocates_on_write
                assert last.allocates_on_write

    def test_what_the_boot_rom_left_is_cleared(self, board):
        """Regions of the MPU, SysTick."""
        for number in range(16):
            board.write_register(MPU_RNR, number)
            board.write_register(MPU_RASR, 1)
        board.write_register(SYST_CSR, 1)

        board.run()

        assert len(board.mpu_regions) == 8
        assert board.read_register(SYST_CSR) == 0

    def test_a_moved_image_leaves_the_chip_alone(self):
        """On another chip no register of the RT1170 is read, and the clock is the board file's."""
        with VirtualLink("rt1060", timing="pipeline") as link:
            info = Device(link).info
            assert link.board.warnings == []
        assert info.clock_hz == 600_000_000

    def test_another_clock_is_the_board_files(self):
        """Start-up sets one clock only; who asks for another gets a board without the chip."""
        with VirtualLink("rt1170?clock_hz=600000000", timing="pipeline") as link:
            device = Device(link)
            assert device.info.clock_hz == 600_000_000
            device.load(replace(random_program(5).program, placement=IN_RAM))
            assert device.run().cycles


def toggle(address: int, bits: int) -> Callable[[VirtualBoard], None]:
    """Flips bits of a register behind the firmware's back."""

    def apply(board: VirtualBoard) -> None:
        board.write_register(address, board.read_register(address) ^ bits)

    return apply


class TestRefusal:
    """RUN is refused while cycles would mean nothing."""

    @pytest.mark.parametrize(
        ("tamper", "sentence"),
        [
            (toggle(ANADIG + ARM_PLL.control, 2), "clock"),
            (toggle(ANADIG + ARM_PLL.control, 1 << 15), "clock"),
            (toggle(ANADIG + ARM_PLL.control, GATE), "clock"),
            (toggle(ANADIG + ARM_PLL.control, ARM_PLL.bypass), "clock"),
            (toggle(CCM, 1), "clock"),
            (toggle(CCM, 5 << 8), "clock"),
            (toggle(DWT_CTRL, 1), "counter"),
            (toggle(DEMCR, 1 << 24), "counter"),
            (toggle(CCR, 1 << 16), "caches"),
            (toggle(CCR, 1 << 17), "caches"),
            (toggle(GPR + 0x40, 1 << 2), "FlexRAM"),
        ],
        ids=[
            "loop divider",
            "post divider",
            "PLL gated",
            "PLL bypassed",
            "root divider",
            "root source",
            "counter",
            "trace",
            "data cache",
            "instruction cache",
            "FlexRAM",
        ],
    )
    def test_a_register_changed_behind_its_back(self, prepared, board, tamper, sentence):
        """Error 8 names what is amiss; put right, the board measures again."""
        tamper(board)

        with pytest.raises(BoardError, match=sentence) as caught:
            prepared.run()

        assert caught.value.code == 8
        tamper(board)
        assert prepared.run().cycles

    def test_a_split_that_is_written_out_is_read(self, prepared, board):
        """Eight banks of each kind are what the image needs, in whatever order."""
        board.write_register(GPR + 0x44, 0xAAAA)
        board.write_register(GPR + 0x48, 0xFFFF)
        board.write_register(GPR + 0x40, 1 << 2)

        assert prepared.run().cycles

    def test_hello_says_what_the_registers_said(self, host, board):
        """A crystal that never swings leaves the core at the internal 24 MHz, and HELLO says so."""
        board.chip.anadig.has_crystal = False

        assert host.info.clock_hz == 24_000_000
        host.load(replace(random_program(5).program, placement=replace(IN_RAM, weights="ocram")))
        with pytest.raises(BoardError, match="clock"):
            host.run()
        assert board.warnings == [
            "the core's registers say 24,000,000 Hz; cycles are modelled for 996,000,000 Hz."
        ]


class TestMemories:
    """Only what answers is offered."""

    def test_flash_whose_controller_is_off_is_left_alone(self, host, board):
        """As after a debugger's reset: nothing reads it, and no speculative read can."""
        board.write_register(FLEXSPI, FlexSpi.MDIS)

        memories = {memory.name: memory for memory in host.info.memories}

        assert memories["flash"].uses == MemoryUse(0)
        assert host.info.pool_crc32 == zlib.crc32(pool_bytes())
        assert not any(region.holds(POOL_ADDRESS) for region in board.mpu_regions[1:])

    def test_sdram_that_does_not_answer_is_closed(self, host, board):
        """The MPU keeps speculative reads away from it."""
        board.chip.semc.has_sdram = False

        host.hello()

        assert not any(region.holds(0x8000_0000) for region in board.mpu_regions[1:])

    def test_a_board_without_sdram_does_not_offer_it(self, host, board):
        """The row stays, so that the others keep their numbers, but it is good for nothing."""
        board.chip.semc.has_sdram = False

        info = host.info

        sdram = info.memories[[memory.name for memory in info.memories].index("sdram")]
        assert (sdram.size_bytes, sdram.uses) == (0, MemoryUse(0))
        assert info.pool_crc32 == zlib.crc32(pool_bytes())

    @pytest.mark.parametrize(("has_sdram", "holder"), [(True, "sdram"), (False, "ocram")])
    def test_without_a_programmed_flash_the_pool_is_made_in_memory(
        self, host, board, has_sdram, holder
    ):
        """Flash is then not offered: what was measured there would have another label."""
        whole = {memory.name: memory.size_bytes for memory in board.description.memories}
        board.chip.semc.has_sdram = has_sdram
        board.stage(POOL_ADDRESS, b"\xff" * len(pool_bytes()))

        memories = {memory.name: memory for memory in host.info.memories}
        assert host.info.pool_crc32 == zlib.crc32(pool_bytes())
        assert memories["flash"].uses == MemoryUse(0)
        assert memories[holder].size_bytes == whole[holder] - len(pool_bytes())

    def test_a_board_without_a_programmed_flash_computes_the_same(self, host, board):
        """The made pool fills inputs and constants as the flash's would."""
        board.stage(POOL_ADDRESS, b"\xff" * len(pool_bytes()))
        case = random_program(5)
        host.load(replace(case.program, placement=IN_RAM))
        host.write_inputs(*case.inputs.values())

        checksums = host.run(fill_inputs=False).checksums

        assert checksums == run_reference(case.program, case.inputs).checksums
