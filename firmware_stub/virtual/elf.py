"""Reads 32-bit Arm ELF files of strangers.

Every offset, size and count that a header states is held against the file before anything is read
by it, and nothing is allocated that the file has not got: libraries that read ELF believe headers,
which may ask for gigabytes. Structures and numbers: System V ABI, chapters 4 and 5; Arm IHI 0044
(ELF for the Arm architecture), 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

from hwprof.errors import ConfigurationError
from hwprof.files import FileKind

IMAGE_FILE = FileKind(
    noun="an image",
    most_bytes=64 << 20,
    error=ConfigurationError,
    check="check the path, or run `make firmware` for one of hwprof's own",
    shrink="strip its debug sections",
)
MAX_SYMBOLS = 1 << 18
MAX_NAME_BYTES = 1 << 14  # of one symbol; C++ templates reach thousands

_FILE_HEADER = struct.Struct("<16s2H5I6H")
_SECTION = struct.Struct("<10I")
_SEGMENT = struct.Struct("<8I")
_SYMBOL = struct.Struct("<3I2BH")
_REL = struct.Struct("<2I")

CLASS_32, LITTLE_ENDIAN, MACHINE_ARM = 1, 1, 40
# e_machine of what people mistake for a microcontroller's image.
MACHINES = {
    2: "SPARC",
    3: "x86",
    8: "MIPS",
    20: "PowerPC",
    62: "x86-64",
    94: "Xtensa",
    183: "AArch64",
    243: "RISC-V",
}
RELOCATABLE, EXECUTABLE = 1, 2
FILE_KINDS = {0: "no type", 3: "a shared object", 4: "a core dump"}
SOFT_FLOAT, HARD_FLOAT = 0x200, 0x400  # e_flags of executables, EABI version 5

PT_LOAD = 1
PROGBITS, SYMTAB, NOBITS, RELA, REL = 1, 2, 8, 4, 9
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 0x1, 0x2, 0x4
UNDEFINED, ABSOLUTE, COMMON, RESERVED = 0, 0xFFF1, 0xFFF2, 0xFF00
NOTYPE, OBJECT, FUNCTION, SECTION_SYMBOL = 0, 1, 2, 3
LOCAL, GLOBAL, WEAK = 0, 1, 2


@dataclass(frozen=True, slots=True)
class ProgramHeader:
    """A segment; addresses and sizes in bytes.

    Attributes:
        run_address: where the program expects it (virtual address).
        load_address: where a programmer writes it (physical address).
    """

    kind: int
    offset: int
    run_address: int
    load_address: int
    file_bytes: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Section:
    """A section header; ``number`` is its place in the table."""

    number: int
    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size_bytes: int
    link: int
    info: int
    alignment_bytes: int


@dataclass(frozen=True, slots=True)
class ElfSymbol:
    """An entry of the symbol table as it stands; ``value`` keeps its Thumb bit."""

    name: str
    value: int
    size_bytes: int
    binding: int
    kind: int
    section: int

    @property
    def is_function(self) -> bool:
        """Whether it names code."""
        return self.kind == FUNCTION


@dataclass(frozen=True, slots=True)
class Relocation:
    """An entry of an SHT_REL section: a place, a type of Arm IHI 0044, a symbol's number."""

    offset: int
    kind: int
    symbol: int


