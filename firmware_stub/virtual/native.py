"""The block hooks, compiled when this module is imported and then read from numba's cache on disk.

``counting.py`` and ``streams.py`` say what they do; the module is apart so that numba loads only
for a virtual board.
"""

# mypy: disable-error-code="untyped-decorator"

from typing import Any

import numpy as np
from numba import carray

from hwprof.firmware_stub.virtual.compiling import compiled
from hwprof.firmware_stub.virtual.counting import (
    BUDGET,
    COUNT,
    FIRST_ROW,
    HEAD,
    MAX_BLOCKS,
    MISPREDICTED,
    NOT_TAKEN,
    OVERFLOWS,
    PREDICTOR,
    PREVIOUS_END,
    PREVIOUS_ROW,
    RETARGETED,
    ROW_WORDS,
    ROWS,
    STATE_WORDS,
    STOP,
    STOP_FUNCTION,
    SURELY_NOT_TAKEN,
    SURELY_TAKEN,
    TAKEN,
    TARGET,
)
from hwprof.firmware_stub.virtual.host import block_hook, stop


@compiled
def find_row(state: Any, start: Any, key: Any) -> Any:
    """Index of a block's row, or minus that of the free row where it belongs."""
    slot = ((start >> 1) ^ (start >> 16)) & (ROWS - 1)
    row = FIRST_ROW + slot * ROW_WORDS
    while state[row] != key:
        if state[row] == 0:
            return -row
        slot = (slot + 1) & (ROWS - 1)
        row = FIRST_ROW + slot * ROW_WORDS
    return row


@compiled
def add_row(state: Any, row: Any, key: Any) -> Any:
    """Take a free row for a block; False if the table is full."""
    if state[0] == MAX_BLOCKS:
        state[OVERFLOWS] += 1
        state[PREVIOUS_ROW] = 0
        return False
    state[row] = key
    state[HEAD + state[0]] = row
    state[0] += 1
    return True


@compiled
def leave_previous(state: Any, start: Any) -> None:
    """Note where the previous block went, and what the predictor thought of it."""
    row = state[PREVIOUS_ROW]
    if row == 0:
        return
    predictor = state[row + PREDICTOR]
    if start != state[PREVIOUS_END]:
        state[row + TAKEN] += 1
        state[row + MISPREDICTED] += predictor <= NOT_TAKEN
        state[row + RETARGETED] += state[row + TARGET] != start
        state[row + TARGET] = start
        if predictor < SURELY_TAKEN:
            state[row + PREDICTOR] = predictor + 1
    else:
        state[row + MISPREDICTED] += predictor > NOT_TAKEN
        if predictor > SURELY_NOT_TAKEN:
            state[row + PREDICTOR] = predictor - 1


@compiled
def enter(state: Any, row: Any, start: Any, size: Any) -> None:
    """Count one execution of the block whose row this is."""
    leave_previous(state, start)
    state[row + COUNT] += 1
    state[PREVIOUS_END] = start + size
    state[PREVIOUS_ROW] = row


@compiled
def must_stop(state: Any) -> Any:
    """Whether somebody asked for a stop, or the blocks that may run have run."""
    state[BUDGET] -= 1
    if state[BUDGET] == 0:
        state[STOP] = 1
    return state[STOP] != 0


@compiled
def count_block(engine: Any, start: Any, size: Any, state: Any) -> None:
    """Count a block."""
    if must_stop(state):
        stop(state[STOP_FUNCTION], engine)
        return
    key = start << 16 | size
    row = find_row(state, start, key)
    if row < 0:
        row = -row
        if not add_row(state, row, key):
            return
    enter(state, row, start, size)


@block_hook
def on_block(engine: Any, address: Any, size: Any, data: Any) -> None:
    """Unicorn's UC_HOOK_BLOCK callback."""
    count_block(engine, np.int64(address), np.int64(size), carray(data, (STATE_WORDS,)))
