"""The hooks of ``hooked.py``: on every block, and on every load and store as Unicorn sees them."""

# mypy: disable-error-code="untyped-decorator"

from typing import Any

import numpy as np
from numba import carray

from hwprof.firmware_stub.virtual.compiling import compiled
from hwprof.firmware_stub.virtual.counting import (
    FIRST_ROW,
    KEY,
    NAMES,
    PREVIOUS_ROW,
    ROW_WORDS,
    SLICE,
    STATE_WORDS,
    STOP_FUNCTION,
    STREAMS,
    TICKS,
    VALUES,
)
from hwprof.firmware_stub.virtual.evaluate import (
    LOG,
    LOGGED,
    MEMORY,
    MEMORY_WORDS,
    NOW,
    READ_REGISTERS,
    SIZE_SHIFT,
    STORE_SHIFT,
    TICKS_SHIFT,
    TRACE,
    WRITE_REGISTERS,
)
from hwprof.firmware_stub.virtual.evaluate import STATE_WORDS as STREAM_WORDS
from hwprof.firmware_stub.virtual.host import (
    access_hook,
    block_hook,
    pass_registers,
    stop,
    words_at,
)
from hwprof.firmware_stub.virtual.memory_model import BLOCK, fetch
from hwprof.firmware_stub.virtual.microops import PACKED_FLAGS, PC
from hwprof.firmware_stub.virtual.native import add_row, enter, find_row, must_stop
from hwprof.firmware_stub.virtual.native_streams import trace, wait_for_accesses, want_slice

WRITE = 17  # UC_MEM_WRITE
WORD_BYTES = 4
IT_STATE = 0x0600_FC00  # bits of CPSR, Arm DDI 0406C B1.3.3


@compiled
def hooked_block(  # noqa: PLR0917 - what the callback has
    engine: Any, start: Any, size: Any, state: Any, streams: Any, mem: Any
) -> None:
    """Count a block and wait for its instructions."""
    if must_stop(state):
        stop(state[STOP_FUNCTION], engine)
        return
    key = start << 16 | size
    row = find_row(state, start, key)
    if row < 0:
        row = -row
        if not add_row(state, row, key):
            return
    if state[row + SLICE] == 0:
        want_slice(engine, state, streams, row)
        return
    enter(state, row, start, size)
    mem[BLOCK] = (row - FIRST_ROW) // ROW_WORDS
    streams[NOW] += state[row + TICKS] + fetch(mem, start, size, streams[NOW])


@compiled
def ticks_into_block(engine: Any, state: Any, streams: Any) -> Any:
    """When the instruction that runs now accesses memory, counted from its block's entry."""
    row = state[PREVIOUS_ROW]
    names, values = state[row + NAMES], state[row + VALUES]
    pass_registers(streams[READ_REGISTERS], engine, names, values, 2)
    if streams[PACKED_FLAGS] & IT_STATE != 0:
        streams[PACKED_FLAGS] &= ~IT_STATE
        pass_registers(streams[WRITE_REGISTERS], engine, names + 4, values + 8, 1)
    return streams[state[row + SLICE] + (streams[PC] - (state[row + KEY] >> 16) >> 1)]


@compiled
def hooked_access(  # noqa: PLR0917 - what the callback has
    ticks: Any, is_store: Any, address: Any, size: Any, state: Any, streams: Any, mem: Any
) -> None:
    """Wait for one access; a double word is two, as for the core."""
    count = 0
    for offset in range(0, size, WORD_BYTES):
        part = min(size - offset, WORD_BYTES)
        entry = address + offset | part << SIZE_SHIFT
        streams[LOG + count] = entry | is_store << STORE_SHIFT | ticks << TICKS_SHIFT
        count += 1
    streams[LOGGED] = count
    if streams[TRACE] != 0:
        trace(streams)
    began = streams[NOW] - state[state[PREVIOUS_ROW] + TICKS]
    streams[NOW] += wait_for_accesses(streams, mem, began)


@block_hook
def on_hooked_block(engine: Any, address: Any, size: Any, data: Any) -> None:
    """Unicorn's UC_HOOK_BLOCK callback."""
    state = carray(data, (STATE_WORDS,))
    streams = carray(words_at(state[STREAMS]), (STREAM_WORDS,))
    mem = carray(words_at(streams[MEMORY]), (streams[MEMORY_WORDS],))
    hooked_block(engine, np.int64(address), np.int64(size), state, streams, mem)


@access_hook
def on_hooked_access(  # noqa: PLR0917 - Unicorn's signature
    engine: Any, kind: Any, address: Any, size: Any, _value: Any, data: Any
) -> None:
    """Unicorn's UC_HOOK_MEM_READ and UC_HOOK_MEM_WRITE callback."""
    state = carray(data, (STATE_WORDS,))
    if state[PREVIOUS_ROW] == 0:  # the table has no row for this block, and the run is an error
        return
    streams = carray(words_at(state[STREAMS]), (STREAM_WORDS,))
    mem = carray(words_at(streams[MEMORY]), (streams[MEMORY_WORDS],))
    ticks = ticks_into_block(engine, state, streams)
    is_store = np.int64(kind == WRITE)
    hooked_access(ticks, is_store, np.int64(address), np.int64(size), state, streams, mem)
