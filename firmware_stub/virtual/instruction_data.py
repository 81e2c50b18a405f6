"""Data processing as micro-operations. Semantics: Arm DDI 0403E, A7.7."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hwprof.firmware_stub.virtual import microops
from hwprof.firmware_stub.virtual.instruction_base import Instruction
from hwprof.firmware_stub.virtual.microops import FLAGS, NOTHING, Code

_PLAIN = {
    "and": Code.AND,
    "orr": Code.OR,
    "eor": Code.XOR,
    "bic": Code.AND_NOT,
    "orn": Code.OR_NOT,
}
_SHIFTS = {
    "lsl": Code.SHIFT_LEFT,
    "lsr": Code.SHIFT_RIGHT,
    "asr": Code.SHIFT_RIGHT_SIGNED,
    "ror": Code.ROTATE,
}
_EXTENSIONS = {
    "sxtb": (Code.EXTRACT_SIGNED, 8),
    "sxth": (Code.EXTRACT_SIGNED, 16),
    "uxtb": (Code.EXTRACT, 8),
    "uxth": (Code.EXTRACT, 16),
}
_ONE_SOURCE = {
    "clz": Code.LEADING_ZEROS,
    "rbit": Code.REVERSE_BITS,
    "rev": Code.REVERSE_BYTES,
}
_TWO_SOURCES = {
    "mul": Code.MULTIPLY,
    "sdiv": Code.DIVIDE_SIGNED,
    "udiv": Code.DIVIDE,
}
_LONG_PRODUCTS = {"umull": Code.MULTIPLY_HIGH, "smull": Code.MULTIPLY_HIGH_SIGNED}


class DataInstruction(Instruction):
    """Arithmetic, logic, shifts, products, bit fields."""

    def data(self, compute: Callable[[DataInstruction, int, int, int], None]) -> None:
        """``d = a op b``; two operands mean that the first is also a source."""
        registers = self.operands
        d = self.slot(registers[0].reg)
        a = self.value(registers[-2], microops.TEMPORARY)
        b = self.value(registers[-1], microops.SHIFTED)
        compute(self, d, a, b)

    def add(self, d: int, a: int, b: int) -> None:
        """ADD, with flags if asked."""
        if self.sets_flags:
            self.emit(Code.FLAGS_ADD, a=a, b=b)
        self.emit(Code.ADD, d=d, a=a, b=b)

    def subtract(self, d: int, a: int, b: int) -> None:
        """SUB."""
        if self.sets_flags:
            self.emit(Code.FLAGS_SUBTRACT, a=a, b=b)
        self.emit(Code.SUBTRACT, d=d, a=a, b=b)

    def subtract_reversed(self, d: int, a: int, b: int) -> None:
        """RSB."""
        self.subtract(d, b, a)

    def add_carry(self, d: int, a: int, b: int) -> None:
        """ADC; its flags are not followed."""
        self.emit(Code.ADD_CARRY, d=d, a=a, b=b)
        if self.sets_flags:
            self.opaque(FLAGS)

    def logical(self, d: int, a: int, b: int) -> None:
        """AND, ORR, EOR, BIC, ORN."""
        self.emit(_PLAIN[self.name], d=d, a=a, b=b)
        self._result_flags(d)

    def shift(self, d: int, a: int, b: int) -> None:
        """LSL, LSR, ASR, ROR."""
        amount = self.operands[-1]
        if self.sets_flags:
            self._shifted_out(a, amount)
        self.emit(_SHIFTS[self.name], d=d, a=a, b=b)
        if self.sets_flags:
            self.emit(Code.FLAGS_RESULT, a=d)

    def _shifted_out(self, a: int, amount: Any) -> None:
        if self.is_register(amount) or amount.imm == 0:
            self.opaque([microops.C])
        else:
            left = self.name == "lsl"
            self.emit(Code.CARRY_BIT, a=a, imm=32 - amount.imm if left else amount.imm - 1)

    def _result_flags(self, d: int) -> None:
        """Flags of a logical result; a shifted or rotated operand's carry is not followed."""
        if not self.sets_flags:
            return
        self.emit(Code.FLAGS_RESULT, a=d)
        last = self.operands[-1]
        if not self.is_register(last) or last.shift.type:
            self.opaque([microops.C])

    def move(self) -> None:
        """MOV, MOVW, MOVS, MVN."""
        d = self.slot(self.operands[0].reg)
        b = self.value(self.operands[1], microops.SHIFTED)
        self.emit(Code.OR_NOT if self.name == "mvn" else Code.OR, d=d, a=NOTHING, b=b)
        self._result_flags(d)

    def move_top(self) -> None:
        """MOVT."""
        self.emit(Code.SET, d=microops.SHIFTED, imm=self.operands[1].imm)
        d = self.slot(self.operands[0].reg)
        self.emit(Code.INSERT, d=d, a=microops.SHIFTED, imm=16 | 16 << 8)

    def address_of(self) -> None:
        """ADR."""
        d = self.slot(self.operands[0].reg)
        imm = ((self.pc() & ~3) + self.operands[1].imm) & 0xFFFF_FFFF
        self.emit(Code.SET, d=d, imm=imm)

    def compare(self) -> None:
        """CMP, CMN, TST, TEQ."""
        a = self.value(self.operands[0], microops.TEMPORARY)
        b = self.value(self.operands[1], microops.SHIFTED)
        if self.name in ("cmp", "cmn"):
            self.emit(Code.FLAGS_SUBTRACT if self.name == "cmp" else Code.FLAGS_ADD, a=a, b=b)
            return
        self.emit(Code.AND if self.name == "tst" else Code.XOR, d=microops.SECOND, a=a, b=b)
        self.emit(Code.FLAGS_RESULT, a=microops.SECOND)
        last = self.operands[-1]
        if not self.is_register(last) or last.shift.type:
            self.opaque([microops.C])

    def one_source(self) -> None:
        """CLZ, RBIT, REV."""
        d, a = self.core_registers()
        self.emit(_ONE_SOURCE[self.name], d=d, a=a)

    def two_sources(self) -> None:
        """MUL, SDIV, UDIV."""
        d, a, b = self.core_registers()[0], *self.core_registers()[-2:]
        self.emit(_TWO_SOURCES[self.name], d=d, a=a, b=b)
        if self.sets_flags:
            self.emit(Code.FLAGS_RESULT, a=d)

    def multiply_add(self) -> None:
        """MLA, MLS."""
        d, a, b, addend = self.core_registers()
        self.emit(Code.MULTIPLY, d=microops.TEMPORARY, a=a, b=b)
        if self.name == "mla":
            self.emit(Code.ADD, d=d, a=addend, b=microops.TEMPORARY)
        else:
            self.emit(Code.SUBTRACT, d=d, a=addend, b=microops.TEMPORARY)

    def long_product(self) -> None:
        """UMULL, SMULL; both results are of the old operands."""
        low, high, a, b = self.core_registers()
        self.emit(_LONG_PRODUCTS[self.name], d=microops.SECOND, a=a, b=b)
        self.emit(Code.MULTIPLY, d=low, a=a, b=b)
        self.emit(Code.OR, d=high, a=microops.SECOND)

    def extract(self) -> None:
        """UBFX, SBFX."""
        d, a = self.core_registers()
        code = Code.EXTRACT if self.name == "ubfx" else Code.EXTRACT_SIGNED
        self.emit(code, d=d, a=a, imm=self.operands[2].imm | self.operands[3].imm << 8)

    def insert(self) -> None:
        """BFI, BFC."""
        d, a = (*self.core_registers(), NOTHING)[:2]
        first, width = (o.imm for o in self.operands[-2:])
        self.emit(Code.INSERT, d=d, a=a, imm=first | width << 8)

    def extend(self) -> None:
        """SXTB, SXTH, UXTB, UXTH."""
        code, width = _EXTENSIONS[self.name]
        a = self.value(self.operands[-1], microops.SHIFTED)
        self.emit(code, d=self.slot(self.operands[0].reg), a=a, imm=width << 8)

    def extend_add(self) -> None:
        """SXTAB, SXTAH, UXTAB, UXTAH."""
        code, width = _EXTENSIONS[self.name.replace("a", "", 1)]
        b = self.value(self.operands[2], microops.SHIFTED)
        self.emit(code, d=microops.SECOND, a=b, imm=width << 8)
        d, a = self.core_registers()[:2]
        self.emit(Code.ADD, d=d, a=a, b=microops.SECOND)


