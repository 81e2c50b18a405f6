"""ELF files of strangers: read by what they hold, never by what they claim."""

from __future__ import annotations

import struct
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual import elf, image
from hwprof.firmware_stub.virtual.elf import ElfFile
from hwprof.firmware_stub.virtual.image import FirmwareImage, Segment
from tests.virtual.elf_kit import OBJECT, Elf

BX_LR = 0x4770
BOUND_BYTES = 4 << 20  # of memory, for files of a few hundred bytes
WORDS = st.one_of(
    st.integers(0, 0xFFFF_FFFF), st.sampled_from([0, 1, 0x34, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF])
)


def small():
    """A whole file: code, initialised data that moves, zeroed data, three symbols."""
    kit = Elf().with_code(0x100, BX_LR)
    kit.segments.append((0x3000_0000, 0x2000_0000, b"data", 12))
    kit.segments.append((0x2000_1000, 0x2000_1000, b"", 64))
    kit.symbols.append(("table", 0x2000_0000, OBJECT))
    return kit


def with_word(data, offset, value, size_bytes=4):
    """The file with one number changed."""
    return data[:offset] + value.to_bytes(size_bytes, "little") + data[offset + size_bytes :]


class TestWholeFile:
    """What a file says of a program."""

    def test_segments_keep_both_addresses(self):
        """Where a programmer writes bytes, and where start-up code moves them to."""
        image = FirmwareImage.parse(small().write())

        assert image.segments == (
            Segment(0x100, struct.pack("<H", BX_LR)),
            Segment(0x3000_0000, b"data", 0x2000_0000, 12),
            Segment(0x2000_1000, b"", None, 64),
        )
        assert image.segments[1].spans == ((0x3000_0000, 4), (0x2000_0000, 12))

    def test_symbols_lose_their_thumb_bit(self):
        """A function's address is its first byte; data keeps its address."""
        image = FirmwareImage.parse(small().write())

        assert image.by_name["f"].address == 0x100
        assert image.by_name["f"].is_function
        assert image.by_name["f"].is_thumb
        assert not image.by_name["table"].is_function

    def test_a_function_in_arm_state_is_known_as_such(self):
        """An even address of a function means the instruction set that no Cortex-M has."""
        kit = small()
        kit.symbols.append(("arm", 0x200, 2))

        assert not FirmwareImage.parse(kit.write()).by_name["arm"].is_thumb

    @pytest.mark.parametrize(("flags", "abi"), [(0x0500_0400, "hard"), (0x0500_0200, "soft")])
    def test_flags_say_how_floats_are_passed(self, flags, abi):
        """Arm IHI 0044: EF_ARM_ABI_FLOAT_HARD and EF_ARM_ABI_FLOAT_SOFT."""
        kit = small()
        kit.flags = flags

        assert FirmwareImage.parse(kit.write()).float_abi == abi

    def test_a_stripped_file_has_no_symbols(self):
        """Without sections there is still something to load."""
        data = with_word(small().write(), 48, 0, 2)

        image = FirmwareImage.parse(data)

        assert image.symbols == ()
        assert len(image.segments) == 3


