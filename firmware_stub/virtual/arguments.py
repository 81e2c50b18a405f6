"""Puts the arguments of a call where Arm's procedure call standard says.

Arm IHI 0042 (AAPCS), 6.5 for the base standard and 7.1.2 for floating-point registers. Structures
by value are left out: pass their words, or a pointer.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.free_memory import Buffer
from hwprof.firmware_stub.virtual.image import FloatAbi

CORE_REGISTERS = 4  # r0 to r3
SINGLE_REGISTERS = 16  # s0 to s15, pairs of which are d0 to d7
# What a call takes: integers of 32 bits, numpy's int64 and uint64, floats (single precision),
# numpy's float64 (double precision), buffers (their addresses).
Argument = int | float | np.integer[Any] | np.floating[Any] | Buffer


@dataclass(frozen=True, slots=True)
class Frame:
    """Registers and stack at the first instruction of a function.

    Attributes:
        core: words of r0, r1, ...
        single: words of s registers by number.
        stack: bytes from the stack pointer upwards.
    """

    core: tuple[int, ...]
    single: dict[int, int]
    stack: bytes


def lay_out(arguments: Iterable[Argument], abi: FloatAbi) -> Frame:
    """Place arguments in order.

    Raises:
        ConfigurationError: an integer does not fit 32 bits, or a value is of no known type.
    """
    placing = _Placing()
    for argument in arguments:
        kind, data = _encoded(argument)
        if kind == "float" and abi == "hard":
            placing.vector(data)
        else:
            placing.core_words(data)
    core = tuple(placing.core[index] for index in sorted(placing.core))
    return Frame(core, placing.single, bytes(placing.stack))


class _Placing:
    """The standard's counters: the next core register, the free s registers, the stacked bytes."""

    def __init__(self) -> None:
        self.core: dict[int, int] = {}
        self.single: dict[int, int] = {}
        self.stack = bytearray()
        self._next_core = 0
        self._free = set(range(SINGLE_REGISTERS))

    def core_words(self, data: bytes) -> None:
        """Rules C.3 to C.6: a doubleword takes an even register and the next."""
        words = len(data) // 4
        if words == 2:
            self._next_core += self._next_core % 2
        if self._next_core + words > CORE_REGISTERS:
            self._next_core = CORE_REGISTERS
            self._push(data)
            return
        for word in struct.unpack(f"<{words}I", data):
            # A register that was skipped holds nothing in particular: zero.
            self.core.update(dict.fromkeys(range(len(self.core), self._next_core), 0))
            self.core[self._next_core] = word
            self._next_core += 1

    def vector(self, data: bytes) -> None:
        """Rules C.1.vfp and C.2.vfp: the lowest free registers; once one is stacked, all are."""
        words = len(data) // 4
        for first in range(0, SINGLE_REGISTERS, words):
            taken = set(range(first, first + words))
            if taken <= self._free:
                self._free -= taken
                numbers = range(first, first + words)
                self.single.update(zip(numbers, struct.unpack(f"<{words}I", data), strict=True))
                return
        self._free.clear()
        self._push(data)

    def _push(self, data: bytes) -> None:
        self.stack += bytes(-len(self.stack) % len(data)) + data


def _encoded(argument: object) -> tuple[str, bytes]:
    """Whether it is of a floating-point type, and its bytes."""
    if isinstance(argument, Buffer):
        return "core", struct.pack("<I", argument.address)
    if isinstance(argument, np.float64):  # a Python float too: asked first
        return "float", argument.tobytes()
    if isinstance(argument, float | np.floating):
        with np.errstate(over="ignore"):  # to infinity, as a conversion in C
            return "float", np.float32(argument).tobytes()
    if isinstance(argument, np.int64 | np.uint64):
        return "core", argument.tobytes()
    if isinstance(argument, int | np.integer):
        return "core", _word(int(argument))
    raise ConfigurationError(
        "an argument is an integer, a float, a numpy number or a buffer; got "
        f"{type(argument).__name__}; convert it."
    )


def _word(value: int) -> bytes:
    if not -(1 << 31) <= value < 1 << 32:
        raise ConfigurationError(
            f"an integer argument has 32 bits; got {value}; pass numpy's int64, i64:{value} on the "
            "command line, for one of 64."
        )
    return struct.pack("<I", value & 0xFFFF_FFFF)
