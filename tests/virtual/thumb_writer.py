"""Pieces of random Thumb-2 code whose every address is made of known registers.

Encodings: Arm DDI 0403E A5 to A7. r0 to r5 are scratch, r6 takes results that slices do not follow,
r7 walks in words, r8 in bytes, r9 in what r6 and the registers of the FPU are stored to, and
nothing but these is loaded from; r10 stays in the middle of data that only words of known registers
are stored to, r11 counts loops.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

SCRATCH = range(6)
ALL_CONDITIONS = range(14)
NZ_CONDITIONS = (0, 1, 4, 5)
NZC_CONDITIONS = (0, 1, 2, 3, 4, 5, 8, 9)

Code = list[int]


@dataclass
class Writer:
    """Draws pieces; each method returns the halfwords of one."""

    rng: random.Random

    # One instruction that may stand under an IT: no flags, no branch

    def scratch(self) -> int:
        """A register that anything may be put into."""
        return self.rng.choice(SCRATCH)

    def immediate_access(self) -> Code:
        """LDR, STR of a byte, halfword or word, signed or not, in each mode with a constant."""
        loads, stores = (0xF850, 0xF810, 0xF830, 0xF910, 0xF930), (0xF840, 0xF800, 0xF820)
        op, rt = self.rng.choice((*loads, *stores)), self.scratch()
        imm8 = self.rng.randrange(256)
        # Positive offset of 12 bits, negative, post-indexed, pre-indexed.
        forms = (rt << 12 | imm8 << 4, rt << 12 | 0xC00 | imm8, rt << 12 | 0x900 | imm8)
        form = self.rng.randrange(4)
        if form == 3:
            return [op | 8, rt << 12 | 0xD00 | self.rng.choice((0, 0x200)) | imm8]
        if form == 2:
            return [op | 8, forms[2] | self.rng.choice((0, 0x200))]
        return [op | 8 | (0x80 if form == 0 else 0), forms[form]]

    def double(self) -> Code:
        """LDRD, STRD with offset, pre- and post-index."""
        mode = self.rng.choice((0x100, 0x180, 0x120, 0x1A0, 0x20, 0xA0))
        load = self.rng.choice((0, 0x10))
        rt, rt2 = self.rng.sample(SCRATCH, 2)
        return [0xE840 | mode | load | 7, rt << 12 | rt2 << 8 | self.rng.randrange(64)]

    def multiple(self) -> Code:
        """LDM, STM, upwards and downwards, with and without write-back."""
        registers = self.rng.sample(SCRATCH, self.rng.randint(2, 5))
        op = self.rng.choice((0xE880, 0xE900)) | self.rng.choice((0, 0x20, 0x10, 0x30))
        return [op | 7, sum(1 << r for r in registers)]

    def short_multiple(self) -> Code:
        """The 16-bit LDM and STM, which write back."""
        registers = self.rng.sample(SCRATCH, self.rng.randint(1, 5))
        return [self.rng.choice((0xCF00, 0xC700)) | sum(1 << r for r in registers)]

    def stack(self) -> Code:
        """PUSH or POP."""
        registers = self.rng.sample(SCRATCH, self.rng.randint(1, 6))
        return [self.rng.choice((0xB400, 0xBC00)) | sum(1 << r for r in registers)]

    def floats(self) -> Code:
        """VLDR, VSTR, VLDM, VSTM, VPOP, single and double."""
        load = self.rng.choice((0, 0x10))
        base = load | (self.rng.choice((7, 9)) if load else 9)
        registers, count = self.float_registers()
        return self.rng.choice(
            [
                [0xED00 | base | self.rng.choice((0, 0x80)), registers | self.rng.randrange(64)],
                [0xEC80 | base | self.rng.choice((0, 0x20)), registers | count],
                [0xED20 | base, registers | count],
                [0xECBD, registers | count],
            ]
        )

    def float_registers(self) -> tuple[int, int]:
        """The first register and its precision, and how many words it and others have."""
        double = self.rng.choice((0xA00, 0xB00))
        count = self.rng.randint(1, 4) * (2 if double == 0xB00 else 1)
        return self.rng.randrange(8) << 12 | double, count

    def arithmetic(self) -> Code:
        """Data processing that slices follow, without flags."""
        pick = self.rng.choice
        rd, rn, rm, ra = (self.scratch() for _ in range(4))
        shift = self.rng.randrange(8) << 12 | self.rng.randrange(4) << 6 | pick((0, 1, 2)) << 4
        imm = self.rng.randrange(8) << 12 | rd << 8 | self.rng.randrange(256)
        first = self.rng.randrange(24)
        field_at = (first >> 2) << 12 | rd << 8 | (first & 3) << 6
        width = self.rng.randint(1, 8)
        rotation = self.rng.randrange(4) << 4
        return pick(
            [
                [0xEA00 | pick((0, 1, 2, 3, 4, 8, 13, 14)) << 5 | rn, shift | rd << 8 | rm],
                [0xEA4F | pick((0, 0x20)), shift | rd << 8 | rm],
                [0xF000 | pick((0, 1, 2, 3, 4, 8, 13, 14)) << 5 | rn, rd << 8 | imm & 0xFF],
                [0xF200 | pick((0, 0xA0)) | rn, imm],
                [pick((0xF240, 0xF2C0)) | self.rng.randrange(16), imm],
                [0xFA00 | pick((0, 2, 4, 6)) << 4 | rn, 0xF000 | rd << 8 | rm],
                [0xFB00 | rn, 0xF000 | rd << 8 | rm],
                [0xFB00 | rn, ra << 12 | rd << 8 | pick((0, 0x10)) | rm],
                [pick((0xFB90, 0xFBB0)) | rn, 0xF0F0 | rd << 8 | rm],
                [pick((0xF3C0, 0xF340)) | rn, field_at | width - 1],
                [pick((0xF360 | rn, 0xF36F)), field_at | first + width - 1],
                [
                    0xFA00 | pick((0, 1, 4, 5)) << 4 | pick((rn, 15)),
                    0xF080 | rd << 8 | rotation | rm,
                ],
                [0xFAB0 | rm, 0xF080 | rd << 8 | rm],
                [0xFA90 | rm, pick((0xF080, 0xF0A0)) | rd << 8 | rm],
            ]
        )

    def literal(self) -> Code:
        """LDR and VLDR of what stands behind, code here."""
        imm8 = self.rng.randrange(256)
        return self.rng.choice([[0xF8DF, self.scratch() << 12 | imm8], [0xED9F, 0x0A00 | imm8]])

    def long_product(self) -> Code:
        """UMULL, SMULL."""
        low, high = self.rng.sample(SCRATCH, 2)
        op = self.rng.choice((0xFBA0, 0xFB80)) | self.scratch()
        return [op, low << 12 | high << 8 | self.scratch()]

    def unfollowed(self) -> Code:
        """SMLAD or SSAT into r6, which no address is made of, or a store of it."""
        rn, rm, number = self.scratch(), self.scratch(), self.rng.randrange(31)
        return self.rng.choice(
            [
                [0xFB20 | rn, rm << 12 | 6 << 8 | rm],
                [0xF300 | rn, 6 << 8 | number],
                [self.rng.choice((0xF8C9, 0xF889, 0xF8A9)), 6 << 12 | number],
            ]
        )

    def simple(self) -> Code:
        """Any one of these."""
        kinds = (
            *(self.immediate_access,) * 4,
            self.double,
            self.multiple,
            self.short_multiple,
            self.stack,
            *(self.floats,) * 2,
            self.arithmetic,
            self.long_product,
            self.literal,
            self.unfollowed,
        )
        return self.rng.choice(kinds)()

    # Several instructions

    def float_stack(self) -> Code:
        """VPUSH and VPOP of as much: no POP reads what was pushed."""
        registers, count = self.float_registers()
        return [0xED2D, registers | count, 0xECBD, registers | count]

    def with_carry(self) -> Code:
        """CMP, ADC."""
        rd, rn, rm = (self.scratch() for _ in range(3))
        return [0x4280 | rm << 3 | rn, 0xEB40 | rn, rd << 8 | rm]

    def masked_index(self) -> Code:
        """LDR, AND #252 or UBFX, then an access at r10 plus that, shifted."""
        rx, ry = self.rng.sample(SCRATCH, 2)
        load = [0xF8DA, rx << 12 | self.rng.randrange(64) * 4]
        mask = self.rng.choice([[0xF000 | rx, rx << 8 | 0xFC], [0xF3C0 | rx, rx << 8 | 5]])
        op = self.rng.choice((0xF850, 0xF810, 0xF830, 0xF910, 0xF930, 0xF840, 0xF820, 0xF800))
        return load + mask + [op | 10, ry << 12 | self.rng.randrange(4) << 4 | rx]

    def chase(self) -> Code:
        """Store a pointer, load it again, in parts or after a change of its low byte, follow it."""
        rx, ry, rz = self.rng.sample(SCRATCH, 3)
        at = self.rng.randrange(64) * 4
        change = [0xF88A, rz << 12 | at] if self.rng.random() < 0.3 else []
        between = self.simple() if self.rng.random() < 0.3 else []
        return [
            *[0xF10A, rx << 8 | self.rng.randrange(256)],  # ADD rx, r10, #
            *[0xF8CA, rx << 12 | at],
            *change,
            *between,
            *[0xF8DA, ry << 12 | at],
            *[self.rng.choice((0xF8D0, 0xF8C0, 0xF890)) | ry, rz << 12 | self.rng.randrange(256)],
        ]

    def flags(self) -> tuple[Code, tuple[int, ...] | range]:
        """An instruction that sets flags, and the conditions that slices can tell behind it."""
        rd, rn, rm = (self.scratch() for _ in range(3))
        imm = self.rng.randrange(256)
        return self.rng.choice(
            [
                ([0x2800 | rn << 8 | imm], ALL_CONDITIONS),
                ([0x4280 | rm << 3 | rn], ALL_CONDITIONS),
                ([0x42C0 | rm << 3 | rn], ALL_CONDITIONS),
                ([0x1800 | rm << 6 | rn << 3 | rd], ALL_CONDITIONS),
                ([0x1A00 | rm << 6 | rn << 3 | rd], ALL_CONDITIONS),
                ([0x4240 | rn << 3 | rd], ALL_CONDITIONS),
                ([0xF1B0 | rn, rd << 8 | imm], ALL_CONDITIONS),
                ([self.rng.randint(1, 31) << 6 | rn << 3 | rd], NZC_CONDITIONS),
                ([0x0800 | self.rng.randint(1, 31) << 6 | rn << 3 | rd], NZC_CONDITIONS),
                ([0x1000 | self.rng.randint(1, 31) << 6 | rn << 3 | rd], NZC_CONDITIONS),
                ([0x4000 | rn << 3 | rd], NZ_CONDITIONS),
                ([0x4200 | rn << 3 | rd], NZ_CONDITIONS),
                ([0x4340 | rn << 3 | rd], NZ_CONDITIONS),
                ([0xEA90 | rn, 0x0F00 | rm], NZ_CONDITIONS),
                ([0xF010 | rn, 0x0F00 | imm], NZ_CONDITIONS),
                ([0x2000 | rd << 8 | imm], NZ_CONDITIONS),
                # A branch to the next instruction: the flags are those of another block.
                ([0x4280 | rm << 3 | rn, 0xD0FF], ALL_CONDITIONS),
            ]
        )

    def predicated(self) -> Code:
        """IT with one to four instructions."""
        setter, conditions = self.flags()
        condition = self.rng.choice(conditions)
        count = self.rng.randint(1, 4)
        mask = 1 << (4 - count)
        for place in range(1, count):
            other = self.rng.choice((0, 1))
            mask |= ((condition & 1) ^ other) << (4 - place)
        body = [halfword for _ in range(count) for halfword in self.simple()]
        return [*setter, 0xBF00 | condition << 4 | mask, *body]

    def jump(self) -> Code:
        """A piece that a conditional branch may pass over."""
        body = self.piece()
        distance = len(body) - 1
        if self.rng.random() < 0.5 and distance < 32:
            return [0xB100 | self.rng.choice((0, 0x800)) | distance << 3 | self.scratch(), *body]
        setter, _ = self.flags()
        condition = self.rng.choice(ALL_CONDITIONS)
        return [*setter, 0xD000 | condition << 8 | distance, *body]

    def table(self) -> Code:
        """TBB or TBH to one of four pieces, by a table behind it or where a register points."""
        rx, ry = self.rng.sample(SCRATCH, 2)
        cases = [self.simple() for _ in range(4)]
        wide = self.rng.random() < 0.5
        offsets, at = [], 4 if wide else 2
        for case in cases:
            offsets.append(at)
            at += len(case) + 1
        table = offsets if wide else [offsets[0] | offsets[1] << 8, offsets[2] | offsets[3] << 8]
        code = [0xF000 | rx, rx << 8 | 3]  # AND rx, #3
        base = self.rng.choice((15, ry))
        if base == ry:
            code += [0x4678 | ry, 0xF200 | ry, ry << 8 | 6]  # MOV ry, pc; ADD ry, #6
        code += [0xE8D0 | base, 0xF000 | 0x10 * wide | rx, *table]
        for offset, case in zip(offsets, cases, strict=True):
            code += [*case, 0xE000 | (at - offset - len(case) - 2) & 0x7FF]
        return code

    def loop(self) -> Code:
        """Pieces, two to four times."""
        body = [h for _ in range(self.rng.randint(1, 4)) for h in self.piece()]
        back = -(len(body) + 5) & 0x7FF
        return [
            *[0xF04F, 11 << 8 | self.rng.randint(2, 4)],
            *body,
            *[0xF1BB, 0x0B01],  # SUBS r11, #1
            0xD000,  # BEQ to behind the branch
            0xE000 | back,
        ]

    def piece(self) -> Code:
        """Anything without a loop."""
        several = (
            self.masked_index,
            self.chase,
            self.predicated,
            self.table,
            self.with_carry,
            self.float_stack,
        )
        return self.rng.choice((self.simple,) * 4 + several)()

    def function(self) -> Code:
        """PUSH {r0-r3, lr}, something, POP {r0-r3, pc}."""
        body = self.masked_index() + self.arithmetic()
        return [0xB50F, *body, 0xBD0F]

    def outer_piece(self) -> Code:
        """Anything but a call."""
        kinds: tuple[Callable[[], Code], ...] = (self.piece,) * 4 + (self.jump, self.loop)
        return self.rng.choice(kinds)()
