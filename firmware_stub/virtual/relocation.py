"""Moves the firmware image to a board's memories and writes the board's description into it.

The image keeps the relocations of its link (``--emit-relocs``), whose places hold finished values.
Moving adds to each place how far its target moves, less how far the place itself moves where the
value is relative. Code and data move as two blocks, so most references need no change. Relocation
types and field layouts: Arm IHI 0044 (ELF for the Arm architecture), 4.6.1; encodings of BL, B.W,
MOVW and MOVT: Arm DDI 0403E, A7.7.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.description import BoardDescription
from hwprof.firmware_stub.virtual.image import FirmwareImage, Segment
from hwprof.firmware_stub.virtual.layout import ImageSize, Layout, Span, plan_layout

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import Section

WORD = 0xFFFF_FFFF
BOARD_TABLE = ".board"
VECTORS = ".vectors"
# struct board_description of firmware_stub/include/board.h, and its struct board_memory.
TABLE_HEAD = struct.Struct("<16s16sI2I2I2I")
TABLE_MEMORY = struct.Struct("<12s3I")
MAX_MEMORIES = 8
# enum board_memory_flag, by the words of a board file.
USE_FLAGS = {"activations": 1, "weights": 2, "scratch": 4, "staged_weights": 8}

SHF_ALLOC, SHF_EXECINSTR = 0x2, 0x4
BRANCH_RANGE_BYTES = 1 << 24  # of BL and B.W in each direction

_Shift = Mapping["Block", int]  # how far each block moves, in bytes


class Block(StrEnum):
    """What moves together."""

    CODE = "code"
    DATA = "data"
    FIXED = "fixed"  # absolute: does not move


@dataclass(frozen=True, slots=True)
class ImageSection:
    """A section that is loaded; ``data`` is None where it is only zeroed or left alone."""

    name: str
    address: int
    size_bytes: int
    block: Block
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Relocation:
    """A place whose value depends on where a symbol lies.

    Attributes:
        section: index of the place's section, in ``RelocatableImage.sections``.
        offset: of the place in its section.
        kind: relocation type of Arm IHI 0044.
        symbol: index of the symbol it refers to.
        target: what the symbol moves with.
    """

    section: int
    offset: int
    kind: int
    symbol: int
    target: Block


@dataclass(frozen=True)
class RelocatableImage:
    """An image that can be moved, as linked."""

    image: FirmwareImage
    sections: tuple[ImageSection, ...]
    relocations: tuple[Relocation, ...]

    @classmethod
    def load(cls, path: Path) -> RelocatableImage:
        """Read an image; one that was read before and has not changed is not read again.

        Raises:
            ConfigurationError: no readable ELF, or one that keeps no relocations or no table.
        """
        try:
            state = path.stat()
        except OSError:
            state = None
        return _read(path, state and (state.st_mtime_ns, state.st_size))

    @property
    def size(self) -> ImageSize:
        """Room that its two blocks take."""
        return ImageSize(*(self._end(b) - self._base(b) for b in (Block.CODE, Block.DATA)))

    def _base(self, block: Block) -> int:
        return min(section.address for section in self.sections if section.block == block)

    def _end(self, block: Block) -> int:
        return max(s.address + s.size_bytes for s in self.sections if s.block == block)

    def moved(self, layout: Layout, table: bytes) -> FirmwareImage:
        """The image at a layout's addresses, with another board's description in its table.

        Raises:
            ConfigurationError: a branch cannot reach, or a MOVT has lost its MOVW.
        """
        shift = {
            Block.CODE: layout.code_base - self._base(Block.CODE),
            Block.DATA: layout.data_base - self._base(Block.DATA),
            Block.FIXED: 0,
        }
        segments = tuple(
            Segment(
                section.address + shift[section.block],
                table if section.name == BOARD_TABLE else bytes(content),
            )
            for section, content in zip(self.sections, self._relocated(shift), strict=True)
            if content
        )
        return replace(
            self.image,
            entry=self.image.entry + shift[self._block_of(self.image.entry)],
            segments=segments,
            symbols=tuple(
                replace(symbol, address=symbol.address + shift[self._block_of(symbol.address)])
                for symbol in self.image.symbols
            ),
        )

    def _relocated(self, shift: _Shift) -> list[bytearray]:
        """Contents of the sections, every place adjusted."""
        contents = [bytearray(section.data or b"") for section in self.sections]
        halves: dict[int, int] = {}
        for item in self.relocations:
            section = self.sections[item.section]
            APPLY[item.kind](
                _Move(
                    name=f"{self.image.name}, {section.name}+{item.offset:#x}",
                    content=contents[item.section],
                    offset=item.offset,
                    target=shift[item.target],
                    place=shift[section.block],
                    symbol=item.symbol,
                    low_halves=halves,
                )
            )
        return contents

    def _block_of(self, address: int) -> Block:
        """The block of an address; one right behind a block's last byte counts as its own."""
        for block in (Block.CODE, Block.DATA):
            if self._base(block) <= address <= self._end(block):
                return block
        return Block.FIXED


