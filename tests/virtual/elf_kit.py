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
