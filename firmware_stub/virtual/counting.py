"""Counts executed blocks inside Unicorn without running any Python.

A hook compiled by numba is called by Unicorn at the start of each translated block with the
block's address and size. It keeps an open-addressing hash table in one int64 array:

    state[0]            number of blocks seen, n
    state[1]            address behind the previous block
    state[2]            index of the previous block's row, 0 at first
    state[3]            executions that found the table full
    state[HEAD + i]     index of the row of the i-th block seen, i < n
    state[row ...]      key, count, taken, mispredicted, predictor, target, retargeted, unused

The key is ``address << 16 | size``, so a block that is translated again with another size is
another row. ``taken`` counts how often the next block did not start where this one ended. The
predictor is a two-bit saturating counter for each block's last branch: -1 and 0 predict not taken,
1 and 2 taken. ``retargeted`` counts how often a taken branch went elsewhere than the time before,
which is what a branch target cache mispredicts of indirect branches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import BoardError

Int64 = npt.NDArray[np.int64]

ROWS = 1 << 15
ROW_WORDS = 8  # one cache line of the host
HEAD = 8
FIRST_ROW = HEAD + ROWS
STATE_WORDS = FIRST_ROW + ROWS * ROW_WORDS
MAX_BLOCKS = ROWS // 2
SURELY_NOT_TAKEN, NOT_TAKEN, SURELY_TAKEN = -1, 0, 2
KEY, COUNT, TAKEN, MISPREDICTED, PREDICTOR, TARGET, RETARGETED = range(7)


@cache
def compiled_hook() -> Any:
    """The native hook; compiled once, then read from numba's cache on disk."""
    from numba import carray, cfunc, types

    signature = types.void(types.voidptr, types.uint64, types.uint32, types.CPointer(types.int64))

    @cfunc(signature, cache=True)  # type: ignore[untyped-decorator]
    def count_block(_engine, address, size, data):  # type: ignore[no-untyped-def]
        state = carray(data, (STATE_WORDS,))
        start = np.int64(address)
        row = state[2]
        if row != 0:
            predictor = state[row + PREDICTOR]
            if start != state[1]:
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
                    state[3] += 1
                    state[2] = 0
                    return
                state[row] = key
                state[HEAD + state[0]] = row
                state[0] += 1
                break
            slot = (slot + 1) & (ROWS - 1)
            row = FIRST_ROW + slot * ROW_WORDS
        state[row + COUNT] += 1
        state[1] = start + np.int64(size)
        state[2] = row

    return count_block


@dataclass(frozen=True, slots=True)
class BlockCounts:
    """What was executed: one entry per block, in order of first execution.

    ``count`` is ``taken + passed``, and one more for the block that runs now.
    """

    address: Int64
    size_bytes: Int64
    count: Int64
    taken: Int64
    passed: Int64
    mispredicted: Int64
    retargeted: Int64


class BlockCounter:
    """Owns the hook's table for one Unicorn engine."""

    def __init__(self) -> None:
        self.state: Int64 = np.zeros(STATE_WORDS, dtype=np.int64)

    @property
    def hook_address(self) -> int:
        """Address of the native hook."""
        return int(compiled_hook().address)

    @property
    def data_address(self) -> int:
        """Address of the table, the hook's user data."""
        return int(self.state.ctypes.data)

    def __len__(self) -> int:
        return int(self.state[0])

    def counts(self) -> BlockCounts:
        """A copy of the counts so far.

        Raises:
            BoardError: more blocks ran than the table holds.
        """
        if self.state[3]:
            raise BoardError(
                f"a program may have {MAX_BLOCKS} different blocks; more were executed; "
                "split the run."
            )
        first = self.state[HEAD : HEAD + len(self)]
        table = self.state[FIRST_ROW:].reshape(ROWS, ROW_WORDS)
        rows = np.ascontiguousarray(table[(first - FIRST_ROW) // ROW_WORDS].T)
        running = first == self.state[2]
        return BlockCounts(
            rows[KEY] >> 16,
            rows[KEY] & 0xFFFF,
            rows[COUNT],
            rows[TAKEN],
            rows[COUNT] - rows[TAKEN] - running,
            rows[MISPREDICTED],
            rows[RETARGETED],
        )
