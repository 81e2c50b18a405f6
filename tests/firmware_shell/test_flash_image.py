"""The flash image: headers as the boot ROM reads them, and a start from flash alone."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace

import pytest

from hwprof.firmware_stub.manifest import ImageRecord, images
from hwprof.firmware_stub.virtual.image import FirmwareImage
from hwprof.measurement import Placement
from hwprof.profiler.device import Device
from hwprof.profiler.links import VirtualLink
from hwprof.testing.kernels import random_program

FLASH, ITCM, DTCM = 0x3000_0000, 0, 0x2000_0000
TCM_BYTES = 256 << 10
GPR16, GPR17, GPR18 = 0x400E_4040, 0x400E_4044, 0x400E_4048
IN_RAM = Placement(activations="ocram", weights="sdram", scratch="dtcm", code="itcm")


@pytest.fixture(params=images(), ids=lambda image: image.name)
def record(request: pytest.FixtureRequest) -> ImageRecord:
    """Each image that ships."""
    return request.param


@pytest.fixture
def content(record: ImageRecord) -> dict[int, bytes]:
    """Bytes of the flash image by the address where a programmer writes them."""
    image = FirmwareImage.load(record.flash_path)
    return {segment.address: segment.data for segment in image.segments if segment.data}


def test_manifest_is_of_the_committed_image(record: ImageRecord):
    """The manifest's hash is the file's."""
    assert hashlib.sha256(record.flash_path.read_bytes()).hexdigest() == record.flash_sha256


def test_configuration_block_is_the_evks(content: dict[int, bytes]):
    """Tag, clock, pads, size and the quad read of NXP's evkmimxrt1170_flexspi_nor_config.c."""
    block = content[FLASH + 0x400]

    assert len(block) == 512
    assert block[:4] == b"FCFB"
    device, pads, clock = block[0x44:0x47]
    assert (device, pads, clock) == (1, 4, 7)
    assert struct.unpack_from("<I", block, 0x50) == (16 << 20,)
    # 0xEB on one pad, 24 bits of address on four; six dummy cycles, data on four.
    assert struct.unpack_from("<2I", block, 0x80) == (0x0A18_04EB, 0x2604_3206)
    assert struct.unpack_from("<2I", block, 0x1C0) == (256, 4096)


def test_vector_table_leads_to_the_entry(record: ImageRecord, content: dict[int, bytes]):
    """IVT and boot data of fsl_flexspi_nor_boot.h; the size reaches the image's last byte."""
    header, entry, _, dcd, boot_data, self_address, csf, _ = struct.unpack_from(
        "<8I", content[FLASH + 0x1000]
    )
    start, size_bytes, is_plugin, _ = struct.unpack_from("<4I", content[FLASH + 0x1000], 0x20)
    stack, reset = struct.unpack_from("<2I", content[FLASH + 0x2000])
    image = FirmwareImage.load(record.flash_path)

    assert (header, dcd, csf, is_plugin) == (0x4120_00D1, 0, 0, 0)
    assert (boot_data, self_address) == (FLASH + 0x1020, FLASH + 0x1000)
    assert entry == reset == image.entry == image.by_name["boot"].address | 1
    assert stack == image.by_name["stack_top"].address
    assert start == FLASH
    assert start + size_bytes == max(address + len(data) for address, data in content.items())


def test_what_runs_is_the_ram_image(record: ImageRecord, content: dict[int, bytes]):
    """Code and data are the same, byte for byte, in one piece each."""
    in_ram = {s.address: s.data for s in FirmwareImage.load(record.path).segments if s.data}
    loads = FirmwareImage.load(record.flash_path)

    payload = {s.run_address: s.data for s in loads.segments if s.run_address is not None}
    assert {address: data for address, data in payload.items() if data} == in_ram
    assert content


def test_it_boots_from_flash_alone(record: ImageRecord):
    """With empty tightly coupled memories it copies itself there, and measures the same."""
    with VirtualLink("rt1170", image=record.flash_path, timing="pipeline") as link:
        link.board.stage(ITCM, bytes(TCM_BYTES))
        link.board.stage(DTCM, bytes(TCM_BYTES))
        device = Device(link)
        assert device.info.firmware_id == record.firmware_id
        device.load(replace(random_program(5).program, placement=IN_RAM))
        from_flash = device.run()
        split = [link.board.read_register(register) for register in (GPR16, GPR17, GPR18)]
    with VirtualLink("rt1170", kernels=record.kernels, timing="pipeline") as link:
        device = Device(link)
        device.load(replace(random_program(5).program, placement=IN_RAM))
        in_ram = device.run()

    assert split == [1 << 2, 0xAAAA, 0xFFFF]
    assert from_flash == in_ram