DATA_HANDLERS: dict[str, Callable[[DataInstruction], None]] = {
    **dict.fromkeys(("add", "addw"), lambda i: i.data(DataInstruction.add)),
    **dict.fromkeys(("sub", "subw"), lambda i: i.data(DataInstruction.subtract)),
    "rsb": lambda i: i.data(DataInstruction.subtract_reversed),
    "adc": lambda i: i.data(DataInstruction.add_carry),
    **dict.fromkeys(_PLAIN, lambda i: i.data(DataInstruction.logical)),
    **dict.fromkeys(_SHIFTS, lambda i: i.data(DataInstruction.shift)),
    **dict.fromkeys(("mov", "movs", "movw", "mvn"), DataInstruction.move),
    "movt": DataInstruction.move_top,
    "adr": DataInstruction.address_of,
    **dict.fromkeys(("cmp", "cmn", "tst", "teq"), DataInstruction.compare),
    **dict.fromkeys(_ONE_SOURCE, DataInstruction.one_source),
    **dict.fromkeys(_TWO_SOURCES, DataInstruction.two_sources),
    **dict.fromkeys(("mla", "mls"), DataInstruction.multiply_add),
    **dict.fromkeys(_LONG_PRODUCTS, DataInstruction.long_product),
    **dict.fromkeys(("ubfx", "sbfx"), DataInstruction.extract),
    **dict.fromkeys(("bfi", "bfc"), DataInstruction.insert),
    **dict.fromkeys(_EXTENSIONS, DataInstruction.extend),
    **dict.fromkeys(("sxtab", "sxtah", "uxtab", "uxtah"), DataInstruction.extend_add),
}
