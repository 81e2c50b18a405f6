"""The firmware image moves: every reference follows what it refers to."""

from __future__ import annotations

import os
import shutil
import struct
from dataclasses import replace

import capstone
import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.manifest import image_of
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.firmware import board_table, place_image
from hwprof.firmware_stub.virtual.image import FirmwareImage, Segment, Symbol
from hwprof.firmware_stub.virtual.layout import Layout, Span, plan_layout
from hwprof.firmware_stub.virtual.movable_image import (
    Block,
    ImageSection,
    RelocatableImage,
    Relocation,
)

PATH = image_of("simd").path
CODE, DATA = 0x1000, 0x2000_0000  # of the made-up images
NONE, ABS32, REL32, CALL, JUMP24, PREL31, MOVW, MOVT = 0, 2, 3, 10, 30, 42, 47, 48
NEAR = st.integers(-(1 << 20), 1 << 20).map(lambda words: 4 * words)


def image_of(code: bytes, *relocations: Relocation) -> RelocatableImage:
    """An image of a code and a data section, with one function and one variable."""
    sections = (
        ImageSection(".text", CODE, len(code), Block.CODE, code),
        ImageSection(".bss", DATA, 64, Block.DATA, None),
    )
    symbols = (Symbol("function", CODE, 2, True), Symbol("variable", DATA, 4, False))
    plain = FirmwareImage("made-up.elf", "0" * 64, CODE | 1, (Segment(CODE, code),), symbols)
    return RelocatableImage(plain, sections, relocations)


def layout_at(code: int = CODE, data: int = DATA) -> Layout:
    """A layout that moves code and data to these addresses."""
    return Layout("itcm", code, data, Span(0, 0), Span(0, 0), ())


def moved_code(image: RelocatableImage, layout: Layout) -> bytes:
    """The code section's bytes after a move."""
    return image.moved(layout, b"").segments[0].data


def reference(kind: int, offset: int = 0, target: Block = Block.DATA) -> Relocation:
    """A relocation of the code section's place at an offset."""
    return Relocation(0, offset, kind, 1, target)


def thumb(text: str, address: int = CODE) -> bytes:
    """A 32-bit branch, assembled by hand: ``bl`` or ``b.w`` to an absolute address."""
    mnemonic, destination = text.split()
    distance = int(destination, 0) - (address + 4)
    bits = distance & 0x1FF_FFFF
    sign = bits >> 24
    first = 0xF000 | sign << 10 | bits >> 12 & 0x3FF
    joins = [1 - (bits >> at & 1) ^ sign for at in (23, 22)]
    kind = 0xD000 if mnemonic == "bl" else 0x9000
    second = kind | joins[0] << 13 | joins[1] << 11 | bits >> 1 & 0x7FF
    return struct.pack("<2H", first, second)


def destination(code: bytes, address: int) -> int:
    """Where a branch goes, as Capstone reads it."""
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    (instruction,) = decoder.disasm(code, address)
    return int(instruction.op_str.lstrip("#"), 0)


def immediates(code: bytes) -> list[int]:
    """The 16-bit constants of MOVW and MOVT instructions, as Capstone reads them."""
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    return [int(i.op_str.rpartition("#")[2], 0) for i in decoder.disasm(code, CODE)]


def wide_move(register: int, value: int, *, top: bool) -> bytes:
    """MOVW or MOVT of a constant (Arm DDI 0403E A7.7.76, A7.7.79)."""
    first = (0xF2C0 if top else 0xF240) | value >> 12 | (value >> 11 & 1) << 10
    return struct.pack("<2H", first, (value >> 8 & 7) << 12 | register << 8 | value & 0xFF)


def contents(image: FirmwareImage) -> dict[int, int]:
    """Bytes by address: the linker joins sections that touch into one segment."""
    return {
        segment.address + offset: byte
        for segment in image.segments
        for offset, byte in enumerate(segment.data)
    }


