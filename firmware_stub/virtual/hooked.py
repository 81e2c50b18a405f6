"""What ``exact.py`` counts, by Unicorn's own hooks on every load and store: its reference.

Addresses, sizes and order are the engine's, and every access goes through the memory model when it
happens. Only when within its block an instruction accesses memory is taken from the slice, so
that both modes hand the memory model the same clock.

Unicorn 2.1 restores the processor's state before it calls a hook, that of an IT instruction too,
and forgets to take this back: a later block is then executed as if it stood behind that IT
(Unicorn's issue 2309). So the hook takes it back: inside a block the engine does not look at it,
and at the end of a block that an IT reaches beyond it writes it anew.
"""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np
from unicorn import arm_const
from unicorn.unicorn_py3.unicorn import uclib

from hwprof.firmware_stub.virtual import counting, evaluate, microops
from hwprof.firmware_stub.virtual.exact import ExactRun, ExactTiming
from hwprof.firmware_stub.virtual.streams import SliceLibrary, Streams, steps_to_last_access
from hwprof.firmware_stub.virtual.timing import Machine, pipeline

_WIDE = 0b11101  # first halfwords from 0b11101 on begin an instruction of 32 bits, DDI 0403E A5.1


class HookedTiming(ExactTiming):
    """Pipeline, caches and memories, fed by hooks."""

    def follow(self, machine: Machine) -> HookedRun:
        """Cost what a machine executes."""
        return HookedRun(self, machine)


class HookedStreams(Streams):
    """Tells the hooks when the instructions of a block access memory."""

    def __init__(self, counter: counting.BlockCounter, library: SliceLibrary) -> None:
        super().__init__(counter, library)
        function = ctypes.cast(uclib.uc_reg_write_batch, ctypes.c_void_p).value
        self.state[evaluate.WRITE_REGISTERS] = function or 0
        names = (arm_const.UC_ARM_REG_PC, arm_const.UC_ARM_REG_CPSR)
        slots = np.array([microops.PC, microops.PACKED_FLAGS])
        self._names = np.array(names, dtype=np.int32)
        self._values = self.state.ctypes.data + 8 * slots

    def install(
        self, row: int, code: bytes, address: int, ticks: int, *, before: bytes = b""
    ) -> bytes:
        """Give a block the time of each of its halfwords, in ticks from its entry."""
        found = self._library.slice(code, address, before)
        steps = steps_to_last_access(found.operations)
        state = self._counter.state
        state[row + counting.NAMES] = self._names.ctypes.data
        state[row + counting.VALUES] = self._values.ctypes.data
        state[row + counting.TICKS] = ticks
        state[row + counting.SLICE] = self._append([ticks * p // steps for p in positions(code)])
        return found.open_condition


def positions(code: bytes) -> list[int]:
    """The index of its instruction for each halfword of Thumb code."""
    halfwords = memoryview(code).cast("H")
    found: list[int] = []
    position = 0
    while len(found) < len(halfwords):
        found += [position] * (2 if halfwords[len(found)] >> 11 >= _WIDE else 1)
        position += 1
    return found


class HookedRun(ExactRun):
    """Cycles of one board since power-on, every access seen by a hook."""

    streams_type = HookedStreams

    @property
    def hook_address(self) -> int:
        """Address of the native hook on blocks."""
        from hwprof.firmware_stub.virtual.native_hooked import on_hooked_block

        return on_hooked_block.address

    @property
    def access_hook_address(self) -> int:
        """Address of the native hook on loads and stores."""
        from hwprof.firmware_stub.virtual.native_hooked import on_hooked_access

        return on_hooked_access.address


@cache
def hooked(core: str) -> HookedTiming:
    """The one timing of a core that all boards of a process share."""
    return HookedTiming(pipeline(core))
