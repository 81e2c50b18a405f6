"""A firmware image: the segments, entry point and symbols of a 32-bit Arm ELF file."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.elf import (
    EXECUTABLE,
    FUNCTION,
    IMAGE_FILE,
    NOTYPE,
    OBJECT,
    PT_LOAD,
    SOFT_FLOAT,
    UNDEFINED,
    ElfFile,
)

# Names under which vector tables go: CMSIS, NXP's and GNU's start-up files.
VECTOR_TABLES = ("__Vectors", "__VECTOR_TABLE", "__isr_vector", "g_pfnVectors", "vectors")
FloatAbi = Literal["hard", "soft"]


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes and the address where a programmer writes them (the physical address).

    Attributes:
        run_address: where the program expects them once its start-up code has run; None where
            they already lie there.
        memory_bytes: bytes that the program uses at ``run_address``, which start-up code zeroes
            behind ``data``; 0 for no more than ``data``.
    """

    address: int
    data: bytes
    run_address: int | None = None
    memory_bytes: int = 0

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Address and size of what it takes, as loaded and as running."""
        size_bytes = max(self.memory_bytes, len(self.data))
        run = (self.address if self.run_address is None else self.run_address, size_bytes)
        return (run,) if self.run_address is None else ((self.address, len(self.data)), run)


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named address; bit 0 of Thumb functions is cleared.

    Attributes:
        is_thumb: false for a function in Arm state, which no Cortex-M executes.
        is_data: names a variable; a label of assembly is neither that nor a function.
    """

    name: str
    address: int
    size_bytes: int
    is_function: bool
    is_thumb: bool = True
    is_data: bool = False


@dataclass(frozen=True)
class FirmwareImage:
    """A parsed image; ``sha256`` is of the whole file.

    Attributes:
        float_abi: how functions take floating-point arguments.
    """

    name: str
    sha256: str
    entry: int
    segments: tuple[Segment, ...]
    symbols: tuple[Symbol, ...]
    float_abi: FloatAbi = "hard"

    @classmethod
    def load(cls, path: Path) -> FirmwareImage:
        """Read an ELF file.

        Raises:
            ConfigurationError: no such file, too large, or not a 32-bit Arm executable.
        """
        return cls.parse(IMAGE_FILE.read(path), path.name)

    @classmethod
    def parse(cls, data: bytes, name: str = "image") -> FirmwareImage:
        """Read the bytes of an ELF file.

        Raises:
            ConfigurationError: the bytes are no whole 32-bit little-endian Arm executable.
        """
        elf = ElfFile(data, name)
        if elf.kind != EXECUTABLE:
            raise ConfigurationError(
                f"an image is linked at addresses; {name} is an object file; link it first."
            )
        return cls(
            name,
            hashlib.sha256(data).hexdigest(),
            elf.entry,
            tuple(_segments(elf)),
            tuple(_symbols(elf)),
            "soft" if elf.flags & SOFT_FLOAT else "hard",
        )

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
        inside = address < symbol.address + max(symbol.size_bytes, 2)
        # Functions of assembly sources have no size: they reach to the next one.
        inside |= not symbol.size_bytes and self._holds(address)
        return symbol.name if inside else f"{address:#010x}"

    def _holds(self, address: int) -> bool:
        spans = (span for segment in self.segments for span in segment.spans)
        return any(base <= address < base + size_bytes for base, size_bytes in spans)


def _segments(elf: ElfFile) -> Iterator[Segment]:
    loaded_bytes = 0
    for header in elf.program_headers:
        if header.kind != PT_LOAD or not header.memory_bytes:
            continue
        data = elf.segment_data(header)
        loaded_bytes += len(data)
        if loaded_bytes > IMAGE_FILE.most_bytes:  # segments that share bytes of the file
            raise ConfigurationError(
                f"the segments of an image have at most {IMAGE_FILE.most_bytes:,} bytes together; "
                f"those of {elf.name} have more; link it again."
            )
        moves = header.run_address != header.load_address
        yield Segment(
            header.load_address,
            data,
            header.run_address if moves else None,
            header.memory_bytes if header.memory_bytes > len(data) else 0,
        )


def _symbols(elf: ElfFile) -> Iterator[Symbol]:
    for symbol in elf.symbols:
        if (
            symbol.name
            and not symbol.name.startswith("$")
            and symbol.kind in (FUNCTION, OBJECT, NOTYPE)
            and symbol.section != UNDEFINED
        ):
            is_function = symbol.is_function
            address = symbol.value & ~1 if is_function else symbol.value
            yield Symbol(
                symbol.name,
                address,
                symbol.size_bytes,
                is_function,
                is_thumb=not is_function or bool(symbol.value & 1),
                is_data=symbol.kind == OBJECT,
            )
