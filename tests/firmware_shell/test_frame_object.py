"""The object with the parts of a frame: what it is, and that it can be made again."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from hwprof.errors import ArtefactError
from hwprof.firmware_stub import manifest
from hwprof.firmware_stub.manifest import FRAME_PARTS, IMAGES, object_path

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def described():
    """What the manifest says of it."""
    listed = json.loads((IMAGES / "manifest.json").read_text())["objects"]
    return next(entry for entry in listed if entry["file"] == FRAME_PARTS)


def test_manifest_is_of_the_committed_object(described):
    """The hash is the file's; the object has no data of its own and needs little stack."""
    content = object_path(FRAME_PARTS).read_bytes()

    assert hashlib.sha256(content).hexdigest() == described["sha256"]
    assert described["zeroed_data_bytes"] == 0
    assert 0 < described["stack_bound_bytes"] < 1024


def test_object_needs_nothing_and_names_its_functions():
    """A linker places it with any firmware: no symbol is left for another file to define."""
    with object_path(FRAME_PARTS).open("rb") as file:
        elf = ELFFile(file)
        symbols = list(elf.get_section_by_name(".symtab").iter_symbols())
        assert elf["e_type"] == "ET_REL"
    undefined = [s.name for s in symbols if s.name and s["st_shndx"] == "SHN_UNDEF"]
    exported = {s.name for s in symbols if s["st_info"]["bind"] == "STB_GLOBAL"}
    assert not undefined
    header = (ROOT / "firmware_stub" / "frame" / "hwp_frame.h").read_text()
    assert len(exported) == 11
    assert all(f"{name}(" in header for name in exported)


def test_object_holds_no_trace_of_the_machine_that_made_it():
    """No path of a file system is in it."""
    content = object_path(FRAME_PARTS).read_bytes()

    assert not any(trace in content for trace in (b"/home", b"/tmp", b"/usr", b"build/"))


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_another_object_is_refused(tmp_path, monkeypatch, damage):
    """A file that the manifest does not describe is not run."""
    shutil.copy(IMAGES / "manifest.json", tmp_path)
    if damage == "changed":
        (tmp_path / FRAME_PARTS).write_bytes(b"\x7fELF")
    monkeypatch.setattr(manifest, "IMAGES", tmp_path)

    with pytest.raises(ArtefactError, match=r"is not what .* describes .*; run `make firmware`"):
        object_path(FRAME_PARTS)


@pytest.mark.cross_compiler
def test_object_is_rebuilt_bit_for_bit(tmp_path, described):
    """The sources make the committed object, in another folder too, and nothing else changes."""
    for name in ("firmware_stub", "scripts"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.elf", "*.pyc")
        )
    make = ["make", "--silent", "-f", "firmware_stub/frame/frame.mk", "firmware-frame"]
    subprocess.run([*make, "FW_BUILD=elsewhere"], cwd=tmp_path, check=True, timeout=120)

    folder = tmp_path / "firmware_stub" / "images"
    rebuilt = (folder / FRAME_PARTS).read_bytes()
    assert hashlib.sha256(rebuilt).hexdigest() == described["sha256"], "run make firmware"
    assert (folder / "manifest.json").read_text() == (IMAGES / "manifest.json").read_text()
