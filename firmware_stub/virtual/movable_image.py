"""A firmware image that can be moved: its sections and relocations, as linked.

Code and data move as two blocks, so most references need no change.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.elf import (
    IMAGE_FILE,
    NOBITS,
    REL,
    SHF_ALLOC,
    SHF_EXECINSTR,
    ElfFile,
    Section,
)
from hwprof.firmware_stub.virtual.image import FirmwareImage, Segment
from hwprof.firmware_stub.virtual.layout import ImageSize, Layout
from hwprof.firmware_stub.virtual.relocation import APPLY, Move

BOARD_TABLE = ".board"
VECTORS = ".vectors"
# struct board_description of firmware_stub/include/board.h, and its struct board_memory.
TABLE_HEAD = struct.Struct("<16s16s2I2I2I2I")
TABLE_MEMORY = struct.Struct("<12s3I")
MAX_MEMORIES = 8
TABLE_BYTES = TABLE_HEAD.size + MAX_MEMORIES * TABLE_MEMORY.size

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
                memory_bytes=section.size_bytes if section.data is None else 0,
            )
            for section, content in zip(self.sections, self._relocated(shift), strict=True)
            if section.size_bytes
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
                Move(
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


@lru_cache(maxsize=8)
def _read(path: Path, state: tuple[int, int] | None) -> RelocatableImage:
    del state  # part of the key: a rebuilt image is read again
    data = IMAGE_FILE.read(path)
    image = FirmwareImage.parse(data, path.name)
    elf = ElfFile(data, path.name)
    loaded = [section for section in elf.sections if section.flags & SHF_ALLOC]
    sections = tuple(_section(elf, section) for section in loaded)
    numbers = {section.number: index for index, section in enumerate(loaded)}
    relocations = tuple(_relocations(elf, numbers, sections))
    tables = [section for section in sections if section.name == BOARD_TABLE]
    if not relocations or [table.size_bytes for table in tables] != [TABLE_BYTES]:
        raise ConfigurationError(
            f"a movable image keeps its relocations and has a section {BOARD_TABLE} of "
            f"{TABLE_BYTES} bytes; {image.name} does not; build it with firmware_stub/firmware.mk "
            "of this version."
        )
    return RelocatableImage(image, sections, relocations)


def _section(elf: ElfFile, section: Section) -> ImageSection:
    is_code = section.flags & SHF_EXECINSTR or section.name == VECTORS
    block = Block.CODE if is_code else Block.DATA
    data = None if section.kind == NOBITS else bytes(elf.section_data(section))
    return ImageSection(section.name, section.address, section.size_bytes, block, data)


def _relocations(
    elf: ElfFile, numbers: Mapping[int, int], sections: tuple[ImageSection, ...]
) -> Iterator[Relocation]:
    """Relocations of the loaded sections; ``numbers`` has their places by section number."""
    places = [numbers.get(symbol.section) for symbol in elf.symbols]
    blocks = [Block.FIXED if place is None else sections[place].block for place in places]
    for table in elf.sections:
        if table.kind != REL or table.info not in numbers:
            continue
        index = numbers[table.info]
        section = sections[index]
        for entry in elf.relocations(table):
            offset = entry.offset - section.address
            place = f"{section.name}+{offset:#x}"
            if entry.kind not in APPLY:
                raise ConfigurationError(
                    f"an image is moved by relocations of types {', '.join(map(str, APPLY))} of "
                    f"Arm IHI 0044; {place} has type {entry.kind}; link the image for its board."
                )
            if not 0 <= offset <= len(section.data or b"") - 4 or entry.symbol >= len(blocks):
                raise ConfigurationError(
                    f"a relocation lies inside its section and names a symbol of the image; "
                    f"{place} with symbol {entry.symbol} does not; rebuild the image."
                )
            yield Relocation(index, offset, entry.kind, entry.symbol, blocks[entry.symbol])
