"""Runs address slices inside the block hook; compiled by numba, plain Python without it.

All state is one int64 array:

    state[0 .. SLOTS)     the slots of ``microops.py``, 32-bit values without sign
    state[LOGGED]         number of accesses in the log of the last slice
    state[UNSEEN]         loads of a slice that read a byte whose stored value it does not follow
    state[NOTED]          entries of the overlay
    state[AREAS]          number of memory areas
    state[NOW ...]        what ``native_streams.py`` keeps
    state[AREA ...]       base, end and the host's address of each
    state[LOG ...]        address | size << 32 | store << 40 | ticks << 41
    state[OVERLAY ...]    address, size, value or -1, of the stores a slice notes
    state[PROGRAMS ...]   slices, two words for each micro-operation
"""

# mypy: disable-error-code="untyped-decorator"

from typing import Any

import numpy as np

from hwprof.firmware_stub.virtual.compiling import compiled
from hwprof.firmware_stub.virtual.host import peek
from hwprof.firmware_stub.virtual.microops import (
    PACKED_FLAGS,
    SLOTS,
    UNKNOWN,
    C,
    Code,
    N,
    V,
    Z,
)

LOGGED, UNSEEN, NOTED, AREAS = range(SLOTS, SLOTS + 4)
NOW, WANTED, READ_REGISTERS, MEMORY, MEMORY_WORDS = range(SLOTS + 4, SLOTS + 9)
TRACE, TRACE_WORDS, TRACED, WRITE_REGISTERS = range(SLOTS + 9, SLOTS + 13)
MAX_AREAS = 16
AREA = SLOTS + 16
MAX_ACCESSES = 2048  # of one block
LOG = AREA + 3 * MAX_AREAS
OVERLAY = LOG + MAX_ACCESSES
PROGRAMS = OVERLAY + 3 * MAX_ACCESSES
MAX_OPERATIONS = 1 << 18
STATE_WORDS = PROGRAMS + 2 * MAX_OPERATIONS

WORD = 0xFFFF_FFFF
SIZE_SHIFT, STORE_SHIFT, TICKS_SHIFT = 32, 40, 41
SLOT_MASK, SIGN = 31, 0x8000_0000

# Numba reads an IntEnum's members as slow objects; plain integers fold into a switch.
END, SET, ADD, SUBTRACT, ADD_CARRY = map(
    int, (Code.END, Code.SET, Code.ADD, Code.SUBTRACT, Code.ADD_CARRY)
)
AND, OR, XOR, AND_NOT, OR_NOT = map(int, (Code.AND, Code.OR, Code.XOR, Code.AND_NOT, Code.OR_NOT))
SHIFT_LEFT, SHIFT_RIGHT, SHIFT_RIGHT_SIGNED, ROTATE = map(
    int, (Code.SHIFT_LEFT, Code.SHIFT_RIGHT, Code.SHIFT_RIGHT_SIGNED, Code.ROTATE)
)
MULTIPLY, MULTIPLY_HIGH, MULTIPLY_HIGH_SIGNED = map(
    int, (Code.MULTIPLY, Code.MULTIPLY_HIGH, Code.MULTIPLY_HIGH_SIGNED)
)
EXTRACT, EXTRACT_SIGNED, INSERT = map(int, (Code.EXTRACT, Code.EXTRACT_SIGNED, Code.INSERT))
LEADING_ZEROS, REVERSE_BITS, REVERSE_BYTES = map(
    int, (Code.LEADING_ZEROS, Code.REVERSE_BITS, Code.REVERSE_BYTES)
)
DIVIDE, DIVIDE_SIGNED = map(int, (Code.DIVIDE, Code.DIVIDE_SIGNED))
LOAD, LOAD_SIGNED, ACCESS, ACCESS_STORE, NOTE = map(
    int, (Code.LOAD, Code.LOAD_SIGNED, Code.ACCESS, Code.ACCESS_STORE, Code.NOTE)
)
FLAGS_ADD, FLAGS_SUBTRACT, FLAGS_RESULT, CARRY_BIT, UNPACK = map(
    int, (Code.FLAGS_ADD, Code.FLAGS_SUBTRACT, Code.FLAGS_RESULT, Code.CARRY_BIT, Code.UNPACK)
)
SKIP_UNLESS = int(Code.SKIP_UNLESS)


@compiled
def signed(value: Any) -> Any:
    """A 32-bit value with its sign."""
    return value - ((value & SIGN) << 1)


