"""Writes small ELF files, so that tests of loading need no linker."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

FUNCTION, OBJECT = 2, 1


@dataclass
class Elf:
    """An executable to be written; every number of its headers may be set to something wrong.

    Attributes:
        segments: (load address, run address, bytes, bytes in memory).
        symbols: (name, value, kind).
    """

    segments: list[tuple[int, int, bytes, int]] = field(default_factory=list)
    symbols: list[tuple[str, int, int]] = field(default_factory=list)
    entry: int = 1
    flags: int = 0x0500_0400
    kind: int = 2
    machine: int = 40
    identity: bytes = b"\x7fELF\x01\x01\x01"

    def with_code(self, address: int, *halfwords: int, name: str = "f") -> Elf:
        """Add Thumb code and a symbol for it."""
        code = struct.pack(f"<{len(halfwords)}H", *halfwords)
        self.segments.append((address, address, code, len(code)))
        self.symbols.append((name, address | 1, FUNCTION))
        return self

    def write(self) -> bytes:
        """The file: header, segment table, contents, symbols, their names, section table."""
        content_at = 52 + 32 * len(self.segments)
        contents, table = b"", b""
        for load, run, data, memory_bytes in self.segments:
            at = content_at + len(contents)
            table += struct.pack("<8I", 1, at, run, load, len(data), memory_bytes, 5, 4)
            contents += data
        names, rows = b"\0", bytes(16)
        for name, value, kind in self.symbols:
            if name.encode() not in names:
                names += name.encode() + b"\0"
            at = names.index(name.encode())
            rows += struct.pack("<3I2BH", at, value, 0, 0x10 | kind, 0, 0xFFF1)
        symbols_at = content_at + len(contents)
        names_at = symbols_at + len(rows)
        sections_at = names_at + len(names)
        sections = (
            bytes(40)
            + struct.pack("<10I", 0, 2, 0, 0, symbols_at, len(rows), 2, 1, 4, 16)
            + struct.pack("<10I", 0, 3, 0, 0, names_at, len(names), 0, 0, 1, 0)
        )
        header = struct.pack(
            "<16s2H5I6H", self.identity, self.kind, self.machine, 1, self.entry, 52, sections_at,
            self.flags, 52, 32, len(self.segments), 40, 3, 0,
        )  # fmt: skip
        return header + table + contents + rows + names + sections


@dataclass
class Section:
    """A section of an object file, with relocations (offset, type, symbol's name)."""

    name: str
    data: bytes
    flags: int
    kind: int = 1
    size: int | None = None
    alignment: int = 4
    relocations: list[tuple[int, int, str]] = field(default_factory=list)


@dataclass
class ObjectFile:
    """An object file to be written.

    Attributes:
        symbols: (name, value, size, binding << 4 | kind, section's name or number).
    """

    sections: list[Section] = field(default_factory=list)
    symbols: list[tuple[str, int, int, int, str | int]] = field(default_factory=list)

    def write(self) -> bytes:
        """Contents, symbols, names and relocations, the section table last."""
        numbers = {section.name: number for number, section in enumerate(self.sections, 1)}
        names, rows, order = b"\0", bytes(16), [""]
        for name, value, size, info, where in self.symbols:
            section = where if isinstance(where, int) else numbers[where]
            rows += struct.pack("<3I2BH", len(names), value, size, info, 0, section)
            names += name.encode() + b"\0"
            order.append(name)
        symtab = len(self.sections) + 1
        tables = [
            (s.name, s.kind, s.flags, s.data, s.size, 0, 0, s.alignment) for s in self.sections
        ]
        tables.append((".symtab", 2, 0, rows, None, symtab + 1, 1, 4))
        tables.append((".strtab", 3, 0, names, None, 0, 0, 1))
        for section in self.sections:
            entries = b"".join(
                struct.pack("<2I", offset, order.index(symbol) << 8 | kind)
                for offset, kind, symbol in section.relocations
            )
            if entries:
                place = numbers[section.name]
                tables.append((".rel" + section.name, 9, 0, entries, None, symtab, place, 4))
        strings = b"\0" + b"".join(table[0].encode() + b"\0" for table in tables) + b".shstrtab\0"
        tables.append((".shstrtab", 3, 0, strings, None, 0, 0, 1))
        contents, headers = b"", bytes(40)
        for name, kind, flags, data, size, link, info, alignment in tables:
            at, length = 52 + len(contents), len(data) if size is None else size
            headers += struct.pack(
                "<10I", strings.index(b"\0" + name.encode() + b"\0") + 1, kind, flags, 0, at,
                length, link, info, alignment, {2: 16, 9: 8}.get(kind, 0),
            )  # fmt: skip
            contents += data
        return (
            struct.pack(
                "<16s2H5I6H", b"\x7fELF\x01\x01\x01", 1, 40, 1, 0, 0, 52 + len(contents),
                0x0500_0000, 52, 0, 0, 40, len(tables) + 1, len(tables),
            )
            + contents
            + headers
        )  # fmt: skip


def archive(*members: tuple[str, bytes]) -> bytes:
    """An archive as GNU ar writes it; long names stand in a member of their own."""
    long_names = b"".join(name.encode() + b"/\n" for name, _ in members if len(name) > 15)

    def member(name: bytes, data: bytes) -> bytes:
        head = name.ljust(16) + b"0".ljust(12) + b"0".ljust(6) * 2 + b"644".ljust(8)
        return head + str(len(data)).encode().ljust(10) + b"`\n" + data + b"\n" * (len(data) % 2)

    found = member(b"//", long_names) if long_names else b""
    for name, data in members:
        at = long_names.find(name.encode() + b"/\n")
        found += member(f"/{at}".encode() if at >= 0 else name.encode() + b"/", data)
    return b"!<arch>\n" + found
