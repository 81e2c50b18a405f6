"""The stack of a call: painted, so that its use can be read off, with a guard below it."""

from __future__ import annotations

import unicorn
from unicorn import unicorn_const

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.free_memory import FreeMemory

DEFAULT_STACK_BYTES = 16 << 10
GUARD_BYTES = 0x1000  # the smallest piece of memory that Unicorn protects
PAINT = b"\xa5"


class CallStack:
    """Whole pages of a ram from ``base`` to ``top``; the processor may not touch the page below.

    A function that moves its stack pointer by more than that page at once may jump over it.

    Raises:
        UnknownNameError: the board has no such memory.
        ConfigurationError: the memory has not that much free.
    """

    def __init__(self, engine: unicorn.Uc, free: FreeMemory, memory: str, size_bytes: int) -> None:
        whole = size_bytes + -size_bytes % GUARD_BYTES
        room = free.take(memory, whole + GUARD_BYTES, "a stack with its guard", GUARD_BYTES)
        self.base = room.address + GUARD_BYTES
        self.top = self.base + whole
        self._engine = engine
        engine.mem_protect(room.address, GUARD_BYTES, unicorn_const.UC_PROT_NONE)

    @property
    def size_bytes(self) -> int:
        """Bytes between ``base`` and ``top``."""
        return self.top - self.base

    def guards(self, address: int | None) -> bool:
        """Whether an address lies in the page below."""
        return address is not None and self.base - GUARD_BYTES <= address < self.base

    def prepare(self, arguments: bytes) -> int:
        """Paint it and put stacked arguments on it; the stack pointer that a function finds.

        Raises:
            ConfigurationError: the arguments are larger than the stack.
        """
        room_bytes = len(arguments) + -len(arguments) % 8  # AAPCS 5.2.1.2: aligned to 8 at a call
        if room_bytes > self.size_bytes:
            raise ConfigurationError(
                f"stacked arguments fit the stack; {room_bytes:,} bytes are more than its "
                f"{self.size_bytes:,}; take a larger one."
            )
        pointer = self.top - room_bytes
        self._engine.mem_write(self.base, PAINT * self.size_bytes)
        self._engine.mem_write(pointer, arguments)
        return pointer

    def used_bytes(self) -> int:
        """From the top down to the lowest byte that lost its paint."""
        return len(self._engine.mem_read(self.base, self.size_bytes).lstrip(PAINT))
