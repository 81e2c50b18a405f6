"""What each type of relocation does to its place when its target, or the place, moves.

Places of a linked image hold finished values (``--emit-relocs``): to each is added how far its
target moves, less how far the place itself moves where the value is relative. Places of an object
file hold addends: there everything moves from address 0 to where the link puts it. Types and field
layouts: Arm IHI 0044 (ELF for the Arm architecture), 4.6.1; encodings of branches, MOVW and MOVT:
Arm DDI 0403E, A7.7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from hwprof.errors import ConfigurationError

WORD = 0xFFFF_FFFF
BRANCH_RANGE_BYTES = 1 << 24  # of BL and B.W in each direction
CONDITION_RANGE_BYTES, SHORT_RANGE_BYTES = 1 << 20, 1 << 11  # of B<c>.W, and of B in 16 bits


@dataclass(slots=True)
class Move:
    """One relocation to apply.

    Attributes:
        target, place: how far the symbol and the place move, in bytes.
        low_halves: low 16 bits of a symbol's address as the last MOVW held them, by symbol.
    """

    name: str
    content: bytearray
    offset: int
    target: int
    place: int
    symbol: int
    low_halves: dict[int, int] = field(default_factory=dict)

    @property
    def word(self) -> int:
        return int.from_bytes(self.content[self.offset : self.offset + 4], "little")

    @word.setter
    def word(self, value: int) -> None:
        self.content[self.offset : self.offset + 4] = (value & WORD).to_bytes(4, "little")

    @property
    def halves(self) -> tuple[int, int]:
        """The two halfwords of a 32-bit Thumb instruction, in the order of the manual."""
        return self.word & 0xFFFF, self.word >> 16

    @halves.setter
    def halves(self, value: tuple[int, int]) -> None:
        self.word = value[0] | value[1] << 16


def _none(move: Move) -> None:
    del move


def _absolute(move: Move) -> None:
    move.word += move.target


def _relative(move: Move) -> None:
    move.word += move.target - move.place


def _relative_31(move: Move) -> None:
    """PREL31: bit 31 is not part of the address."""
    moved = move.word + move.target - move.place
    move.word = move.word & 1 << 31 | moved & (1 << 31) - 1


def _branch(move: Move) -> None:
    """BL and B.W: S:I1:I2:imm10:imm11:0, where I = not(J xor S)."""
    distance = move.target - move.place
    if not distance:
        return
    first, second = move.halves
    sign = first >> 10 & 1
    bits = [1 - (second >> at & 1 ^ sign) for at in (13, 11)]
    fields = sign << 24 | bits[0] << 23 | bits[1] << 22 | (first & 0x3FF) << 12
    moved = (fields | (second & 0x7FF) << 1) - (sign << 25) + distance
    _check_reach(move, moved, BRANCH_RANGE_BYTES)
    sign = int(moved < 0)
    bits = [1 - (moved >> at & 1) ^ sign for at in (23, 22)]
    move.halves = (
        first & 0xF800 | sign << 10 | moved >> 12 & 0x3FF,
        second & 0xD000 | bits[0] << 13 | bits[1] << 11 | moved >> 1 & 0x7FF,
    )


def _check_reach(move: Move, distance: int, range_bytes: int) -> None:
    if not -range_bytes <= distance < range_bytes:
        raise ConfigurationError(
            f"a branch reaches {range_bytes:,} bytes; the one at {move.name} would have to "
            f"reach {distance:,}; place code and data nearer, or link the image for that board."
        )


def _low_half(move: Move) -> None:
    low = _immediate(move)
    move.low_halves[move.symbol] = low
    _set_immediate(move, low + move.target)


def _high_half(move: Move) -> None:
    """MOVT holds no low half, which may carry: the MOVW of the same symbol before it does."""
    if move.symbol not in move.low_halves:
        raise ConfigurationError(
            f"a MOVT can be moved behind the MOVW of its symbol; {move.name} has none before it; "
            "link the image for that board."
        )
    value = _immediate(move) << 16 | move.low_halves[move.symbol]
    _set_immediate(move, value + move.target >> 16)


def _immediate(move: Move) -> int:
    """imm4:i:imm3:imm8 of MOVW and MOVT, encoding T3 and T1."""
    first, second = move.halves
    return (first & 0xF) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF


def _set_immediate(move: Move, value: int) -> None:
    first, second = move.halves
    move.halves = (
        first & 0xFBF0 | (value >> 12 & 0xF) | (value >> 11 & 1) << 10,
        second & 0x8F00 | (value >> 8 & 7) << 12 | value & 0xFF,
    )


# By type of Arm IHI 0044, table 4-9 and table 4-13.
APPLY: dict[int, Callable[[Move], None]] = {
    0: _none,  # R_ARM_NONE
    2: _absolute,  # R_ARM_ABS32
    3: _relative,  # R_ARM_REL32
    10: _branch,  # R_ARM_THM_CALL
    30: _branch,  # R_ARM_THM_JUMP24
    38: _absolute,  # R_ARM_TARGET1, as GNU ld takes it for this target
    42: _relative_31,  # R_ARM_PREL31
    47: _low_half,  # R_ARM_THM_MOVW_ABS_NC
    48: _high_half,  # R_ARM_THM_MOVT_ABS
}


# --- object files: a place holds its addend, and everything moves there from address 0 -----------

NOP_WIDE = (0xF3AF, 0x8000)


def _linked_branch(move: Move) -> None:
    """A branch to what nobody defines goes on behind itself (IHI 0044, 4.6.1.6)."""
    if move.target:
        move.target &= ~1
        _branch(move)
    else:
        move.halves = NOP_WIDE


def _linked_condition(move: Move) -> None:
    """B<c>.W, encoding T3: S:J2:J1:imm6:imm11:0."""
    first, second = move.halves
    fields = (second >> 11 & 1) << 19 | (second >> 13 & 1) << 18
    fields |= (first & 0x3F) << 12 | (second & 0x7FF) << 1
    moved = fields - (first >> 10 & 1 and 1 << 20) + (move.target & ~1) - move.place
    _check_reach(move, moved, CONDITION_RANGE_BYTES)
    move.halves = (
        first & 0xFBC0 | int(moved < 0) << 10 | moved >> 12 & 0x3F,
        second & 0xD000 | (moved >> 18 & 1) << 13 | (moved >> 19 & 1) << 11 | moved >> 1 & 0x7FF,
    )


def _linked_short(move: Move) -> None:
    """B, encoding T2: imm11:0."""
    half = int.from_bytes(move.content[move.offset : move.offset + 2], "little")
    addend = (half & 0x3FF) - (half & 0x400) << 1
    moved = addend + (move.target & ~1) - move.place
    _check_reach(move, moved, SHORT_RANGE_BYTES)
    half = half & 0xF800 | moved >> 1 & 0x7FF
    move.content[move.offset : move.offset + 2] = half.to_bytes(2, "little")


def _linked_half(move: Move, *, top: bool, relative: bool) -> None:
    """MOVW and MOVT hold 16 bits of addend, a signed number, and take 16 bits of the sum."""
    addend = (_immediate(move) ^ 0x8000) - 0x8000
    value = addend + move.target - (move.place if relative else 0)
    _set_immediate(move, value >> 16 if top else value)


# Types that object files have beside those of an image.
LINK: dict[int, Callable[[Move], None]] = APPLY | {
    10: _linked_branch,  # R_ARM_THM_CALL
    30: _linked_branch,  # R_ARM_THM_JUMP24
    40: _none,  # R_ARM_V4BX
    47: partial(_linked_half, top=False, relative=False),  # R_ARM_THM_MOVW_ABS_NC
    48: partial(_linked_half, top=True, relative=False),  # R_ARM_THM_MOVT_ABS
    49: partial(_linked_half, top=False, relative=True),  # R_ARM_THM_MOVW_PREL_NC
    50: partial(_linked_half, top=True, relative=True),  # R_ARM_THM_MOVT_PREL
    51: _linked_condition,  # R_ARM_THM_JUMP19
    102: _linked_short,  # R_ARM_THM_JUMP11
}
FIELD_BYTES = {0: 0, 40: 0, 102: 2}  # what a place has, where it is not a word
