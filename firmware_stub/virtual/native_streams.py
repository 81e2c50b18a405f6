"""The block hook that also follows every access through the board's caches and memories.

A block that is met for the first time has no slice yet: the hook asks for one (``WANTED``), stops
the engine in front of the block, and the host installs the slice and resumes.
"""

# mypy: disable-error-code="untyped-decorator"

from typing import Any

import numpy as np
from numba import carray

from hwprof.firmware_stub.virtual.compiling import compiled
from hwprof.firmware_stub.virtual.counting import (
    BUDGET,
    FIRST_ROW,
    NAMES,
    REGISTERS,
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
    TRACE_WORDS,
    TRACED,
    WANTED,
    WORD,
    evaluate,
)
from hwprof.firmware_stub.virtual.evaluate import STATE_WORDS as STREAM_WORDS
from hwprof.firmware_stub.virtual.host import block_hook, pass_registers, stop, words_at
from hwprof.firmware_stub.virtual.memory_model import BLOCK, access, fetch
from hwprof.firmware_stub.virtual.native import add_row, enter, find_row, must_stop

EMPTY = -1  # a slice without accesses
SIZE_MASK = 0xFF


@compiled
def want_slice(engine: Any, state: Any, streams: Any, row: Any) -> None:
    """Stop in front of a block, which has not run then, until the host has installed its slice."""
    state[BUDGET] += 1
    streams[WANTED] = row
    stop(state[STOP_FUNCTION], engine)


@compiled
def trace(streams: Any) -> None:
    """Append the log to the trace buffer; what has no room is counted only."""
    buffer = carray(words_at(streams[TRACE]), (streams[TRACE_WORDS],))
    for i in range(streams[LOGGED]):
        at = streams[TRACED]
        if at < streams[TRACE_WORDS]:
            buffer[at] = streams[LOG + i] & ((1 << TICKS_SHIFT) - 1)
        streams[TRACED] = at + 1


@compiled
def follow(engine: Any, state: Any, streams: Any, row: Any) -> None:
    """Work out the block's accesses and put them into the log."""
    streams[LOGGED] = 0
    if state[row + SLICE] == EMPTY:
        return
    if state[row + REGISTERS] != 0:
        pass_registers(
            streams[READ_REGISTERS],
            engine,
            state[row + NAMES],
            state[row + VALUES],
            state[row + REGISTERS],
        )
    evaluate(streams, state[row + SLICE])
    if streams[TRACE] != 0:
        trace(streams)


@compiled
def wait_for_accesses(streams: Any, mem: Any, now: Any) -> Any:
    """Ticks that the logged accesses wait, if their block began at ``now`` and waited before."""
    waited = 0
    for i in range(streams[LOGGED]):
        entry = streams[LOG + i]
        at = now + waited + (entry >> TICKS_SHIFT)
        size_bytes = entry >> SIZE_SHIFT & SIZE_MASK
        waited += access(mem, entry & WORD, size_bytes, entry >> STORE_SHIFT & 1, at)
    return waited


@compiled
def stream_block(  # noqa: PLR0917 - what the callback has
    engine: Any, start: Any, size: Any, state: Any, streams: Any, mem: Any
) -> None:
    """Count a block and follow its accesses."""
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
    follow(engine, state, streams, row)
    mem[BLOCK] = (row - FIRST_ROW) // ROW_WORDS
    waited = fetch(mem, start, size, streams[NOW])
    waited += wait_for_accesses(streams, mem, streams[NOW] + waited)
    streams[NOW] += state[row + TICKS] + waited


@block_hook
def on_streamed_block(engine: Any, address: Any, size: Any, data: Any) -> None:
    """Unicorn's UC_HOOK_BLOCK callback."""
    state = carray(data, (STATE_WORDS,))
    streams = carray(words_at(state[STREAMS]), (STREAM_WORDS,))
    mem = carray(words_at(streams[MEMORY]), (streams[MEMORY_WORDS],))
    stream_block(engine, np.int64(address), np.int64(size), state, streams, mem)