@compiled
def condition_holds(state: Any, condition: Any) -> Any:
    """Whether a condition of Arm DDI 0403E A7.3 holds; odd ones negate the one before."""
    n, z, c, v = state[N] != 0, state[Z] != 0, state[C] != 0, state[V] != 0
    kind = condition >> 1
    if kind == 0:
        holds = z
    elif kind == 1:
        holds = c
    elif kind == 2:
        holds = n
    elif kind == 3:
        holds = v
    elif kind == 4:
        holds = c and not z
    elif kind == 5:
        holds = n == v
    else:
        holds = n == v and not z
    return holds != (condition & 1 == 1)


@compiled
def shifted(code: Any, value: Any, amount: Any) -> Any:
    """A shift by the low byte of an amount."""
    amount &= 0xFF
    if code == ROTATE:
        amount &= 31
        return (value >> amount | value << (32 - amount)) & WORD
    if code == SHIFT_RIGHT_SIGNED:
        return (signed(value) >> min(amount, 31)) & WORD
    if amount > 31:
        return 0
    return value << amount & WORD if code == SHIFT_LEFT else value >> amount


@compiled
def load_byte(state: Any, address: Any) -> Any:
    """A byte of guest memory as the slice sees it; peripherals read as zero."""
    for entry in range(state[NOTED] - 1, -1, -1):
        at = OVERLAY + 3 * entry
        inside = (address - state[at]) & WORD
        if inside < state[at + 1]:
            if state[at + 2] < 0:
                state[UNSEEN] += 1
                return 0
            return state[at + 2] >> 8 * inside & 0xFF
    for area in range(state[AREAS]):
        at = AREA + 3 * area
        if state[at] <= address < state[at + 1]:
            return peek(state[at + 2] + address - state[at])
    return 0


@compiled
def load(state: Any, address: Any, size: Any) -> Any:
    """A little-endian value of 1, 2 or 4 bytes."""
    value = 0
    for byte in range(size):
        value |= load_byte(state, (address + byte) & WORD) << 8 * byte
    return value


@compiled
def note(state: Any, address: Any, size: Any, slot: Any) -> None:
    """Remember what a store leaves behind."""
    at = OVERLAY + 3 * state[NOTED]
    state[at] = address
    state[at + 1] = size
    state[at + 2] = -1 if slot == UNKNOWN else state[slot]
    state[NOTED] += 1


@compiled
def set_flags_of_sum(state: Any, a: Any, b: Any, carry: Any) -> None:
    """N, Z, C, V of a + b + carry; a - b is a + ~b + 1."""
    total = a + b + carry
    result = total & WORD
    state[N] = result >> 31
    state[Z] = result == 0
    state[C] = total >> 32
    state[V] = ((a ^ result) & (b ^ result)) >> 31


@compiled
def set_flags(state: Any, packed: Any, imm: Any) -> None:
    """The operations whose result is flags."""
    code = packed & 0xFF
    a, b = state[packed >> 16 & SLOT_MASK], state[packed >> 24 & SLOT_MASK]
    if code == FLAGS_SUBTRACT:
        set_flags_of_sum(state, a, b ^ WORD, 1)
    elif code == FLAGS_ADD:
        set_flags_of_sum(state, a, b, 0)
    elif code == FLAGS_RESULT:
        state[N] = a >> 31
        state[Z] = a == 0
    elif code == CARRY_BIT:
        state[C] = a >> imm & 1
    else:
        packed = state[PACKED_FLAGS]
        state[N] = packed >> 31 & 1
        state[Z] = packed >> 30 & 1
        state[C] = packed >> 29 & 1
        state[V] = packed >> 28 & 1


@compiled
def bits_of(code: Any, value: Any, imm: Any, old: Any) -> Any:
    """EXTRACT, EXTRACT_SIGNED and INSERT."""
    first, width = imm & 0xFF, imm >> 8
    mask = (1 << width) - 1
    if code == INSERT:
        return (old & ~(mask << first) | (value & mask) << first) & WORD
    field = value >> first & mask
    if code == EXTRACT_SIGNED:
        field -= (field >> (width - 1) & 1) << width
    return field & WORD


@compiled
def quotient(code: Any, a: Any, b: Any) -> Any:
    """DIVIDE, DIVIDE_SIGNED; a division by zero gives zero, as on the core."""
    if b == 0:
        return 0
    if code == DIVIDE:
        return a // b
    size = abs(signed(a)) // abs(signed(b))
    return (size if (a ^ b) & SIGN == 0 else -size) & WORD