def place_image(path: Path, board: BoardDescription, code_memory: str) -> FirmwareImage:
    """The image at ``path``, moved to a board's memories with its code in ``code_memory``.

    On the board it was linked for, under that board's own code placement, it comes out byte for
    byte as it is in the file.

    Raises:
        ConfigurationError: the image cannot be moved, or does not fit the board.
    """
    image = RelocatableImage.load(path)
    layout = plan_layout(board, code_memory, image.size)
    return image.moved(layout, board_table(board, layout))


def board_table(board: BoardDescription, layout: Layout) -> bytes:
    """Bytes of ``struct board_description`` for a board under a layout."""
    head = TABLE_HEAD.pack(
        board.name.encode(),
        layout.code_memory.encode(),
        board.clock_hz,
        *_words(layout.program),
        *_words(layout.constants),
        board.pool_address,
        len(layout.offers),
    )
    rows = [
        TABLE_MEMORY.pack(
            offer.name.encode(), *_words(offer.span), sum(USE_FLAGS[use] for use in offer.uses)
        )
        for offer in layout.offers
    ]
    return (head + b"".join(rows)).ljust(TABLE_HEAD.size + MAX_MEMORIES * TABLE_MEMORY.size, b"\0")


def _words(span: Span) -> tuple[int, int]:
    return span.address, span.size_bytes


# --- what each relocation does -------------------------------------------------------------------


@dataclass(slots=True)
class _Move:
    """One relocation to apply.

    Attributes:
        target, place: how far the symbol and the place move, in bytes.
        low_halves: low 16 bits of a symbol's address as the last MOVW held them, by symbol.
    """

    name: str
    content: bytearray
    offset: int
    target: int
    place: int
    symbol: int
    low_halves: dict[int, int] = field(default_factory=dict)

    @property
    def word(self) -> int:
        return int.from_bytes(self.content[self.offset : self.offset + 4], "little")

    @word.setter
    def word(self, value: int) -> None:
        self.content[self.offset : self.offset + 4] = (value & WORD).to_bytes(4, "little")

    @property
    def halves(self) -> tuple[int, int]:
        """The two halfwords of a 32-bit Thumb instruction, in the order of the manual."""
        return self.word & 0xFFFF, self.word >> 16

    @halves.setter
    def halves(self, value: tuple[int, int]) -> None:
        self.word = value[0] | value[1] << 16


def _none(move: _Move) -> None:
    del move


def _absolute(move: _Move) -> None:
    move.word += move.target


def _relative(move: _Move) -> None:
    move.word += move.target - move.place


def _relative_31(move: _Move) -> None:
    """PREL31: bit 31 is not part of the address."""
    moved = move.word + move.target - move.place
    move.word = move.word & 1 << 31 | moved & (1 << 31) - 1


def _branch(move: _Move) -> None:
    """BL and B.W: S:I1:I2:imm10:imm11:0, where I = not(J xor S)."""
    distance = move.target - move.place
    if not distance:
        return
    first, second = move.halves
    sign = first >> 10 & 1
    bits = [1 - (second >> at & 1 ^ sign) for at in (13, 11)]
    fields = sign << 24 | bits[0] << 23 | bits[1] << 22 | (first & 0x3FF) << 12
    moved = (fields | (second & 0x7FF) << 1) - (sign << 25) + distance
    if not -BRANCH_RANGE_BYTES <= moved < BRANCH_RANGE_BYTES:
        raise ConfigurationError(
            f"a branch reaches {BRANCH_RANGE_BYTES:,} bytes; the one at {move.name} would have to "
            f"reach {moved:,}; place code and data nearer, or link the image for that board."
        )
    sign = int(moved < 0)
    bits = [1 - (moved >> at & 1) ^ sign for at in (23, 22)]
    move.halves = (
        first & 0xF800 | sign << 10 | moved >> 12 & 0x3FF,
        second & 0xD000 | bits[0] << 13 | bits[1] << 11 | moved >> 1 & 0x7FF,
    )


def _low_half(move: _Move) -> None:
    low = _immediate(move)
    move.low_halves[move.symbol] = low
    _set_immediate(move, low + move.target)


def _high_half(move: _Move) -> None:
    """MOVT holds no low half, which may carry: the MOVW of the same symbol before it does."""
    if move.symbol not in move.low_halves:
        raise ConfigurationError(
            f"a MOVT can be moved behind the MOVW of its symbol; {move.name} has none before it; "
            "link the image for that board."
        )
    value = _immediate(move) << 16 | move.low_halves[move.symbol]
    _set_immediate(move, value + move.target >> 16)


def _immediate(move: _Move) -> int:
    """imm4:i:imm3:imm8 of MOVW and MOVT, encoding T3 and T1."""
    first, second = move.halves
    return (first & 0xF) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF


