"""The small language of address slices: what of a block decides which bytes it accesses.

A slice is a program over 32-bit slots: the core registers, the four flags and some temporaries.
``slices.py`` makes it from machine code, ``evaluate.py`` runs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto

PC = 15
N, Z, C, V = 16, 17, 18, 19
FLAGS = (N, Z, C, V)
PACKED_FLAGS = 20  # APSR as the engine gives it
TEMPORARY, INDEX, SHIFTED, SECOND = TEMPORARIES = 21, 22, 23, 24  # within one instruction
NOTHING = 30  # always 0
UNKNOWN = 31  # a stored value that the slice does not follow
SLOTS = 32


class Code(IntEnum):
    """What a micro-operation does; d, a, b, c are slots, all arithmetic is modulo 2^32."""

    END = 0
    SET = auto()  # d = imm
    ADD = auto()  # d = a + b + imm
    SUBTRACT = auto()  # d = a - b
    ADD_CARRY = auto()  # d = a + b + C
    AND = auto()
    OR = auto()
    XOR = auto()
    AND_NOT = auto()
    OR_NOT = auto()
    SHIFT_LEFT = auto()  # d = a << (b + imm), the low byte of the amount
    SHIFT_RIGHT = auto()
    SHIFT_RIGHT_SIGNED = auto()
    ROTATE = auto()
    MULTIPLY = auto()  # d = a * b
    MULTIPLY_HIGH = auto()  # d = (a * b) >> 32, unsigned
    MULTIPLY_HIGH_SIGNED = auto()
    EXTRACT = auto()  # d = imm >> 8 bits of a from bit imm & 255
    EXTRACT_SIGNED = auto()
    INSERT = auto()  # the low imm >> 8 bits of a into d from bit imm & 255
    LEADING_ZEROS = auto()
    REVERSE_BITS = auto()
    REVERSE_BYTES = auto()
    DIVIDE = auto()
    DIVIDE_SIGNED = auto()
    LOAD = auto()  # d = c bytes at a + imm
    LOAD_SIGNED = auto()
    ACCESS = auto()  # c bytes at a + imm are loaded
    ACCESS_STORE = auto()  # c bytes at a + imm are stored
    NOTE = auto()  # c bytes at a + imm become b, for later LOADs of the slice
    FLAGS_ADD = auto()  # N, Z, C, V of a + b
    FLAGS_SUBTRACT = auto()  # of a - b
    FLAGS_RESULT = auto()  # N, Z of a
    CARRY_BIT = auto()  # C = bit imm of a
    UNPACK = auto()  # N, Z, C, V out of PACKED_FLAGS
    SKIP_UNLESS = auto()  # passes over imm operations unless condition c holds
    OPAQUE = auto()  # d becomes something the slice does not follow; never emitted


ACCESSES = (Code.ACCESS, Code.ACCESS_STORE)
LOADS = (Code.LOAD, Code.LOAD_SIGNED)
_FLAG_RESULTS = {
    Code.FLAGS_ADD: FLAGS,
    Code.FLAGS_SUBTRACT: FLAGS,
    Code.FLAGS_RESULT: (N, Z),
    Code.CARRY_BIT: (C,),
}
_WITHOUT_RESULT = (*ACCESSES, Code.NOTE, Code.SKIP_UNLESS)
# Flags that each condition reads, Arm DDI 0403E A7.3; the code is Capstone's minus one.
CONDITION_FLAGS = (
    (Z,),
    (Z,),
    (C,),
    (C,),
    (N,),
    (N,),
    (V,),
    (V,),
    (C, Z),
    (C, Z),
    (N, V),
    (N, V),
    (N, Z, V),
    (N, Z, V),
)
ALWAYS = -1


@dataclass(frozen=True, slots=True)
class MicroOp:
    """One micro-operation.

    Attributes:
        condition: index into ``CONDITION_FLAGS`` under which it happens, or ``ALWAYS``.
        position: index of its instruction in the block.
    """

    code: Code
    d: int = NOTHING
    a: int = NOTHING
    b: int = NOTHING
    c: int = 0
    imm: int = 0
    condition: int = ALWAYS
    position: int = 0

    @property
    def results(self) -> tuple[int, ...]:
        """Slots it writes."""
        if self.code in _FLAG_RESULTS:
            return _FLAG_RESULTS[self.code]
        return () if self.code in _WITHOUT_RESULT else (self.d,)

    @property
    def settles(self) -> bool:
        """Whether what its results were before does not matter any more.

        It does behind a predicated instruction, but for slots that nobody else reads.
        """
        return self.condition == ALWAYS or self.d in TEMPORARIES

    @property
    def sources(self) -> tuple[int, ...]:
        """Slots it reads, those of its condition included."""
        read = [slot for slot in (self.a, self.b) if slot not in (NOTHING, UNKNOWN)]
        if self.code is Code.ADD_CARRY:
            read.append(C)
        if self.code is Code.INSERT:
            read.append(self.d)
        if self.condition != ALWAYS:
            read += CONDITION_FLAGS[self.condition]
        return tuple(read)

    def words(self, ticks: int = 0) -> tuple[int, int]:
        """The two 64-bit words that ``evaluate.py`` reads; ``ticks`` is when an access happens."""
        packed = self.code | self.d << 8 | self.a << 16 | self.b << 24 | self.c << 32 | ticks << 40
        return packed, self.imm
