"""The committed image: where it loads, what it says of itself, and that it can be made again."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from hwprof.firmware_stub.manifest import IMAGES, ImageRecord, find_image, image_of, images
from hwprof.profiler.device import Device
from hwprof.profiler.links import open_link

ROOT = Path(__file__).resolve().parents[2]
ITCM, DTCM = range(0x40000), range(0x2000_0000, 0x2004_0000)


@pytest.fixture(params=["simd", "reference"])
def image(request: pytest.FixtureRequest) -> ImageRecord:
    """Each image that ships."""
    return image_of(request.param)


def test_each_kernel_library_has_an_image():
    """The manifest lists the libraries that the tests below run on."""
    assert {image.kernels for image in images()} == {"simd", "reference"}


def test_manifest_is_of_the_committed_image(image: ImageRecord):
    """The manifest's hash is the file's."""
    assert hashlib.sha256(image.path.read_bytes()).hexdigest() == image.sha256


def test_running_firmware_leads_to_its_image(image: ImageRecord):
    """What HELLO calls firmware and kernels is what the manifest says."""
    with open_link("virtual:rt1170", kernels=image.kernels) as board:
        info = Device(board).info
    assert find_image(info.firmware_id) == image
    assert info.kernels == image.kernels
    assert find_image("0000000000000000") is None


def test_image_loads_into_tightly_coupled_memory_only(image: ImageRecord):
    """A debugger can load it as it is: no segment waits in flash to be copied."""
    with image.path.open("rb") as file:
        segments = [s for s in ELFFile(file).iter_segments() if s["p_type"] == "PT_LOAD"]
    assert segments
    for segment in segments:
        first, last = segment["p_paddr"], segment["p_paddr"] + segment["p_memsz"] - 1
        assert any(first in memory and last in memory for memory in (ITCM, DTCM))
        assert segment["p_paddr"] == segment["p_vaddr"]


def test_image_can_be_moved(image: ImageRecord):
    """Relocations stay in the image, and no address it uses is absolute."""
    with image.path.open("rb") as file:
        elf = ELFFile(file)
        sections = [s for s in elf.iter_sections() if s["sh_type"] == "SHT_REL"]
        symbols = elf.get_section_by_name(".symtab")
        used = [symbols.get_symbol(r["r_info_sym"]) for s in sections for r in s.iter_relocations()]
    assert {section.name for section in sections} >= {".rel.vectors", ".rel.text", ".rel.rodata"}
    assert not [symbol.name for symbol in used if symbol["st_shndx"] == "SHN_ABS"]


def test_image_names_its_functions(image: ImageRecord):
    """Cycles by function need symbols, static ones included."""
    with image.path.open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab")
        names = {symbol.name for symbol in symbols.iter_symbols()}
    assert {"hwp_conv2d_s8", "hwp_session_serve", "hwp_pool", "hello"} <= names


def test_image_holds_no_trace_of_the_machine_that_made_it(image: ImageRecord):
    """No path of a file system is in it."""
    content = image.path.read_bytes()
    assert not any(trace in content for trace in (b"/home", b"/tmp", b"/usr", b"build/"))


def test_stack_bound_is_within_the_stack():
    """The deepest chain of calls fits the stack with room for nothing else."""
    for entry in json.loads((IMAGES / "manifest.json").read_text())["images"]:
        assert 0 < entry["stack_bound_bytes"] < entry["stack_bytes"]


def test_header_is_generated_from_the_record_classes():
    """The committed header is what the Python classes make now."""
    subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate_program_header.py", "--check"], check=True
    )


@pytest.mark.cross_compiler
def test_image_is_rebuilt_bit_for_bit(tmp_path: Path, image: ImageRecord):
    """The sources make the committed image, in another folder too."""
    for name in ("firmware_stub", "scripts"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.elf", "*.pyc")
        )
    make = ["make", "--silent", "-f", "firmware_stub/firmware.mk", "firmware", "FW_MANIFEST="]
    subprocess.run([*make, "FW_BUILD=elsewhere/objects"], cwd=tmp_path, check=True, timeout=120)
    folder = tmp_path / "firmware_stub" / "images"
    for file, committed in ((image.file, image.sha256), (image.flash_file, image.flash_sha256)):
        rebuilt = (folder / file).read_bytes()
        assert hashlib.sha256(rebuilt).hexdigest() == committed, "run make firmware"
