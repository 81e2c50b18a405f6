"""A firmware image: the segments, entry point and symbols of a 32-bit Arm ELF file."""

from __future__ import annotations

import hashlib
import io
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

MAX_IMAGE_BYTES = 64 << 20
# Names under which vector tables go: CMSIS, NXP's and GNU's start-up files.
VECTOR_TABLES = ("__Vectors", "__VECTOR_TABLE", "__isr_vector", "g_pfnVectors", "vectors")


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes and the address where a programmer writes them (the physical address)."""

    address: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named address; bit 0 of Thumb functions is cleared."""

    name: str
    address: int
    size_bytes: int
    is_function: bool


@dataclass(frozen=True)
class FirmwareImage:
    """A parsed image; ``sha256`` is of the whole file."""

    name: str
    sha256: str
    entry: int
    segments: tuple[Segment, ...]
    symbols: tuple[Symbol, ...]

    @classmethod
    def load(cls, path: Path) -> FirmwareImage:
        """Read an ELF file.

        Raises:
            ConfigurationError: no such file, too large, or not a 32-bit Arm ELF.
        """
        try:
            if path.stat().st_size > MAX_IMAGE_BYTES:
                raise ConfigurationError(
                    f"an image has at most {MAX_IMAGE_BYTES} bytes; {path} has "
                    f"{path.stat().st_size}; strip its debug sections."
                )
            return cls.parse(path.read_bytes(), path.name)
        except OSError as error:
            raise ConfigurationError(
                f"an image must be a readable file; {path}: {error.strerror}; run `make firmware`."
            ) from error

    @classmethod
    def parse(cls, data: bytes, name: str = "image") -> FirmwareImage:
        """Read the bytes of an ELF file.

        Raises:
            ConfigurationError: the bytes are no 32-bit little-endian Arm ELF.
        """
        from elftools.common.exceptions import ELFError
        from elftools.construct import ConstructError
        from elftools.elf.elffile import ELFFile

        try:
            elf = ELFFile(io.BytesIO(data))
            if elf["e_machine"] != "EM_ARM" or elf.elfclass != 32 or not elf.little_endian:
                raise ConfigurationError(
                    f"an image is a 32-bit little-endian Arm ELF; {name} is for "
                    f"{elf['e_machine']}; build it with arm-none-eabi-gcc."
                )
            return cls(
                name,
                hashlib.sha256(data).hexdigest(),
                elf["e_entry"],
                tuple(_segments(elf)),
                tuple(_symbols(elf)),
            )
        except (
            ELFError,
            ConstructError,
            ValueError,
            KeyError,
            AttributeError,
            TypeError,
            struct.error,
            OverflowError,
        ) as error:
            if isinstance(error, ConfigurationError):
                raise
            raise ConfigurationError(
                f"an image is a whole ELF file; {name} cannot be read ({error}); rebuild it."
            ) from error

    @cached_property
    def by_name(self) -> dict[str, Symbol]:
        """Symbols by name."""
        return {symbol.name: symbol for symbol in self.symbols}

    @cached_property
    def vector_table(self) -> int | None:
        """Address of the vector table, None where the image names none."""
        found = [self.by_name[name].address for name in VECTOR_TABLES if name in self.by_name]
        return found[0] if found else None

    @cached_property
    def _functions(self) -> list[Symbol]:
        return sorted((s for s in self.symbols if s.is_function), key=lambda s: s.address)

    @cached_property
    def _function_addresses(self) -> list[int]:
        return [symbol.address for symbol in self._functions]

    def function_at(self, address: int) -> str:
        """Name of the function that holds an address, its hexadecimal text where none does."""
        index = bisect_right(self._function_addresses, address) - 1
        if index < 0:
            return f"{address:#010x}"
        symbol = self._functions[index]
        inside = address < symbol.address + max(symbol.size_bytes, 2) or not symbol.size_bytes
        return symbol.name if inside else f"{address:#010x}"


def _segments(elf: ELFFile) -> Iterator[Segment]:
    for segment in elf.iter_segments("PT_LOAD"):
        if segment["p_filesz"]:
            yield Segment(segment["p_paddr"], segment.data())


def _symbols(elf: ELFFile) -> Iterator[Symbol]:
    from elftools.elf.sections import SymbolTableSection

    table = elf.get_section_by_name(".symtab")
    for symbol in table.iter_symbols() if isinstance(table, SymbolTableSection) else ():
        kind = symbol["st_info"]["type"]
        if (
            symbol.name
            and not symbol.name.startswith("$")
            and kind in ("STT_FUNC", "STT_OBJECT", "STT_NOTYPE")
        ):
            is_function = kind == "STT_FUNC"
            address = symbol["st_value"] & ~1 if is_function else symbol["st_value"]
            yield Symbol(symbol.name, address, symbol["st_size"], is_function)
