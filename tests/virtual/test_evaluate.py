"""The evaluator of slices: compiled and interpreted alike, every operation by its definition."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.firmware_stub.virtual import evaluate, microops
from hwprof.firmware_stub.virtual.microops import Code, MicroOp
from hwprof.firmware_stub.virtual.streams import encoded

WORD = 2**32
words = st.integers(0, WORD - 1)


def signed(value):
    """A word as a number with a sign."""
    return value - WORD if value >> 31 else value


def divided(a, b):
    """Division that rounds towards zero."""
    return 0 if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


DEFINITIONS = {
    Code.ADD: lambda a, b, i: a + b + i,
    Code.SUBTRACT: lambda a, b, _: a - b,
    Code.AND: lambda a, b, _: a & b,
    Code.OR: lambda a, b, _: a | b,
    Code.XOR: lambda a, b, _: a ^ b,
    Code.AND_NOT: lambda a, b, _: a & ~b,
    Code.OR_NOT: lambda a, b, _: a | ~b,
    Code.SHIFT_LEFT: lambda a, b, i: a << (b + i & 255),
    Code.SHIFT_RIGHT: lambda a, b, i: a >> (b + i & 255),
    Code.SHIFT_RIGHT_SIGNED: lambda a, b, i: signed(a) >> (b + i & 255),
    Code.ROTATE: lambda a, b, i: (a << 32 | a) >> (b + i & 31),
    Code.MULTIPLY: lambda a, b, _: a * b,
    Code.MULTIPLY_HIGH: lambda a, b, _: a * b >> 32,
    Code.MULTIPLY_HIGH_SIGNED: lambda a, b, _: signed(a) * signed(b) >> 32,
    Code.DIVIDE: lambda a, b, _: divided(a, b),
    Code.DIVIDE_SIGNED: lambda a, b, _: divided(signed(a), signed(b)),
    Code.LEADING_ZEROS: lambda a, _b, _i: 32 - a.bit_length(),
    Code.REVERSE_BITS: lambda a, _b, _i: int(f"{a:032b}"[::-1], 2),
    Code.REVERSE_BYTES: lambda a, _b, _i: int.from_bytes(a.to_bytes(4, "little"), "big"),
    Code.SET: lambda _a, _b, i: i,
}


def evaluated(function, op, a, b):
    """Slot 2 after one operation on slots 0 and 1."""
    state = np.zeros(evaluate.STATE_WORDS, dtype=np.int64)
    state[0], state[1] = a, b
    program = encoded((op,), ticks=0)
    state[evaluate.PROGRAMS : evaluate.PROGRAMS + len(program)] = program
    function(state, evaluate.PROGRAMS)
    return int(state[2])


@pytest.mark.parametrize("code", DEFINITIONS, ids=lambda code: code.name)
@given(a=words, b=words | st.integers(0, 40), imm=st.integers(0, 40))
def test_each_operation_is_its_definition(code, a, b, imm):
    """Compiled and interpreted, modulo 2^32."""
    op = MicroOp(code, d=2, a=0, b=1, imm=imm)
    expected = DEFINITIONS[code](a, b, imm) % WORD
    assert evaluated(evaluate.evaluate, op, a, b) == expected
    assert evaluated(interpreted(evaluate.evaluate), op, a, b) == expected


@given(a=words, first=st.integers(0, 31), width=st.integers(1, 32), old=words)
def test_bit_fields(a, first, width, old):
    """UBFX, SBFX and BFI of every field that fits a word."""
    width = min(width, 32 - first)
    imm, mask = first | width << 8, (1 << width) - 1
    field = a >> first & mask
    assert evaluate.bits_of(int(Code.EXTRACT), a, imm, old) == field
    sign = field - (field >> (width - 1) << width)
    assert evaluate.bits_of(int(Code.EXTRACT_SIGNED), a, imm, old) == sign % WORD
    inserted = old & ~(mask << first) | (a & mask) << first
    assert evaluate.bits_of(int(Code.INSERT), a, imm, old) == inserted % WORD


class Flags(NamedTuple):
    """The four flags."""

    n: bool
    z: bool
    c: bool
    v: bool


# EQ, CS, MI, VS, HI, GE, GT; each odd condition is the opposite of the one before.
CONDITIONS = (
    lambda flags: flags.z,
    lambda flags: flags.c,
    lambda flags: flags.n,
    lambda flags: flags.v,
    lambda flags: flags.c and not flags.z,
    lambda flags: flags.n == flags.v,
    lambda flags: flags.n == flags.v and not flags.z,
)


@pytest.mark.parametrize("number", range(14))
@given(flags=st.builds(Flags, *[st.booleans()] * 4))
def test_conditions(number, flags):
    """Every condition and its opposite, on every state of the flags."""
    state = np.zeros(evaluate.STATE_WORDS, dtype=np.int64)
    state[list(microops.FLAGS)] = flags
    expected = CONDITIONS[number // 2](flags) != bool(number % 2)
    for function in (evaluate.condition_holds, interpreted(evaluate.condition_holds)):
        assert bool(function(state, number)) is expected


def test_a_skipped_run_changes_nothing():
    """Operations of a predicated instruction stand or fall together."""
    ops = tuple(
        MicroOp(Code.SET, d=slot, imm=7, condition=condition, position=condition)
        for slot, condition in ((3, 0), (4, 0), (5, 1))
    )
    state = np.zeros(evaluate.STATE_WORDS, dtype=np.int64)
    state[microops.Z] = 1
    program = encoded(ops, ticks=0)
    state[evaluate.PROGRAMS : evaluate.PROGRAMS + len(program)] = program
    evaluate.evaluate(state, evaluate.PROGRAMS)
    assert state[3:6].tolist() == [7, 7, 0]


def test_accesses_carry_when_they_happen():
    """Evenly over the block: the second of two instructions happens half way through."""
    ops = tuple(MicroOp(Code.ACCESS, a=0, c=4, imm=4 * n, position=n) for n in range(2))
    state = np.zeros(evaluate.STATE_WORDS, dtype=np.int64)
    program = encoded(ops, ticks=32)
    state[evaluate.PROGRAMS : evaluate.PROGRAMS + len(program)] = program
    evaluate.evaluate(state, evaluate.PROGRAMS)
    ticks = state[evaluate.LOG : evaluate.LOG + 2] >> evaluate.TICKS_SHIFT
    assert ticks.tolist() == [0, 16]


def interpreted(function):
    """What a compiled function was made from."""
    return getattr(function, "py_func", function)
