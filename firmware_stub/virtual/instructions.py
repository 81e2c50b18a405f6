"""What each Thumb-2 instruction does to the slots of an address slice.

An instruction outside the tables makes its results opaque.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hwprof.firmware_stub.virtual.instruction_base import CORE_SLOTS
from hwprof.firmware_stub.virtual.instruction_data import DATA_HANDLERS, DataInstruction
from hwprof.firmware_stub.virtual.instruction_memory import MEMORY_HANDLERS, MemoryInstruction
from hwprof.firmware_stub.virtual.microops import FLAGS, Code, MicroOp

if TYPE_CHECKING:
    from capstone import CsInsn

_TWO_RESULTS = frozenset(
    (
        "smlal",
        "umlal",
        "umaal",
        "smlalbb",
        "smlalbt",
        "smlaltb",
        "smlaltt",
        "smlald",
        "smlaldx",
        "smlsld",
        "smlsldx",
    )
)
_NO_RESULT = (
    "b",
    "bx",
    "cbz",
    "cbnz",
    "it",
    "nop",
    "pld",
    "pli",
    "pldw",
    "dmb",
    "dsb",
    "isb",
    "cpsie",
    "cpsid",
    "msr",
    "svc",
    "bkpt",
    "udf",
    "clrex",
    "hint",
    "wfi",
    "wfe",
    "sev",
    "yield",
)


class _AnyInstruction(DataInstruction, MemoryInstruction):
    """An instruction of any kind."""

    def call(self) -> None:
        """BL, BLX."""
        following = self.insn.address + self.insn.size
        self.emit(Code.SET, d=CORE_SLOTS["lr"], imm=following | 1)

    def unfollowed(self) -> None:
        """An instruction outside the tables: its results are opaque."""
        name = self.name
        slots = self.core_registers()
        if slots and self.is_core(self.operands[0]):
            pair = name in _TWO_RESULTS or (name == "vmov" and len(slots) == 2)
            self.opaque(slots[: 1 + pair])
        if self.insn.update_flags:
            self.opaque(FLAGS)

    def nothing(self) -> None:
        """An instruction that changes no slot."""


_HANDLERS: dict[str, Callable[[_AnyInstruction], None]] = {
    **MEMORY_HANDLERS,
    **DATA_HANDLERS,
    **dict.fromkeys(("bl", "blx"), _AnyInstruction.call),
    **dict.fromkeys(_NO_RESULT, _AnyInstruction.nothing),
}


def micro_ops(insn: CsInsn, position: int) -> list[MicroOp]:
    """Micro-operations of a decoded instruction; ``position`` is its index in the block."""
    instruction = _AnyInstruction(insn, position)
    _HANDLERS.get(instruction.name, _AnyInstruction.unfollowed)(instruction)
    return instruction.found
