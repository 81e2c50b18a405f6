"""Loads and stores as micro-operations, one access for each word, lowest address first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hwprof.firmware_stub.virtual import microops
from hwprof.firmware_stub.virtual.instruction_base import CORE_SLOTS, Instruction
from hwprof.firmware_stub.virtual.microops import Code

_SIZES = {"": 4, "b": 1, "h": 2, "sb": 1, "sh": 2, "t": 4, "bt": 1, "ht": 2, "sbt": 1, "sht": 2}
_ACCESS_SIZES = {
    **{f"ldr{suffix}": size for suffix, size in _SIZES.items()},
    **{f"str{suffix}": size for suffix, size in _SIZES.items()},
    "ldrex": 4,
    "ldrexb": 1,
    "ldrexh": 2,
    "strex": 4,
    "strexb": 1,
    "strexh": 2,
}


class MemoryInstruction(Instruction):
    """Everything that accesses memory."""

    def single(self) -> None:
        """Loads and stores of one register, exclusive ones included."""
        size = _ACCESS_SIZES[self.name]
        is_store = self.name.startswith("str")
        base, imm = self._address()
        data = self.core_registers()
        if is_store:
            self._store(base, imm, size, data[-1] if data else microops.UNKNOWN)
            if self.name.startswith("strex"):
                self.opaque([data[0]])
        else:
            self.emit(Code.ACCESS, a=base, c=size, imm=imm)
            self._loaded(data[0], base, imm, size)
        self._write_back(base)

    def double(self) -> None:
        """LDRD, STRD: two words."""
        base, imm = self._address()
        data = self.core_registers()
        if self.name == "strd":
            for offset, slot in enumerate(data):
                self._store(base, imm + 4 * offset, 4, slot)
        else:
            self.emit(Code.OR, d=microops.SECOND, a=base)
            self.emit(Code.ACCESS, a=base, c=4, imm=imm)
            self.emit(Code.ACCESS, a=base, c=4, imm=imm + 4)
            for offset, slot in enumerate(data):
                self._loaded(slot, microops.SECOND, imm + 4 * offset, 4)
        self._write_back(base)

    def floating(self) -> None:
        """VLDR, VSTR; a double is two words."""
        base, imm = self._address()
        code = Code.ACCESS if self.name == "vldr" else Code.ACCESS_STORE
        for offset in range(0, self._float_bytes(self.operands[0]), 4):
            self.emit(code, a=base, c=4, imm=imm + offset)
            if code is Code.ACCESS_STORE:
                self.emit(Code.NOTE, a=base, b=microops.UNKNOWN, c=4, imm=imm + offset)

    def _float_bytes(self, operand: Any) -> int:
        return 8 if self.insn.reg_name(operand.reg).startswith("d") else 4

    def _address(self) -> tuple[int, int]:
        """Slot and displacement of the memory operand, before any write-back."""
        memory = next(o for o in self.operands if o.type == self.arm.ARM_OP_MEM)
        base = self.slot(memory.mem.base)
        if base == microops.PC:
            self.emit(Code.SET, d=microops.TEMPORARY, imm=self.pc() & ~3)
            base = microops.TEMPORARY
        if not memory.mem.index:
            return base, memory.mem.disp
        index = self.slot(memory.mem.index)
        self.emit(Code.SHIFT_LEFT, d=microops.INDEX, a=index, imm=memory.shift.value)
        self.emit(Code.ADD, d=microops.INDEX, a=base, b=microops.INDEX)
        return microops.INDEX, 0

    def _store(self, base: int, imm: int, size: int, data: int) -> None:
        self.emit(Code.ACCESS_STORE, a=base, c=size, imm=imm)
        self.emit(Code.NOTE, a=base, b=data, c=size, imm=imm)

    def _loaded(self, slot: int, base: int, imm: int, size: int) -> None:
        if slot == microops.PC:
            return
        signed = self.name.startswith("ldrs")
        self.emit(Code.LOAD_SIGNED if signed else Code.LOAD, d=slot, a=base, c=size, imm=imm)

    def _write_back(self, base: int) -> None:
        """Pre- and post-indexed addressing; a loaded base is not written back."""
        if not self.insn.writeback:
            return
        memory = next(o for o in self.operands if o.type == self.arm.ARM_OP_MEM)
        step = self.operands[-1].imm if self.insn.post_index else memory.mem.disp
        self.emit(Code.ADD, d=base, a=base, imm=step)

    def multiple(self) -> None:
        """LDM, STM, PUSH, POP, VLDM, VSTM and their variants, lowest address first."""
        name = self.name
        operands = [o for o in self.operands if self.is_register(o)]
        on_stack = name.endswith(("push", "pop"))
        base = CORE_SLOTS["sp"] if on_stack else self.slot(operands.pop(0).reg)
        sizes = [8 if self.insn.reg_name(o.reg).startswith("d") else 4 for o in operands]
        total = sum(sizes)
        downwards = name.endswith(("push", "db"))
        loads = name.startswith(("ldm", "vldm", "pop", "vpop"))
        self.emit(Code.ADD, d=microops.SECOND, a=base, imm=-total if downwards else 0)
        for offset in range(0, total, 4):
            self.emit(
                Code.ACCESS if loads else Code.ACCESS_STORE, a=microops.SECOND, c=4, imm=offset
            )
        slots = [self.slot(o.reg) for o in operands]
        if not loads:
            for offset in range(0, total, 4):
                data = slots[offset // 4] if name[0] != "v" else microops.UNKNOWN
                self.emit(Code.NOTE, a=microops.SECOND, b=data, c=4, imm=offset)
        elif name[0] != "v":
            for number, slot in enumerate(slots):
                self._loaded(slot, microops.SECOND, 4 * number, 4)
        if (on_stack or self.insn.writeback) and not (loads and base in slots):
            self.emit(Code.ADD, d=base, a=microops.SECOND, imm=0 if downwards else total)

    def table_branch(self) -> None:
        """TBB, TBH: the table's entry is loaded."""
        memory = self.operands[0]
        base = self.slot(memory.mem.base)
        if base == microops.PC:
            self.emit(Code.SET, d=microops.TEMPORARY, imm=self.pc())
            base = microops.TEMPORARY
        size = 1 if self.name == "tbb" else 2
        index = self.slot(memory.mem.index)
        self.emit(Code.SHIFT_LEFT, d=microops.INDEX, a=index, imm=size - 1)
        self.emit(Code.ADD, d=microops.INDEX, a=base, b=microops.INDEX)
        self.emit(Code.ACCESS, a=microops.INDEX, c=size)


MEMORY_HANDLERS: dict[str, Callable[[MemoryInstruction], None]] = {
    **dict.fromkeys(_ACCESS_SIZES, MemoryInstruction.single),
    **dict.fromkeys(("ldrd", "strd"), MemoryInstruction.double),
    **dict.fromkeys(("vldr", "vstr"), MemoryInstruction.floating),
    **dict.fromkeys(
        (
            "ldm",
            "ldmia",
            "ldmdb",
            "stm",
            "stmia",
            "stmdb",
            "push",
            "pop",
            "vldmia",
            "vldmdb",
            "vstmia",
            "vstmdb",
            "vpush",
            "vpop",
        ),
        MemoryInstruction.multiple,
    ),
    **dict.fromkeys(("tbb", "tbh"), MemoryInstruction.table_branch),
}