class ElfFile:
    """The tables of one file.

    Attributes:
        name: what sentences call it.
        kind: ``RELOCATABLE`` or ``EXECUTABLE``.
        flags: ``e_flags``.

    Raises:
        ConfigurationError: the bytes are no 32-bit little-endian Arm object or executable, or a
            table or section leaves the file.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        self._data = data
        self._check_size()
        self._check_identity()
        header = _FILE_HEADER.unpack_from(data)
        _, self.kind, machine, _, self.entry, segments, sections, self.flags, *counts = header
        if machine != MACHINE_ARM:
            self._refuse_machine(MACHINES.get(machine, f"machine {machine}"))
        if self.kind not in (RELOCATABLE, EXECUTABLE):
            raise ConfigurationError(
                f"an image is an executable or an object file; {name} is "
                f"{FILE_KINDS.get(self.kind, f'of type {self.kind}')}; link it at fixed addresses."
            )
        _, self._segment_bytes, self._segments, self._section_bytes, self._sections, names = counts
        self._segment_offset, self._section_offset, self._names = segments, sections, names

    def _check_size(self) -> None:
        if not self._data:
            raise ConfigurationError(
                f"an image is a 32-bit little-endian Arm ELF; {self.name} is empty; link it again."
            )
        IMAGE_FILE.check_size(self.name, len(self._data))

    def _check_identity(self) -> None:
        if self._data[:4] != b"\x7fELF":
            raise ConfigurationError(
                f"an image is a 32-bit little-endian Arm ELF; {self.name} is no ELF file: it "
                f"starts with {self._data[:4].hex(' ')}; give the linker's output, before objcopy."
            )
        if len(self._data) < _FILE_HEADER.size:
            self._refuse("its header is cut off")
        if self._data[4] != CLASS_32:
            machine = int.from_bytes(self._data[18:20], "little")
            self._refuse_machine(f"64-bit {MACHINES.get(machine, '')}".strip())
        if self._data[5] != LITTLE_ENDIAN:
            self._refuse_machine("big-endian")

    def _refuse_machine(self, what: str) -> NoReturn:
        raise ConfigurationError(
            f"an image is a 32-bit little-endian Arm ELF; {self.name} is {what}; build it with "
            "arm-none-eabi-gcc -mcpu=cortex-m7."
        )

    def _refuse(self, why: str) -> NoReturn:
        raise ConfigurationError(
            f"an image is a whole ELF file; {self.name} cannot be read: {why}; link or copy it "
            "again."
        )

    def _bytes(self, what: str, offset: int, size_bytes: int) -> memoryview:
        if offset + size_bytes > len(self._data):
            self._refuse(
                f"{what} ends at byte {offset + size_bytes:,} of a file of {len(self._data):,}"
            )
        return memoryview(self._data)[offset : offset + size_bytes]

    def _table(self, what: str, entry: struct.Struct, *place: int) -> memoryview:
        offset, count, entry_bytes = place
        if count and entry_bytes != entry.size:
            self._refuse(f"an entry of {what} has {entry_bytes} bytes, not {entry.size}")
        return self._bytes(what, offset, count * entry.size)

    @cached_property
    def program_headers(self) -> tuple[ProgramHeader, ...]:
        """All segments."""
        place = self._segment_offset, self._segments, self._segment_bytes
        table = self._table("its table of segments", _SEGMENT, *place)
        return tuple(ProgramHeader(*fields[:6]) for fields in _SEGMENT.iter_unpack(table))

    def segment_data(self, header: ProgramHeader) -> bytes:
        """Bytes of a segment that the file holds."""
        what = f"the segment at {header.load_address:#010x}"
        if header.memory_bytes < header.file_bytes:
            self._refuse(f"{what} has {header.file_bytes:,} bytes for {header.memory_bytes:,}")
        return bytes(self._bytes(what, header.offset, header.file_bytes))

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """All section headers, the empty first one included."""
        place = self._section_offset, self._sections, self._section_bytes
        table = self._table("its table of sections", _SECTION, *place)
        rows = list(_SECTION.iter_unpack(table))
        if self._names >= len(rows):
            return tuple(self._section(number, "", row) for number, row in enumerate(rows))
        strings = self._bytes("the section of names", *rows[self._names][4:6])
        return tuple(
            self._section(number, self._string(strings, row[0]), row)
            for number, row in enumerate(rows)
        )

    def _section(self, number: int, name: str, row: tuple[int, ...]) -> Section:
        _, kind, flags, address, offset, size_bytes, link, info, alignment_bytes, _ = row
        return Section(
            number, name, kind, flags, address, offset, size_bytes, link, info, alignment_bytes
        )

    def section_data(self, section: Section) -> memoryview:
        """Bytes of a section; none for one that is only zeroed."""
        if section.kind == NOBITS:
            return memoryview(b"")
        return self._bytes(f"section {section.name!r}", section.offset, section.size_bytes)

    def _string(self, strings: memoryview, offset: int) -> str:
        text = bytes(strings[offset : offset + MAX_NAME_BYTES])
        name, end, _ = text.partition(b"\0")
        if not end and len(text) == MAX_NAME_BYTES:
            self._refuse(f"a name has more than {MAX_NAME_BYTES:,} characters")
        return name.decode("utf-8", "backslashreplace")

    @cached_property
    def symbols(self) -> tuple[ElfSymbol, ...]:
        """The symbol table in order, as relocations number it; empty in a stripped file."""
        tables = [section for section in self.sections if section.kind == SYMTAB]
        return tuple(self._symbols(tables[0])) if tables else ()

    def _symbols(self, table: Section) -> Iterator[ElfSymbol]:
        data = self.section_data(table)
        if len(data) % _SYMBOL.size or len(data) > MAX_SYMBOLS * _SYMBOL.size:
            self._refuse(
                f"its symbol table has {len(data):,} bytes, not whole entries of {_SYMBOL.size} "
                f"and at most {MAX_SYMBOLS:,} of them"
            )
        if table.link >= len(self.sections):
            self._refuse("its symbol table has no names")
        strings = self.section_data(self.sections[table.link])
        spelt_bytes = 0
        for name, value, size_bytes, info, _, section in _SYMBOL.iter_unpack(data):
            text = self._string(strings, name)
            spelt_bytes += len(text)
            if spelt_bytes > IMAGE_FILE.most_bytes:
                self._refuse(
                    f"the names of its symbols have more than {IMAGE_FILE.most_bytes:,} bytes"
                )
            yield ElfSymbol(text, value, size_bytes, info >> 4, info & 0xF, section)

    def relocations(self, table: Section) -> Iterator[Relocation]:
        """Entries of a relocation section.

        Raises:
            ConfigurationError: the section holds no whole entries.
        """
        data = self.section_data(table)
        if table.kind != REL or len(data) % _REL.size:
            self._refuse(f"{table.name!r} is no table of relocations without addends")
        for offset, info in _REL.iter_unpack(data):
            yield Relocation(offset, info & 0xFF, info >> 8)
