"""Counts executed blocks inside Unicorn without running any Python.

A hook compiled by numba (``native.py``) is called by Unicorn at the start of each translated block
with the block's address and size. It keeps an open-addressing hash table in one int64 array:

    state[0]            number of blocks seen, n
    state[1]            address behind the previous block
    state[2]            index of the previous block's row, 0 at first
    state[3]            executions that found the table full
    state[4]            not 0: stop before the next block
    state[5]            address of Unicorn's ``uc_emu_stop``
    state[6]            address of the state of ``evaluate.py``, 0 where accesses are not followed
    state[7]            blocks left before a stop, one more than may run; 0 or less: no limit
    state[HEAD + i]     index of the row of the i-th block seen, i < n
    state[row ...]      key, count, taken, mispredicted, predictor, target, retargeted, and what
                        ``streams.py`` keeps for the block

The key is ``address << 16 | size``, so a block that is translated again with another size is
another row. ``taken`` counts how often the next block did not start where this one ended. The
predictor is a two-bit saturating counter for each block's last branch: -1 and 0 predict not taken,
1 and 2 taken. ``retargeted`` counts how often a taken branch went elsewhere than the time before,
which is what a branch target cache mispredicts of indirect branches.

Stopping goes through the hook because only there it is clean: ``uc_emu_stop`` called from another
thread, or from a register's callback, makes Unicorn 2.1 execute a load or store twice, and a byte
of the serial line is lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwprof.errors import BoardError

Int64 = npt.NDArray[np.int64]

PREVIOUS_END, PREVIOUS_ROW, OVERFLOWS, STOP, STOP_FUNCTION, STREAMS, BUDGET = range(1, 8)
ROWS = 1 << 15
ROW_WORDS = 16  # two cache lines of the host; counting alone touches the first
HEAD = 8
FIRST_ROW = HEAD + ROWS
STATE_WORDS = FIRST_ROW + ROWS * ROW_WORDS
MAX_BLOCKS = ROWS // 2
SURELY_NOT_TAKEN, NOT_TAKEN, SURELY_TAKEN = -1, 0, 2
KEY, COUNT, TAKEN, MISPREDICTED, PREDICTOR, TARGET, RETARGETED = range(7)
# Of streams.py: ticks of the block in a fresh pipeline, its slice, and the registers to read first.
TICKS, SLICE, NAMES, VALUES, REGISTERS = range(8, 13)


@dataclass(frozen=True, slots=True)
class BlockCounts:
    """What was executed: one entry per block, in order of first execution or of ``add``.

    ``count`` is ``taken + passed``, and one more for the block that runs now; ``row`` is the number
    of the block's row in the table.
    """

    row: Int64
    address: Int64
    size_bytes: Int64
    count: Int64
    taken: Int64
    passed: Int64
    mispredicted: Int64
    retargeted: Int64


class BlockCounter:
    """Owns the hook's table for one Unicorn engine."""

    def __init__(self, stop_function: int) -> None:
        self.state: Int64 = np.zeros(STATE_WORDS, dtype=np.int64)
        self.state[STOP_FUNCTION] = stop_function

    @property
    def data_address(self) -> int:
        """Address of the table, the hook's user data."""
        return int(self.state.ctypes.data)

    def __len__(self) -> int:
        return int(self.state[0])

    def add(self, address: int, size_bytes: int) -> int:
        """Take a row for a block that has not run yet.

        Returns:
            The row's index; 0 if the block has one already, or none is left.
        """
        from hwprof.firmware_stub.virtual.native import add_row, find_row

        key = address << 16 | size_bytes
        row = -int(find_row(self.state, address, key))
        if row < 0 or len(self) == MAX_BLOCKS:
            return 0
        add_row(self.state, row, key)
        return row

    def request_stop(self) -> None:
        """Have the engine stop before its next block; callable from any thread."""
        self.state[STOP] = 1

    def allow_start(self, max_blocks: int | None = None) -> None:
        """Forget a stop that was asked for; stop again before one block more than ``max_blocks``.

        A block that a stop held back is counted when it runs, so that a run in pieces counts what
        the run in one does.
        """
        self.state[BUDGET] = 0 if max_blocks is None else max_blocks + 1
        self.state[STOP] = 0

    def forget_branches(self) -> None:
        """Put the branch predictor into the state of power-on; counts stay."""
        rows = self.state[FIRST_ROW:].reshape(ROWS, ROW_WORDS)
        rows[:, PREDICTOR] = 0
        rows[:, TARGET] = 0

    def leave(self, address: int) -> None:
        """Note that the last block went to an address at which nothing is counted."""
        from hwprof.firmware_stub.virtual.native import leave_previous

        leave_previous(self.state, address)
        self.state[PREVIOUS_ROW] = 0

    def counts(self) -> BlockCounts:
        """A copy of the counts so far.

        Raises:
            BoardError: more blocks ran than the table holds.
        """
        if self.state[OVERFLOWS]:
            raise BoardError(
                f"a program may have {MAX_BLOCKS} different blocks; more were executed; "
                "split the run."
            )
        first = self.state[HEAD : HEAD + len(self)]
        table = self.state[FIRST_ROW:].reshape(ROWS, ROW_WORDS)
        numbers = (first - FIRST_ROW) // ROW_WORDS
        rows = np.ascontiguousarray(table[numbers].T)
        running = first == self.state[PREVIOUS_ROW]
        return BlockCounts(
            numbers,
            rows[KEY] >> 16,
            rows[KEY] & 0xFFFF,
            rows[COUNT],
            rows[TAKEN],
            rows[COUNT] - rows[TAKEN] - running,
            rows[MISPREDICTED],
            rows[RETARGETED],
        )
