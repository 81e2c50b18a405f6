"""The serial line and the fuses that firmware touches, and what every peripheral is.

A peripheral answers ``read(offset)`` and ``write(offset, value)`` for 32-bit registers, offsets in
bytes from its base. What LPUART's registers do is from apache/nuttx
(``arch/arm/src/imxrt/hardware/imxrt_lpuart.h``). The processor's own are in ``processor.py``, the
RT1170's clocks, supply and memories in ``imxrt1170``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

WORD = 0xFFFF_FFFF
# What a virtual board's unique id says, with the timing model behind it.
IDENTITY = b"HWPROF"


@dataclass(slots=True)
class Surroundings:
    """What peripherals see of their board and what they tell it.

    Attributes:
        maintain: does a cache maintenance operation: offset of its register, value written.
        timing_model: what the cycles are counted by, ``exact-3``.
        cycles: core cycles since power-on.
        forget_branches: empties the branch predictor.
        note_reading: is told of each reading of the cycle counter.
        cache_sizes: CCSIDR of data and instruction cache, which CSSELR chooses from; 0 for none.
        received: bytes on their way to the board's serial line.
        sent: bytes the board has sent.
        trace_enabled: DEMCR.TRCENA, without which the cycle counter stands still.
        empty_polls: reads in a row that found nothing received, nothing being sent between them.
    """

    maintain: Callable[[int, int], None]
    timing_model: str
    cycles: Callable[[], int]
    forget_branches: Callable[[], None]
    note_reading: Callable[[], None]
    cache_sizes: tuple[int, int] = (0, 0)
    received: bytearray = field(default_factory=bytearray)
    sent: bytearray = field(default_factory=bytearray)
    trace_enabled: bool = False
    empty_polls: int = 0


class Peripheral(ABC):
    """Registers behind one address range."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings

    @abstractmethod
    def read(self, offset: int) -> int:
        """Value of the 32-bit register at a byte offset."""

    @abstractmethod
    def write(self, offset: int, value: int) -> None:
        """Store to the 32-bit register at a byte offset."""


class Lpuart(Peripheral):
    """NXP LPUART with its 4-word FIFOs, on a line that is never too fast for its reader.

    A byte that waits on the line moves up when one is read, so there is no overrun, and a byte
    sent is gone at once. The baud rate is kept but costs no time: no measured cycle lies between
    two bytes.
    """

    PARAM, GLOBAL, BAUD, STAT, CTRL, DATA = 0x04, 0x08, 0x10, 0x14, 0x18, 0x1C
    FIFO, WATER = 0x28, 0x2C
    RESET_BAUD = 0x0F00_0004
    FIFO_WORDS = 4  # mcux MIMXRT1176_cm7_features.h, FSL_FEATURE_LPUART_FIFO_SIZEn
    FIFO_SIZES = 0x11  # both size fields read 1, "4 words"
    RDRF, TC, TDRE = 1 << 21, 1 << 22, 1 << 23
    RE, TE = 1 << 18, 1 << 19
    DATA_EMPTY = 1 << 12
    RXFE, RXFLUSH, RXUF, RXEMPT, TXEMPT = 1 << 3, 1 << 14, 1 << 16, 1 << 22, 1 << 23
    SOFTWARE_RESET = 1 << 1

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._reset()

    def _reset(self) -> None:
        self._kept = {self.BAUD: self.RESET_BAUD}
        self._underflow = 0

    def read(self, offset: int) -> int:
        """Registers with a meaning of their own; the others read as last written."""
        match offset:
            case self.DATA:
                return self._receive()
            case self.STAT:
                return self._status()
            case self.WATER:
                return self._kept.get(self.WATER, 0) & 0x0003_0003 | self._waiting() << 24
            case self.FIFO:
                return self._fifo()
            case self.PARAM:
                return 0x0202  # 2^2 words each way
        return self._kept.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Sends, resets, flushes, or keeps the value."""
        match offset:
            case self.DATA:
                self.surroundings.empty_polls = 0
                if self._kept.get(self.CTRL, 0) & self.TE:
                    self.surroundings.sent.append(value & 0xFF)
                return
            case self.GLOBAL if value & self.SOFTWARE_RESET:
                self._reset()
            case self.FIFO:
                self._underflow &= ~value
                if value & self.RXFLUSH:
                    del self.surroundings.received[: self._waiting()]
        self._kept[offset] = value

    def _waiting(self) -> int:
        """Words in the receive FIFO; zero while the receiver is off."""
        if not self._kept.get(self.CTRL, 0) & self.RE:
            return 0
        depth = self.FIFO_WORDS if self._kept.get(self.FIFO, 0) & self.RXFE else 1
        waiting = min(len(self.surroundings.received), depth)
        self.surroundings.empty_polls = 0 if waiting else self.surroundings.empty_polls + 1
        return waiting

    def _status(self) -> int:
        """RDRF rises above the receive watermark, as with hardware's FIFO."""
        watermark = self._kept.get(self.WATER, 0) >> 16 & 3
        full = self.RDRF if self._waiting() > watermark else 0
        return self.TDRE | self.TC | full

    def _fifo(self) -> int:
        empty = 0 if self._waiting() else self.RXEMPT
        return (
            self._kept.get(self.FIFO, 0) & 0x1F88
            | self.FIFO_SIZES
            | (self._underflow | empty | self.TXEMPT)
        )

    def _receive(self) -> int:
        if not self._waiting():
            self._underflow = self.RXUF
            return self.DATA_EMPTY
        return self.surroundings.received.pop(0)


class Ocotp(Peripheral):
    """Fuses: the unique id in words 0x10 and 0x11, every other word unprogrammed."""

    FUSES, STEP, UNIQUE_ID = 0x800, 0x10, 0x10

    def read(self, offset: int) -> int:
        """A fuse word, or zero."""
        word = (offset - self.FUSES) // self.STEP - self.UNIQUE_ID
        model, _, version = self.surroundings.timing_model.partition("-")
        identity = IDENTITY + f"{model[:1].upper()}{version[:1]}".encode()
        high, low = identity[:4], identity[4:]
        return int.from_bytes((low, high)[word], "big") if word in (0, 1) else 0

    def write(self, offset: int, value: int) -> None:
        """Fuses of a virtual board cannot be blown."""
        del offset, value


class Unmodelled(Peripheral):
    """Registers nobody modelled: reads give zero and are remembered by address."""

    def __init__(self, surroundings: Surroundings, name: str, base: int) -> None:
        super().__init__(surroundings)
        self.name = name
        self.base = base
        self.read_offsets: dict[int, int] = {}

    def read(self, offset: int) -> int:
        """Zero; the offset is counted."""
        self.read_offsets[offset] = self.read_offsets.get(offset, 0) + 1
        return 0

    def write(self, offset: int, value: int) -> None:
        """Ignored: a store can change nothing that is read back as zero."""
        del offset, value

    def warnings(self) -> list[str]:
        """One sentence for each register that was read."""
        return unknown_reads(self.name, self.base, self.read_offsets)


def unknown_reads(name: str, base: int, times_by_offset: Mapping[int, int]) -> list[str]:
    """One sentence for each register that was read and that nobody modelled."""
    return [
        f"{name} at {base + offset:#010x} is not modelled; {times} reads gave 0."
        for offset, times in sorted(times_by_offset.items())
    ]
