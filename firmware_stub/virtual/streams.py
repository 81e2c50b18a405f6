"""Address streams: every load and store of a run, worked out at the entry of each block.

Unicorn's hooks on memory accesses cost seven to twelve times the run. Here the block hook, which
runs anyway, evaluates the block's slice (``slices.py``) on the registers that the engine holds at
that moment, which gives the same accesses in the same order.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from unicorn import arm_const
from unicorn.unicorn_py3.unicorn import uclib

from hwprof.errors import BoardError
from hwprof.firmware_stub.virtual import counting, evaluate, microops
from hwprof.firmware_stub.virtual.microops import ALWAYS, Code, MicroOp
from hwprof.firmware_stub.virtual.slices import Slice, Slicer

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
EMPTY = -1
_REGISTERS = {
    **{slot: arm_const.UC_ARM_REG_R0 + slot for slot in range(13)},
    13: arm_const.UC_ARM_REG_SP,
    14: arm_const.UC_ARM_REG_LR,
    microops.PACKED_FLAGS: arm_const.UC_ARM_REG_APSR,
}


class SliceLibrary:
    """Slices by address and code; shared by the boards of a process."""

    def __init__(self) -> None:
        self._slicer = Slicer()
        self._known: dict[tuple[int, bytes, bytes], Slice] = {}
        self._lock = threading.Lock()

    def slice(self, code: bytes, address: int, before: bytes = b"") -> Slice:
        """The slice of a block; see ``Slicer.slice``."""
        key = (address, code, before)
        with self._lock:
            if key not in self._known:
                self._known[key] = self._slicer.slice(code, address, before)
            return self._known[key]


class Streams:
    """The state of ``evaluate.py`` for one board, and the slices installed in it."""

    def __init__(self, counter: counting.BlockCounter, library: SliceLibrary) -> None:
        self.state: Int64 = np.zeros(evaluate.STATE_WORDS, dtype=np.int64)
        function = ctypes.cast(uclib.uc_reg_read_batch, ctypes.c_void_p).value
        self.state[evaluate.READ_REGISTERS] = function or 0
        self._counter = counter
        self._library = library
        self._end = evaluate.PROGRAMS
        self._lists: dict[tuple[int, ...], tuple[Int32, Int64]] = {}
        self._lost: dict[str, None] = {}
        self._trace: Int64 = np.zeros(0, dtype=np.int64)
        counter.state[counting.STREAMS] = self.state.ctypes.data

    def attach(self, mem: Int64) -> None:
        """Let accesses go through a memory model's array."""
        self.state[evaluate.MEMORY] = mem.ctypes.data
        self.state[evaluate.MEMORY_WORDS] = len(mem)

    def add_area(self, base: int, data: npt.NDArray[np.uint8]) -> None:
        """Let slices read a memory that lies in ``data`` on the host."""
        number = int(self.state[evaluate.AREAS])
        if number == evaluate.MAX_AREAS:
            raise BoardError(f"a board has at most {evaluate.MAX_AREAS} memories; use fewer.")
        at = evaluate.AREA + 3 * number
        self.state[at : at + 3] = base, base + len(data), data.ctypes.data
        self.state[evaluate.AREAS] = number + 1

    def take_wanted(self) -> tuple[int, int, int] | None:
        """Row, address and size of the block that the engine stopped in front of."""
        row = int(self.state[evaluate.WANTED])
        if not row:
            return None
        self.state[evaluate.WANTED] = 0
        key = int(self._counter.state[row + counting.KEY])
        return row, key >> 16, key & 0xFFFF

    def install(
        self, row: int, code: bytes, address: int, ticks: int, *, before: bytes = b""
    ) -> bytes:
        """Give a block its slice; ``ticks`` is what it costs in a fresh pipeline.

        Args:
            before: as ``Slicer.slice`` takes it.

        Returns:
            The slice's ``open_condition``.

        Raises:
            BoardError: there is no room for more slices, or for the accesses of this one.
        """
        found = self._library.slice(code, address, before)
        _check_room(found, address)
        self._lost.update(dict.fromkeys(found.lost))
        state = self._counter.state
        state[row + counting.TICKS] = ticks
        if not found.accesses:
            state[row + counting.SLICE] = EMPTY
            return found.open_condition
        names, values = self._registers(found.entry)
        state[row + counting.NAMES] = names.ctypes.data
        state[row + counting.VALUES] = values.ctypes.data
        state[row + counting.REGISTERS] = len(found.entry)
        state[row + counting.SLICE] = self._append(encoded(found.operations, ticks))
        return found.open_condition

    def _registers(self, slots: tuple[int, ...]) -> tuple[Int32, Int64]:
        """Unicorn's names of registers, and where their values go: the slots' low words."""
        if slots not in self._lists:
            names = np.array([_REGISTERS[slot] for slot in slots], dtype=np.int32)
            values = np.array([self.state.ctypes.data + 8 * slot for slot in slots], dtype=np.int64)
            self._lists[slots] = names, values
        return self._lists[slots]

    def _append(self, words: Sequence[int]) -> int:
        start, end = self._end, self._end + len(words)
        if end > len(self.state):
            raise BoardError(
                f"slices of a run have at most {evaluate.MAX_OPERATIONS:,} operations; split the "
                "run, or use --timing pipeline."
            )
        self.state[start:end] = words
        self._end = end
        return start

    # What a test looks at

    def record(self, accesses: int) -> None:
        """Keep the next accesses, up to a number, for ``recorded``."""
        self._trace = np.zeros(accesses, dtype=np.int64)
        self.state[evaluate.TRACE] = self._trace.ctypes.data
        self.state[evaluate.TRACE_WORDS] = accesses
        self.state[evaluate.TRACED] = 0

    def recorded(self) -> Int64:
        """Accesses since ``record``: address | size << 32 | store << 40, in order."""
        return self._trace[: int(self.state[evaluate.TRACED])]

    def warnings(self) -> list[str]:
        """Sentences about accesses that the slices could not follow."""
        found = [
            f"the address of {text} depends on an instruction that slices do not follow; its "
            "accesses are not counted."
            for text in self._lost
        ]
        unseen = int(self.state[evaluate.UNSEEN])
        if unseen:
            found.append(f"{unseen} addresses depended on bytes that slices do not follow.")
        return found