class TestShippedImage:
    """The image that ships, on boards it was and was not linked for."""

    def test_stays_as_it_is_on_its_own_board(self):
        """Laid out for the RT1170, bytes, symbols and entry are those of the file."""
        placed = place_image(PATH, load_board("rt1170"), "itcm")
        linked = FirmwareImage.load(PATH)

        assert contents(placed) == contents(linked)
        assert replace(placed, segments=()) == replace(linked, segments=())

    @pytest.mark.parametrize("name", ["rt1060", "stm32f746", "stm32f767", "stm32h743"])
    def test_says_what_the_board_file_says(self, name):
        """The table that the firmware reads is the description's."""
        board = load_board(name)
        image = place_image(PATH, board, board.placement.code)
        layout = plan_layout(board, board.placement.code, RelocatableImage.load(PATH).size)
        address = image.by_name["board_table"].address
        (table,) = [s.data for s in image.segments if s.address == address]

        assert table == board_table(board, layout)
        assert struct.unpack_from("<16s16sI", table)[0].rstrip(b"\0").decode() == name

    def test_needs_what_it_touches(self):
        """A board without the line that the firmware talks over is refused."""
        board = load_board("rt1170")
        rest = tuple(area for area in board.peripherals if area.model != "lpuart")

        with pytest.raises(ConfigurationError, match="peripheral of model lpuart at 0x4007c000"):
            place_image(PATH, replace(board, peripherals=rest), "itcm")

    def test_moves_code_and_data_apart(self):
        """Code goes to flash, data stays: functions move, variables do not."""
        plain, board = FirmwareImage.load(PATH), load_board("rt1170")
        moved = place_image(PATH, board, "flash")

        start = board.memory("flash").base + 0x2000
        assert moved.entry - plain.entry == start
        assert moved.by_name["hello"].address - plain.by_name["hello"].address == start
        assert moved.by_name["session"] == plain.by_name["session"]

    def test_is_read_once(self):
        """A second board in the same process gets the parsed image."""
        assert RelocatableImage.load(PATH) is RelocatableImage.load(PATH)

    def test_is_read_again_when_it_changes(self, tmp_path):
        """A rebuilt image is not taken for the one before."""
        copy = shutil.copy(PATH, tmp_path / "image.elf")
        before = RelocatableImage.load(copy)
        os.utime(copy, ns=(0, 0))

        assert RelocatableImage.load(copy) is not before

    def test_a_missing_image_is_one_sentence(self, tmp_path):
        """The sentence says how to build it."""
        with pytest.raises(ConfigurationError, match="run `make firmware`"):
            RelocatableImage.load(tmp_path / "none.elf")

    def test_an_image_without_relocations_is_refused(self, tmp_path):
        """An image that cannot be moved is not moved."""
        data = bytearray(PATH.read_bytes())
        with PATH.open("rb") as file:
            elf = ELFFile(file)
            headers = [
                elf["e_shoff"] + number * elf["e_shentsize"] + 4
                for number, section in enumerate(elf.iter_sections())
                if section["sh_type"] == "SHT_REL"
            ]
        for header in headers:
            data[header : header + 4] = (1).to_bytes(4, "little")  # SHT_PROGBITS
        path = tmp_path / "stripped.elf"
        path.write_bytes(data)

        with pytest.raises(ConfigurationError, match=r"keeps its relocations .* stripped.elf does"):
            RelocatableImage.load(path)

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            (4, 99, r"has type 99; link the image for its board"),
            (0, 0xFFFF_FFF0, r"lies inside its section"),
            (4, 0xFFFF << 8 | 2, r"names a symbol of the image"),
        ],
    )
    def test_a_damaged_relocation_is_refused(self, tmp_path, field, value, sentence):
        """Types, places and symbols are checked before anything is moved."""
        data = bytearray(PATH.read_bytes())
        with PATH.open("rb") as file:
            start = ELFFile(file).get_section_by_name(".rel.text")["sh_offset"]
        data[start + field : start + field + 4] = value.to_bytes(4, "little")
        path = tmp_path / "damaged.elf"
        path.write_bytes(data)

        with pytest.raises(ConfigurationError, match=sentence):
            RelocatableImage.load(path)

    def test_relocations_of_what_is_not_loaded_are_left_alone(self, tmp_path):
        """Debug sections have places too, and nobody executes them."""
        data = bytearray(PATH.read_bytes())
        with PATH.open("rb") as file:
            elf = ELFFile(file)
            numbers = {section.name: n for n, section in enumerate(elf.iter_sections())}
            header = elf["e_shoff"] + numbers[".rel.rodata"] * elf["e_shentsize"] + 28  # sh_info
        data[header : header + 4] = numbers[".symtab"].to_bytes(4, "little")
        path = tmp_path / "other.elf"
        path.write_bytes(data)

        fewer = len(RelocatableImage.load(path).relocations)

        assert 0 < fewer < len(RelocatableImage.load(PATH).relocations)

    def test_a_cut_off_table_is_refused(self, tmp_path):
        """A table of relocations with half an entry at its end is no table."""
        data = bytearray(PATH.read_bytes())
        with PATH.open("rb") as file:
            elf = ELFFile(file)
            number = next(
                n for n, section in enumerate(elf.iter_sections()) if section.name == ".rel.text"
            )
            header = elf["e_shoff"] + number * elf["e_shentsize"] + 20
        size = int.from_bytes(data[header : header + 4], "little")
        data[header : header + 4] = (size - 3).to_bytes(4, "little")
        path = tmp_path / "cut.elf"
        path.write_bytes(data)

        with pytest.raises(ConfigurationError, match="cannot be read"):
            RelocatableImage.load(path)