class TestRefusals:
    """One sentence each, which says what the file is instead."""

    @pytest.mark.parametrize(
        ("data", "sentence"),
        [
            (b"", "is empty"),
            (b":10000000", "is no ELF file: it starts with 3a 31 30 30"),
            (b"\x7fELF\x01\x01", "its header is cut off"),
            (Elf(machine=3).write(), "is x86;"),
            (Elf(machine=94).write(), "is Xtensa;"),
            (Elf(machine=9999).write(), "is machine 9999;"),
            (Elf(identity=b"\x7fELF\x02\x01\x01", machine=183).write(), "is 64-bit AArch64;"),
            (Elf(identity=b"\x7fELF\x01\x02\x01").write(), "is big-endian;"),
            (Elf(kind=3).write(), "is a shared object;"),
            (Elf(kind=77).write(), "is of type 77;"),
            (Elf(kind=1).write(), "is an object file; link it first"),
        ],
        ids=lambda value: value if isinstance(value, str) else None,
    )
    def test_of_files_for_something_else(self, data, sentence):
        """What it is, and what it should be."""
        with pytest.raises(ConfigurationError, match=sentence) as caught:
            FirmwareImage.parse(data, "x.elf")

        assert "x.elf" in str(caught.value)

    @pytest.mark.parametrize(
        ("offset", "value", "size_bytes", "sentence"),
        [
            (28, 0xFFFF_FF00, 4, "its table of segments ends at byte"),
            (32, 0xFFFF_FF00, 4, "its table of sections ends at byte"),
            (42, 31, 2, "an entry of its table of segments has 31 bytes"),
            (44, 0xFFFF, 2, "its table of segments ends at byte"),
            (52 + 4, 0xFFFF_FF00, 4, "the segment at 0x00000100 ends at byte"),
            (52 + 16, 0xFFFF_FF00, 4, "the segment at 0x00000100 has 4,294,967,040 bytes for 2"),
        ],
    )
    def test_of_tables_that_leave_the_file(self, offset, value, size_bytes, sentence):
        """A number that points outside names what it was about."""
        with pytest.raises(ConfigurationError, match=sentence):
            FirmwareImage.parse(with_word(small().write(), offset, value, size_bytes))

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [(20, 17, "not whole entries of 16"), (24, 9, "its symbol table has no names")],
    )
    def test_of_symbol_tables_that_cannot_be(self, field, value, sentence):
        """A symbol table has whole entries and a section of names."""
        data = small().write()
        sections_at = struct.unpack_from("<I", data, 32)[0]

        with pytest.raises(ConfigurationError, match=sentence):
            FirmwareImage.parse(with_word(data, sections_at + 40 + field, value))

    def test_of_a_name_without_end(self):
        """Names are cut nowhere: an absurd one is refused."""
        kit = small()
        kit.symbols.append(("n" * elf.MAX_NAME_BYTES, 0x100, OBJECT))

        with pytest.raises(ConfigurationError, match="a name has more than 16,384 characters"):
            FirmwareImage.parse(kit.write())

    def test_of_names_that_overlap_into_gigabytes(self, monkeypatch):
        """Many symbols may share one long name, but only within a bound."""
        kit = small()
        kit.symbols += [("name" * 50, 0x100, OBJECT)] * 100
        data = kit.write()
        monkeypatch.setattr(elf, "IMAGE_FILE", replace(elf.IMAGE_FILE, most_bytes=len(data)))

        with pytest.raises(ConfigurationError, match="the names of its symbols have more than"):
            FirmwareImage.parse(data)

    def test_of_segments_that_share_bytes_into_gigabytes(self, monkeypatch):
        """Segments may overlap in the file, but only within a bound."""
        monkeypatch.setattr(image, "IMAGE_FILE", replace(elf.IMAGE_FILE, most_bytes=5))

        with pytest.raises(ConfigurationError, match="segments of an image have at most 5 bytes"):
            FirmwareImage.parse(small().write())

    def test_of_a_file_too_large_to_read(self, tmp_path):
        """A sparse file of gigabytes is refused by its size alone."""
        path = tmp_path / "large.elf"
        with path.open("wb") as file:
            file.truncate(elf.IMAGE_FILE.most_bytes + 1)

        with pytest.raises(ConfigurationError, match="an image has at most 67,108,864 bytes"):
            elf.IMAGE_FILE.read(path)
        with pytest.raises(ConfigurationError, match="an image has at most 67,108,864 bytes"):
            ElfFile(bytes(elf.IMAGE_FILE.most_bytes + 1), "large")

    def test_of_a_folder(self, tmp_path: Path):
        """A path that is no file is told with the system's reason."""
        with pytest.raises(ConfigurationError, match=r"cannot be opened \(Is a directory\)"):
            elf.IMAGE_FILE.read(tmp_path)


class TestRelocations:
    """Tables of an object file."""

    def test_are_refused_where_they_carry_addends(self):
        """SHT_RELA is not what Arm's tools write."""
        file = ElfFile(small().write(), "x")

        with pytest.raises(ConfigurationError, match="no table of relocations without addends"):
            list(file.relocations(file.sections[1]))


def peak_bytes_of_parsing(data):
    """Peak of memory while a file is read; only our refusal may come out of it."""
    tracemalloc.start()
    try:
        FirmwareImage.parse(data, "x")
    except ConfigurationError as error:
        assert "x" in str(error)  # noqa: PT017 - either outcome is right
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


@given(st.lists(st.tuples(st.integers(0, 170), WORDS), min_size=1, max_size=6))
def test_numbers_in_headers_claim_no_memory(changes):
    """Whatever the headers say, the file is read or refused, and its own size bounds the memory."""
    data = small().write()
    for place, value in changes:
        data = with_word(data, min(place * 2, len(data) - 4), value)

    assert peak_bytes_of_parsing(data) < BOUND_BYTES


@given(st.binary(max_size=600))
def test_random_bytes_behind_a_header_claim_no_memory(content):
    """Any bytes behind the sixteen that name the format are read or refused."""
    assert peak_bytes_of_parsing(b"\x7fELF\x01\x01\x01" + bytes(9) + content) < BOUND_BYTES