def _check_room(found: Slice, address: int) -> None:
    """The hook's log and overlay have no bounds of their own: code of a stranger may not pass."""
    notes = sum(op.code is Code.NOTE for op in found.operations)
    if max(found.accesses, notes) > evaluate.MAX_ACCESSES:
        raise BoardError(
            f"a block has at most {evaluate.MAX_ACCESSES:,} loads and stores; the one at "
            f"{address:#010x} has {max(found.accesses, notes):,}; use --timing pipeline."
        )


def steps_to_last_access(operations: tuple[MicroOp, ...]) -> int:
    """Instructions over which a block's accesses are spread in time."""
    return max((op.position for op in operations), default=0) + 1


def encoded(operations: tuple[MicroOp, ...], ticks: int) -> list[int]:
    """A slice as ``evaluate.py`` reads it; accesses are spread evenly over the block's ticks."""
    steps = steps_to_last_access(operations)
    words: list[int] = []
    index = 0
    while index < len(operations):
        run = _run(operations, index)
        if run[0].condition != ALWAYS:
            words += MicroOp(Code.SKIP_UNLESS, c=run[0].condition, imm=len(run)).words()
        for op in run:
            words += op.words(ticks * op.position // steps if op.code in microops.ACCESSES else 0)
        index += len(run)
    return [*words, *MicroOp(Code.END).words()]


def _run(operations: tuple[MicroOp, ...], start: int) -> tuple[MicroOp, ...]:
    """Operations of one instruction, or one that is not predicated."""
    first = operations[start]
    end = start + 1
    if first.condition != ALWAYS:
        while end < len(operations) and operations[end].position == first.position:
            end += 1
    return operations[start:end]