class TestReferences:
    """Each type of relocation, in images of one instruction or word."""

    @given(move=NEAR)
    def test_an_address_moves_with_its_target(self, move):
        """ABS32: the word becomes the target's new address."""
        image = image_of(struct.pack("<I", DATA + 8), reference(ABS32))

        moved = moved_code(image, layout_at(data=DATA + move))

        assert moved == struct.pack("<I", DATA + 8 + move)

    def test_an_absolute_address_stays(self):
        """A symbol without a section moves with nothing."""
        word = struct.pack("<I", 0x30F0_0000)
        image = image_of(word, reference(ABS32, target=Block.FIXED))

        assert moved_code(image, layout_at(CODE + 64, DATA + 64)) == word

    def test_nothing_is_done_where_nothing_refers(self):
        """NONE only keeps a section from being dropped."""
        word = struct.pack("<I", 7)

        assert moved_code(image_of(word, reference(NONE)), layout_at(CODE + 64)) == word

    @given(code=NEAR, data=NEAR)
    def test_a_distance_changes_by_the_difference(self, code, data):
        """REL32: the target's move less the place's."""
        image = image_of(struct.pack("<I", 1000), reference(REL32))

        (distance,) = struct.unpack("<I", moved_code(image, layout_at(CODE + code, DATA + data)))

        assert distance == (1000 + data - code) % (1 << 32)

    @given(move=NEAR, top=st.booleans())
    def test_bit_31_of_a_short_distance_stays(self, move, top):
        """PREL31: 31 bits are the distance, the last belongs to something else."""
        word = 500 | top << 31
        image = image_of(struct.pack("<I", word), reference(PREL31))

        (moved,) = struct.unpack("<I", moved_code(image, layout_at(data=DATA + move)))

        assert (moved >> 31, moved % (1 << 31)) == (top, (500 + move) % (1 << 31))

    @pytest.mark.parametrize(("kind", "mnemonic"), [(CALL, "bl"), (JUMP24, "b.w")])
    @given(start=NEAR, move=NEAR)
    def test_a_branch_follows_its_target(self, kind, mnemonic, start, move):
        """BL and B.W to another block land where the target went, by Capstone's reading."""
        image = image_of(thumb(f"{mnemonic} {CODE + (1 << 23) + start}"), reference(kind))

        moved = moved_code(image, layout_at(data=DATA + move))

        assert destination(moved, CODE) == CODE + (1 << 23) + start + move

    def test_a_branch_within_its_block_stays(self):
        """What moves together keeps its distance."""
        code = thumb(f"bl {CODE + 400}")

        assert moved_code(image_of(code, reference(CALL, target=Block.CODE)), layout_at(0)) == code

    def test_a_branch_that_cannot_reach_is_refused(self):
        """The sentence names place and distance."""
        image = image_of(thumb(f"bl {CODE + 400}"), reference(CALL))

        with pytest.raises(ConfigurationError, match=r"made-up.elf, .text\+0x0 would have to reac"):
            moved_code(image, layout_at(data=DATA + (1 << 24)))

    @given(address=st.integers(0, (1 << 32) - 1), move=st.integers(-(1 << 31), 1 << 31))
    def test_the_halves_of_an_address_carry(self, address, move):
        """MOVW and MOVT together hold the target's new address."""
        code = wide_move(3, address & 0xFFFF, top=False) + wide_move(3, address >> 16, top=True)
        image = image_of(code, reference(MOVW), reference(MOVT, 4))

        low, high = immediates(moved_code(image, layout_at(data=DATA + move)))

        assert high << 16 | low == (address + move) % (1 << 32)

    def test_an_upper_half_alone_is_refused(self):
        """Without the lower half nobody knows whether it carries."""
        image = image_of(wide_move(3, 0x2000, top=True), reference(MOVT))

        with pytest.raises(ConfigurationError, match="behind the MOVW of its symbol"):
            moved_code(image, layout_at(data=DATA + 4))

    def test_symbols_and_entry_follow(self):
        """Cycles by function need the new addresses."""
        moved = image_of(b"\0" * 4).moved(layout_at(CODE + 0x400, DATA + 64), b"")

        assert moved.entry == CODE + 0x400 | 1
        assert [symbol.address for symbol in moved.symbols] == [CODE + 0x400, DATA + 64]

    def test_an_absolute_symbol_stays(self):
        """The pool's address belongs to no block."""
        image = image_of(b"\0" * 4)
        absolute = Symbol("hwp_pool", 0x30F0_0000, 0, False)
        plain = replace(image.image, symbols=(absolute,))

        moved = replace(image, image=plain).moved(layout_at(CODE + 64), b"")

        assert moved.symbols == (absolute,)
