"""Random Thumb-2 programs that stay inside their data: what address slices must follow.

A program sets its registers, runs pieces of code and sleeps; ``thumb_writer.py`` draws the pieces
and says what each register is for.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass

from tests.virtual.thumb_writer import Code, Writer

WALK, BYTES, UNFOLLOWED = 0x2028_0000, 0x202C_0000, 0x2034_0000
FIXED, STACK = 0x2030_0000, 0x2002_0000
POINTERS = (WALK, BYTES, UNFOLLOWED, FIXED, STACK)
AROUND_BYTES = 0x2000  # of random data on either side of each
WFI_FOREVER = (0xBF30, 0xE7FD)


@dataclass(frozen=True)
class ThumbProgram:
    """Machine code, where it lies, where it begins, and the bytes around its pointers."""

    code: bytes
    address: int
    entry: int
    data: bytes


def constant(register: int, value: int) -> Code:
    """MOVW, MOVT."""
    words = []
    for op, half in ((0xF240, value & 0xFFFF), (0xF2C0, value >> 16)):
        words.append(op | half >> 12 | (half >> 11 & 1) << 10)
        words.append((half >> 8 & 7) << 12 | register << 8 | half & 0xFF)
    return words


def call(distance: int) -> Code:
    """BL over a distance in halfwords from its own address."""
    offset = distance - 2
    sign = offset >> 23 & 1
    j1, j2 = (1 - (offset >> bit & 1) ^ sign for bit in (22, 21))
    return [
        0xF000 | sign << 10 | offset >> 11 & 0x3FF,
        0xD000 | j1 << 13 | j2 << 11 | offset & 0x7FF,
    ]


def thumb_program(seed: int, pieces: int) -> ThumbProgram:
    """The program of a seed; half of them lie across a page border."""
    rng = random.Random(seed)
    writer = Writer(rng)
    functions = [writer.function() for _ in range(3)]
    starts = [sum(map(len, functions[:n])) for n in range(len(functions))]
    code = [halfword for function in functions for halfword in function]
    entry = len(code)
    code += [*constant(0, STACK), 0x4685]  # MOV sp, r0
    pointers = {7: WALK, 8: BYTES + rng.randrange(4), 9: UNFOLLOWED, 10: FIXED}
    for register, value in pointers.items():
        code += constant(register, value)
    for register in range(7):
        code += constant(register, rng.choice([rng.getrandbits(32), rng.randrange(4)]))
    for _ in range(pieces):
        if rng.random() < 0.1:
            code += call(rng.choice(starts) - len(code))
        code += writer.outer_piece()
    code += WFI_FOREVER
    back = rng.randrange(2 * len(code)) & ~1
    address = rng.choice((0, 0x1000 - min(back, 0x1000)))
    return ThumbProgram(
        struct.pack(f"<{len(code)}H", *code),
        address,
        address + 2 * entry,
        rng.randbytes(2 * AROUND_BYTES),
    )


def predicated_loads(
    is_equal: bool, border: int, behind: int, opposite: int = 0b0101
) -> ThumbProgram:
    """CMP, IT EQ and four loads of different words, of which ``behind`` lie before the border.

    Args:
        is_equal: what the comparison finds.
        opposite: one bit for each load, the first the highest and 0, which says that it is
            predicated by NE.
    """
    loads = [0x6800 | word << 6 | 7 << 3 for word in range(4)]  # LDR r0, [r7, #4 * word]
    # The mask of IT EQ: the opposite condition's low bit for each but the first, then a one.
    code = [*constant(7, WALK), *constant(0, int(is_equal)), 0x2801]  # CMP r0, #1
    code += [0xBF00 | opposite << 1 & 0xF | 1]
    address = border - 2 * (len(code) + behind)
    code += [*loads, *WFI_FOREVER]
    return ThumbProgram(
        struct.pack(f"<{len(code)}H", *code), address, address, bytes(2 * AROUND_BYTES)
    )