@compiled
def reordered(code: Any, a: Any) -> Any:
    """LEADING_ZEROS, REVERSE_BITS, REVERSE_BYTES."""
    if code == LEADING_ZEROS:
        zeros = 32
        while a != 0:
            a >>= 1
            zeros -= 1
        return zeros
    width = 8 if code == REVERSE_BYTES else 1
    found = 0
    for _ in range(32 // width):
        found = found << width | a & ((1 << width) - 1)
        a >>= width
    return found


@compiled
def product(code: Any, a: Any, b: Any) -> Any:
    """MULTIPLY and the high words of long products."""
    if code == MULTIPLY_HIGH_SIGNED:
        return signed(a) * signed(b) >> 32 & WORD
    whole = np.uint64(a) * np.uint64(b)
    if code == MULTIPLY_HIGH:
        return np.int64(whole >> np.uint64(32))
    return np.int64(whole & np.uint64(WORD))


@compiled
def combined(code: Any, a: Any, b: Any) -> Any:
    """AND, OR, XOR, AND_NOT, OR_NOT."""
    if code in (AND_NOT, OR_NOT):
        b ^= WORD
    if code in (AND, AND_NOT):
        return a & b
    return a ^ b if code == XOR else a | b


@compiled
def summed(state: Any, code: Any, a: Any, b: Any) -> Any:
    """SUBTRACT, ADD_CARRY."""
    return (a - b if code == SUBTRACT else a + b + state[C]) & WORD


@compiled
def computed(state: Any, packed: Any, imm: Any) -> Any:  # noqa: PLR0911 - one switch
    """The result of an operation on slots; ranges are those of ``Code``."""
    code = packed & 0xFF
    a, b = state[packed >> 16 & SLOT_MASK], state[packed >> 24 & SLOT_MASK]
    if code == SET:
        return imm
    if code <= ADD_CARRY:
        return summed(state, code, a, b)
    if code <= OR_NOT:
        return combined(code, a, b)
    if code <= ROTATE:
        return shifted(code, a, b + imm)
    if code <= MULTIPLY_HIGH_SIGNED:
        return product(code, a, b)
    if code <= INSERT:
        return bits_of(code, a, imm, state[packed >> 8 & SLOT_MASK])
    return reordered(code, a) if code <= REVERSE_BYTES else quotient(code, a, b)


@compiled
def follow_memory(state: Any, packed: Any, imm: Any) -> None:
    """LOAD, LOAD_SIGNED, NOTE."""
    code = packed & 0xFF
    address = (state[packed >> 16 & SLOT_MASK] + imm) & WORD
    size = packed >> 32 & 0xFF
    if code == NOTE:
        note(state, address, size, packed >> 24 & SLOT_MASK)
        return
    value = load(state, address, size)
    if code == LOAD_SIGNED:
        value = (value - ((value >> (8 * size - 1) & 1) << 8 * size)) & WORD
    state[packed >> 8 & SLOT_MASK] = value


@compiled
def evaluate(state: Any, start: Any) -> None:
    """Run the slice at index ``start``; its accesses are in the log afterwards."""
    logged = 0
    state[NOTED] = 0
    at = start
    while True:
        packed, imm = state[at], state[at + 1]
        at += 2
        code = packed & 0xFF
        if code == ADD:
            total = state[packed >> 16 & SLOT_MASK] + state[packed >> 24 & SLOT_MASK] + imm
            state[packed >> 8 & SLOT_MASK] = total & WORD
        elif ACCESS <= code <= ACCESS_STORE:
            address = (state[packed >> 16 & SLOT_MASK] + imm) & WORD
            size, ticks = packed >> 32 & 0xFF, packed >> 40
            store = code - ACCESS
            state[LOG + logged] = (
                address | size << SIZE_SHIFT | store << STORE_SHIFT | ticks << TICKS_SHIFT
            )
            logged += 1
        elif code == END:
            state[LOGGED] = logged
            return
        elif code == SKIP_UNLESS:
            if not condition_holds(state, packed >> 32 & 0xFF):
                at += 2 * imm
        elif LOAD <= code <= LOAD_SIGNED or code == NOTE:
            follow_memory(state, packed, imm)
        elif FLAGS_ADD <= code <= UNPACK:
            set_flags(state, packed, imm)
        else:
            state[packed >> 8 & SLOT_MASK] = computed(state, packed, imm)
