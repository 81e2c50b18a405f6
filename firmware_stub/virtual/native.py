"""The block hook, compiled when this module is imported and then read from numba's cache on disk.

``counting.py`` says what it does; the module is apart so that numba loads only for a virtual board.
"""

# mypy: disable-error-code="untyped-decorator"

from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, types
from numba.extending import intrinsic

from hwprof.firmware_stub.virtual.counting import (
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


@intrinsic
def _call(_typing: Any, address: Any, engine: Any) -> Any:
    """Calls the C function at ``address`` with ``engine``."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> None:
        target, handle = arguments
        function = ir.FunctionType(ir.IntType(32), [handle.type])
        builder.call(builder.inttoptr(target, function.as_pointer()), [handle])

    return types.void(address, engine), generate


@cfunc(
    types.void(types.voidptr, types.uint64, types.uint32, types.CPointer(types.int64)), cache=True
)
def count_block(engine: Any, address: Any, size: Any, data: Any) -> None:
    """Unicorn's UC_HOOK_BLOCK callback."""
    state = carray(data, (STATE_WORDS,))
    if state[STOP] != 0:
        _call(state[STOP_FUNCTION], engine)
        return
    start = np.int64(address)
    row = state[PREVIOUS_ROW]
    if row != 0:
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
    key = (start << 16) | np.int64(size)
    slot = ((start >> 1) ^ (start >> 16)) & (ROWS - 1)
    row = FIRST_ROW + slot * ROW_WORDS
    while state[row] != key:
        if state[row] == 0:
            if state[0] == MAX_BLOCKS:
                state[OVERFLOWS] += 1
                state[PREVIOUS_ROW] = 0
                return
            state[row] = key
            state[HEAD + state[0]] = row
            state[0] += 1
            break
        slot = (slot + 1) & (ROWS - 1)
        row = FIRST_ROW + slot * ROW_WORDS
    state[row + COUNT] += 1
    state[PREVIOUS_END] = start + np.int64(size)
    state[PREVIOUS_ROW] = row
