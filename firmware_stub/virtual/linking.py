"""Links object files into a board's memories, so that what a compiler made can be run as it is.

Sections are kept whole and in the order of the files, gathered by what they hold; tables for
unwinding are left out, as nothing is ever thrown. Arm IHI 0044 (ELF for the Arm architecture),
4.3 to 4.6, has section kinds and relocations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.attributes import passes_floats_in_fpu
from hwprof.firmware_stub.virtual.description import BoardDescription
from hwprof.firmware_stub.virtual.elf import (
    ABSOLUTE,
    COMMON,
    FUNCTION,
    IMAGE_FILE,
    NOBITS,
    NOTYPE,
    OBJECT,
    REL,
    RELA,
    RELOCATABLE,
    SECTION_SYMBOL,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    UNDEFINED,
    WEAK,
    ElfFile,
    ElfSymbol,
    Relocation,
    Section,
)
from hwprof.firmware_stub.virtual.image import (
    FirmwareImage,
    Segment,
    Symbol,
)
from hwprof.firmware_stub.virtual.object_files import Program, gather, is_archive
from hwprof.firmware_stub.virtual.program_parts import Cursors, Part
from hwprof.firmware_stub.virtual.relocation import FIELD_BYTES, LINK, Move

UNWINDING_SECTION = 0x7000_0001  # SHT_ARM_EXIDX
UNWINDING_NAMES = (".ARM.extab", ".ARM.exidx")
_MOST_LISTED = 20


@dataclass(slots=True)
class _Piece:
    """A section at its address; ``content`` is empty where it is only zeroed."""

    address: int
    size_bytes: int
    part: Part
    content: bytearray


@dataclass(slots=True)
class _Link:
    """A link under way: where each section of each object lies, and where common symbols do."""

    program: Program
    pieces: dict[tuple[int, int], _Piece] = field(default_factory=dict)
    commons: dict[str, int] = field(default_factory=dict)


def load_program(
    paths: Sequence[Path],
    board: BoardDescription,
    placement: Mapping[Part, str],
    roots: Iterable[str] = (),
) -> FirmwareImage:
    """An executable as it is, or object files and archives linked for a board.

    Raises:
        UnknownNameError: the board has no memory of a name.
        ConfigurationError: as ``link``, or an executable comes with files or places for a link.
    """
    files = [(path.name, IMAGE_FILE.read(path)) for path in paths]
    name, data = files[0]
    if is_archive(data) or ElfFile(data, name).kind == RELOCATABLE:
        return link(files, board, placement, roots)
    if len(files) > 1 or placement:
        raise ConfigurationError(
            f"an executable is linked already; {name} takes no further files and no places; leave "
            "them out, or give its object files."
        )
    return FirmwareImage.parse(data, name)


def link(
    files: Sequence[tuple[str, bytes]],
    board: BoardDescription,
    placement: Mapping[Part, str],
    roots: Iterable[str] = (),
) -> FirmwareImage:
    """One image of object files and of the archive members that they need.

    Args:
        files: name and bytes; the image is called after the first.
        board: whose memories take it.
        placement: memory, or address, of each part; code goes where the board's firmware has its
            code unless named, everything else where that has its data.
        roots: functions that are needed although nothing refers to them.

    Raises:
        UnknownNameError: the board has no such memory.
        ConfigurationError: a file cannot be linked, something is not defined, or a memory is full.
    """
    program = gather(files, roots)
    _refuse_lacking(program)
    linked = _Link(program)
    _lay_out(linked, board, placement)
    for number, elf in enumerate(program.objects):
        for table in elf.sections:
            piece = linked.pieces.get((number, table.info))
            if table.kind in (REL, RELA) and piece is not None:
                _relocate(linked, number, table, piece)
    name = files[0][0]
    hashed = hashlib.sha256()
    for _, data in files:
        hashed.update(data)
    hard = any(passes_floats_in_fpu(elf) for elf in program.objects)
    return FirmwareImage(
        name,
        hashed.hexdigest(),
        0,
        tuple(_segments(linked)),
        tuple(_symbols(linked)),
        "hard" if hard else "soft",
    )


def _refuse_lacking(program: Program) -> None:
    lacking = list(program.lacking)
    if not lacking:
        return
    listed = ", ".join(lacking[:_MOST_LISTED])
    if len(lacking) > _MOST_LISTED:
        listed += f" and {len(lacking) - _MOST_LISTED:,} more"
    names = ", ".join(elf.name for elf in program.objects[:_MOST_LISTED]) or "an empty program"
    raise ConfigurationError(
        f"every symbol that is used is defined; {names} lacks {listed}; add the object files or "
        "archives that define them (--with)."
    )


# --- where everything lies -----------------------------------------------------------------------


def _lay_out(linked: _Link, board: BoardDescription, placement: Mapping[Part, str]) -> None:
    cursors = Cursors(board, placement)
    loaded = [
        (number, elf, section)
        for number, elf in enumerate(linked.program.objects)
        for section in elf.sections
        if _is_loaded(section)
    ]
    for part in Part:
        for number, elf, section in loaded:
            if _part_of(section) is part:
                what = f"{section.name} of {elf.name}"
                address = cursors.take(part, what, section.size_bytes, section.alignment_bytes)
                content = bytearray(elf.section_data(section))
                linked.pieces[number, section.number] = _Piece(
                    address, section.size_bytes, part, content
                )
    for name, found in linked.program.definitions.items():
        if found.symbol.section == COMMON:  # its value is its alignment
            size_bytes = found.symbol.size_bytes
            linked.commons[name] = cursors.take(Part.BSS, name, size_bytes, found.symbol.value)
    _refuse_overlaps(linked)


def _refuse_overlaps(linked: _Link) -> None:
    """Places given as addresses may run into each other."""
    spans = sorted((p.address, p.address + p.size_bytes, p.part) for p in linked.pieces.values())
    for (_, end, lower), (start, _, upper) in pairwise(spans):
        if start < end:
            raise ConfigurationError(
                f"parts of a program do not overlap; {lower} reaches {end:#010x} and {upper} "
                f"starts at {start:#010x}; place one elsewhere (--place)."
            )


def _is_loaded(section: Section) -> bool:
    unwinds = section.kind == UNWINDING_SECTION or section.name.startswith(UNWINDING_NAMES)
    return bool(section.flags & SHF_ALLOC and section.size_bytes and not unwinds)


def _part_of(section: Section) -> Part:
    if section.kind == NOBITS:
        return Part.BSS
    if section.flags & SHF_EXECINSTR:
        return Part.CODE
    return Part.DATA if section.flags & SHF_WRITE else Part.RODATA


def _segments(linked: _Link) -> Iterator[Segment]:
    for piece in linked.pieces.values():
        memory_bytes = piece.size_bytes if piece.part is Part.BSS else 0
        yield Segment(piece.address, bytes(piece.content), None, memory_bytes)
    for name, address in linked.commons.items():
        size_bytes = linked.program.definitions[name].symbol.size_bytes
        yield Segment(address, b"", None, size_bytes)


def _symbols(linked: _Link) -> Iterator[Symbol]:
    for number, elf in enumerate(linked.program.objects):
        for symbol in elf.symbols:
            address = _local_address(linked, number, symbol)
            wanted = symbol.name and not symbol.name.startswith("$")
            if wanted and address is not None and symbol.kind in (FUNCTION, OBJECT, NOTYPE):
                yield Symbol(
                    symbol.name,
                    address & ~1 if symbol.is_function else address,
                    symbol.size_bytes,
                    symbol.is_function,
                    is_thumb=not symbol.is_function or bool(address & 1),
                    is_data=symbol.kind == OBJECT,
                )


# --- what symbols and relocations are worth ------------------------------------------------------


def _local_address(linked: _Link, number: int, symbol: ElfSymbol) -> int | None:
    """Address of a symbol that an object defines itself, its Thumb bit included."""
    if symbol.section == ABSOLUTE:
        return symbol.value
    if symbol.section == COMMON:
        return linked.commons.get(symbol.name)
    piece = linked.pieces.get((number, symbol.section))
    return None if piece is None else piece.address + symbol.value


def _address(linked: _Link, number: int, symbol: ElfSymbol) -> int | None:
    """What a name means to an object: what the program defines, None where that is nothing."""
    found = linked.program.definitions.get(symbol.name)
    if symbol.kind != SECTION_SYMBOL and symbol.binding and found is not None:
        return _local_address(linked, found.owner, found.symbol)
    return _local_address(linked, number, symbol)


def _relocate(linked: _Link, number: int, table: Section, piece: _Piece) -> None:
    elf = linked.program.objects[number]
    for entry in elf.relocations(table):
        place = f"{table.name.removeprefix('.rel')}+{entry.offset:#x} of {elf.name}"
        _check(elf, entry, piece, place)
        symbol = elf.symbols[entry.symbol]
        address = _address(linked, number, symbol)
        if address is None:
            if not (symbol.binding == WEAK or (symbol.section == UNDEFINED and not symbol.name)):
                raise ConfigurationError(
                    f"code refers to what is loaded; {place} refers to {symbol.name!r}, which is "
                    "in no loaded section; link the program with its own linker script."
                )
            address = 0
        LINK[entry.kind](
            Move(
                name=place,
                content=piece.content,
                offset=entry.offset,
                target=address,
                place=piece.address + entry.offset,
                symbol=entry.symbol,
            )
        )


def _check(elf: ElfFile, entry: Relocation, piece: _Piece, place: str) -> None:
    if entry.kind not in LINK:
        raise ConfigurationError(
            f"object files are linked by relocations of types {', '.join(map(str, LINK))} of Arm "
            f"IHI 0044; {place} has type {entry.kind}; build it without position independence, or "
            "link it yourself."
        )
    if entry.symbol >= len(elf.symbols) or entry.offset > len(piece.content) - FIELD_BYTES.get(
        entry.kind, 4
    ):
        raise ConfigurationError(
            f"a relocation lies inside its section and names a symbol of its file; {place} with "
            f"symbol {entry.symbol} does not; compile it again."
        )