def _set_immediate(move: _Move, value: int) -> None:
    first, second = move.halves
    move.halves = (
        first & 0xFBF0 | (value >> 12 & 0xF) | (value >> 11 & 1) << 10,
        second & 0x8F00 | (value >> 8 & 7) << 12 | value & 0xFF,
    )


# By type of Arm IHI 0044, table 4-9 and table 4-13.
APPLY: dict[int, Callable[[_Move], None]] = {
    0: _none,  # R_ARM_NONE
    2: _absolute,  # R_ARM_ABS32
    3: _relative,  # R_ARM_REL32
    10: _branch,  # R_ARM_THM_CALL
    30: _branch,  # R_ARM_THM_JUMP24
    38: _absolute,  # R_ARM_TARGET1, as GNU ld takes it for this target
    42: _relative_31,  # R_ARM_PREL31
    47: _low_half,  # R_ARM_THM_MOVW_ABS_NC
    48: _high_half,  # R_ARM_THM_MOVT_ABS
}


# --- reading -------------------------------------------------------------------------------------

REL_ENTRY = struct.Struct("<2I")  # r_offset, r_info
SYMBOL_ENTRY = struct.Struct("<3I2BH")  # the last is the number of the symbol's section


@lru_cache(maxsize=8)
def _read(path: Path, state: tuple[int, int] | None) -> RelocatableImage:
    del state  # part of the key: a rebuilt image is read again
    from elftools.elf.elffile import ELFFile

    image = FirmwareImage.load(path)
    data = path.read_bytes()
    elf = ELFFile(io.BytesIO(data))
    numbers, sections = _sections(elf)
    try:
        relocations = tuple(_relocations(elf, numbers, sections))
    except struct.error as error:
        raise ConfigurationError(
            f"a table of relocations or symbols holds whole entries; {image.name} cannot be read "
            f"({error}); rebuild it."
        ) from error
    tables = [section for section in sections if section.name == BOARD_TABLE]
    size_bytes = TABLE_HEAD.size + MAX_MEMORIES * TABLE_MEMORY.size
    if not relocations or [table.size_bytes for table in tables] != [size_bytes]:
        raise ConfigurationError(
            f"a movable image keeps its relocations and has a section {BOARD_TABLE} of "
            f"{size_bytes} bytes; {image.name} does not; build it with firmware_stub/firmware.mk "
            "of this version."
        )
    return RelocatableImage(image, sections, relocations)


def _sections(elf: ELFFile) -> tuple[dict[int, int], tuple[ImageSection, ...]]:
    """Loaded sections, and where each section number of the file is among them."""
    numbers: dict[int, int] = {}
    sections: list[ImageSection] = []
    for number, section in enumerate(elf.iter_sections()):
        if section["sh_flags"] & SHF_ALLOC:
            numbers[number] = len(sections)
            sections.append(_section(section))
    return numbers, tuple(sections)


def _section(section: Section) -> ImageSection:
    is_code = section["sh_flags"] & SHF_EXECINSTR or section.name == VECTORS
    block = Block.CODE if is_code else Block.DATA
    data = None if section["sh_type"] == "SHT_NOBITS" else section.data()
    return ImageSection(section.name, section["sh_addr"], section["sh_size"], block, data)


def _relocations(
    elf: ELFFile, numbers: dict[int, int], sections: tuple[ImageSection, ...]
) -> Iterator[Relocation]:
    blocks = _symbol_blocks(elf, numbers, sections)
    for table in elf.iter_sections("SHT_REL"):
        if table["sh_info"] not in numbers:
            continue
        index = numbers[table["sh_info"]]
        section = sections[index]
        for address, info in REL_ENTRY.iter_unpack(table.data()):
            kind, symbol, offset = info & 0xFF, info >> 8, address - section.address
            place = f"{section.name}+{offset:#x}"
            if kind not in APPLY:
                raise ConfigurationError(
                    f"an image is moved by relocations of types {', '.join(map(str, APPLY))} of "
                    f"Arm IHI 0044; {place} has type {kind}; link the image for its board."
                )
            if not 0 <= offset <= len(section.data or b"") - 4 or symbol >= len(blocks):
                raise ConfigurationError(
                    f"a relocation lies inside its section and names a symbol of the image; "
                    f"{place} with symbol {symbol} does not; rebuild the image."
                )
            yield Relocation(index, offset, kind, symbol, blocks[symbol])


def _symbol_blocks(
    elf: ELFFile, numbers: dict[int, int], sections: tuple[ImageSection, ...]
) -> list[Block]:
    """What each symbol moves with."""
    table = elf.get_section_by_name(".symtab")
    entries = SYMBOL_ENTRY.iter_unpack(table.data()) if table else ()
    places = [numbers.get(section) for *_, section in entries]
    return [Block.FIXED if place is None else sections[place].block for place in places]
