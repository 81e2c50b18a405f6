"""One instruction on its way to micro-operations: its operands and what it emits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hwprof.firmware_stub.virtual import microops
from hwprof.firmware_stub.virtual.microops import ALWAYS, NOTHING, Code, MicroOp

if TYPE_CHECKING:
    from capstone import CsInsn

_ALWAYS_CONDITIONS = (0, 15)  # Capstone: none, or AL
# Capstone's arm_shifter with a constant amount.
_INLINE_SHIFTS = {
    1: Code.SHIFT_RIGHT_SIGNED,
    2: Code.SHIFT_LEFT,
    3: Code.SHIFT_RIGHT,
    4: Code.ROTATE,
}
CORE_SLOTS = {
    **{f"r{number}": number for number in range(13)},
    "sb": 9,
    "sl": 10,
    "fp": 11,
    "ip": 12,
    "sp": 13,
    "lr": 14,
    "pc": microops.PC,
}


class Instruction:
    """One instruction on its way to micro-operations."""

    def __init__(self, insn: CsInsn, position: int) -> None:
        from capstone import arm

        self.arm = arm
        self.insn = insn
        self.name: str = insn.insn_name()
        self.operands: list[Any] = list(insn.operands)
        self.position = position
        self.found: list[MicroOp] = []
        self.condition = ALWAYS if insn.cc in _ALWAYS_CONDITIONS else insn.cc - 1

    def emit(self, code: Code, **fields: int) -> None:
        """Append one micro-operation under the instruction's condition."""
        self.found.append(MicroOp(code, condition=self.condition, position=self.position, **fields))

    def opaque(self, slots: Iterable[int]) -> None:
        """Say that slots become something unknown."""
        for slot in slots:
            self.emit(Code.OPAQUE, d=slot)

    @property
    def sets_flags(self) -> bool:
        """Whether the mnemonic has the S suffix; Capstone's own flag is wrong for ADC."""
        return self.name == "movs" or bool(self.insn.mnemonic.startswith(self.name + "s"))

    def slot(self, register: int) -> int:
        """Slot of a core register, NOTHING for any other."""
        return CORE_SLOTS.get(self.insn.reg_name(register), NOTHING)

    def is_register(self, operand: Any) -> bool:
        """Whether an operand is a register."""
        return bool(operand.type == self.arm.ARM_OP_REG)

    def is_core(self, operand: Any) -> bool:
        """Whether an operand is a core register."""
        return self.is_register(operand) and self.slot(operand.reg) != NOTHING

    def core_registers(self) -> list[int]:
        """Slots of the core registers among the operands, in order."""
        slots = [self.slot(o.reg) for o in self.operands if self.is_register(o)]
        return [slot for slot in slots if slot != NOTHING]

    def value(self, operand: Any, temporary: int) -> int:
        """Slot that holds an operand's value, its inline shift done; may use ``temporary``."""
        if not self.is_register(operand):
            self.emit(Code.SET, d=temporary, imm=operand.imm & 0xFFFF_FFFF)
            return temporary
        slot = self.slot(operand.reg)
        if slot == microops.PC:
            self.emit(Code.SET, d=temporary, imm=self.pc())
            slot = temporary
        shift = operand.shift
        if not shift.type:
            return slot
        if shift.type not in _INLINE_SHIFTS:  # RRX
            self.opaque([temporary])
        else:
            self.emit(_INLINE_SHIFTS[shift.type], d=temporary, a=slot, imm=shift.value)
        return temporary

    def pc(self) -> int:
        """What the instruction reads as the program counter."""
        return int(self.insn.address) + 4
