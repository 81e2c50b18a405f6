"""Decodes a block of Thumb-2 code into the operations that the scoreboard issues.

Which operand is read in which role comes from the core's data file by position: Capstone 5
reports no access for some operands (``SXTAB16``'s third, ``SSAT``'s) and misses the accumulators
of ``SMLALD``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hwprof.firmware_stub.virtual.core import (
    OPERAND_LETTERS,
    UNKNOWN,
    CoreModel,
    InstructionClass,
)

if TYPE_CHECKING:
    from capstone import CsInsn

FLAGS = "flags"
WIDE_PREFIXES = (0b11101, 0b11110, 0b11111)  # Arm DDI 0403E A5.1: a 32-bit instruction
LONGEST_BYTES = 4
ALWAYS = (0, 15)  # Capstone: no condition, or AL
PLAIN_IMMEDIATES = ("addw", "subw", "movw")  # 12 or 16 bits, nothing to shift
MAX_BYTE = 0xFF


@dataclass(frozen=True, slots=True)
class BankHint:
    """What the code says about a load's address: base register (if any) and displacement."""

    base: str
    displacement: int
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One instruction, as the scoreboard sees it.

    Attributes:
        reads: (register, role).
        writes: (register, producer row of the latency table).
        branch: ``""``, ``direct``, ``conditional`` or ``indirect``.
        target: address a direct branch goes to.
    """

    text: str
    address: int
    size_bytes: int
    cls: InstructionClass
    reads: tuple[tuple[str, str], ...] = ()
    writes: tuple[tuple[str, str], ...] = ()
    tags: frozenset[str] = frozenset()
    cycles: int = 1
    may_be_early: str = ""
    bank: BankHint | None = None
    branch: str = ""
    target: int | None = None


class Decoder:
    """Decodes with one Capstone handle; owned by one thread."""

    def __init__(self, core: CoreModel) -> None:
        import capstone
        from capstone import arm

        self._core = core
        self._arm = arm
        self._decoded: dict[tuple[int, bytes], Operation] = {}
        self._capstone = capstone.Cs(
            capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        )
        self._capstone.detail = True
        self._operands: dict[str, Callable[[CsInsn, InstructionClass], Operands]] = {
            "data": self._data,
            "load": self._load,
            "store": self._store,
            "load_multiple": self._multiple,
            "store_multiple": self._multiple,
            "branch": self._branch_operands,
            "none": lambda _insn, _cls: Operands(),
        }

    def block(self, code: bytes, address: int) -> list[Operation]:
        """All operations of a block; what Capstone cannot decode becomes class ``unknown``."""
        return list(self._walk(code, address))

    def straight(self, code: bytes, address: int) -> list[Operation]:
        """Operations up to the first branch, or as far as ``code`` holds them whole."""
        found = []
        for operation in self._walk(code, address):
            found.append(operation)
            if operation.branch:
                break
        return found

    def _walk(self, code: bytes, address: int) -> Iterator[Operation]:
        offset = 0
        while offset + 1 < len(code):
            key = (address + offset, code[offset : offset + LONGEST_BYTES])
            if key not in self._decoded:
                self._decode(code[offset:], address + offset)
            operation = self._decoded[key]
            offset += operation.size_bytes
            if offset <= len(code):
                yield operation

    def _decode(self, code: bytes, address: int) -> None:
        """Decode and keep everything up to the first branch, at least one instruction.

        An IT instruction decides how those behind it are decoded, so they are decoded together.
        """
        offset = 0
        for insn in self._capstone.disasm(code, address):
            operation = self._operation(insn)
            self._decoded[(insn.address, code[offset : offset + LONGEST_BYTES])] = operation
            offset += insn.size
            if operation.branch:
                return
        if not offset:
            self._decoded[(address, code[:LONGEST_BYTES])] = _undecoded(code, address)

    def _operation(self, insn: CsInsn) -> Operation:
        cls = self._class_of(insn)
        operands = self._operands[cls.kind](insn, cls)
        branch, target = self._branch(insn, cls)
        self._flags(insn, cls, operands)
        return Operation(
            text=f"{insn.mnemonic} {insn.op_str}".strip(),
            address=insn.address,
            size_bytes=insn.size,
            cls=cls,
            reads=tuple(operands.reads),
            writes=tuple(operands.writes),
            tags=cls.tags | operands.tags,
            cycles=max(cls.cycles, operands.cycles),
            may_be_early="" if operands.tags else cls.may_be_early,
            bank=operands.bank,
            branch=branch,
            target=target,
        )

    def _class_of(self, insn: CsInsn) -> InstructionClass:
        name = insn.insn_name()
        if name == "hint":
            name = insn.mnemonic.partition(".")[0]
        return self._core.classes.get(name, UNKNOWN)

    def _flags(self, insn: CsInsn, cls: InstructionClass, operands: Operands) -> None:
        predicated = insn.cc not in ALWAYS and cls.kind not in ("branch", "none")
        if cls.reads_flags or predicated:
            operands.reads.append((FLAGS, "late"))
        if cls.sets_flags or insn.update_flags:
            operands.writes.append((FLAGS, "late"))

    # One method for each kind of operand list

    def _data(self, insn: CsInsn, cls: InstructionClass) -> Operands:
        found = Operands()
        letters = list(cls.operands)
        given = insn.operands
        if len(given) < len(letters) and letters[0] == "d" and len(given) + 1 == len(letters):
            letters = ["x", *letters[2:]]  # ADDS r0, r1
        for letter, operand in zip(letters, given, strict=False):
            if operand.type == self._arm.ARM_OP_REG:
                self._register(letter, operand, cls, found)
            elif letter == "l" and not cls.tags and _needs_shifter(insn.mnemonic, operand.imm):
                found.tags.add("shifter")
        if "inline" in found.tags:
            found.reads = [(r, "beside" if role == "late" else role) for r, role in found.reads]
        return found

    def _register(self, letter: str, operand: Any, cls: InstructionClass, found: Operands) -> None:
        """Note one register operand; one with a shift of its own is read by the shifter."""
        is_result, role = OPERAND_LETTERS[letter]
        if operand.shift.type and not cls.tags:
            role = "shifted"
            found.tags |= {"shifter", "inline"}
        for register in self._registers(operand.reg):
            if role:
                found.reads.append((register, role))
            if is_result:
                found.writes.append((register, cls.produces))

    def _load(self, insn: CsInsn, cls: InstructionClass) -> Operands:
        found = self._address(insn)
        for operand in insn.operands:
            if operand.type == self._arm.ARM_OP_REG:
                found.writes += [(r, cls.produces) for r in self._registers(operand.reg)]
        return found

    def _store(self, insn: CsInsn, cls: InstructionClass) -> Operands:
        del cls
        found = self._address(insn)
        found.bank = None
        for operand in insn.operands:
            if operand.type == self._arm.ARM_OP_REG:
                found.reads += [(r, "store") for r in self._registers(operand.reg)]
        return found

    def _address(self, insn: CsInsn) -> Operands:
        found = Operands()
        for operand in insn.operands:
            if operand.type != self._arm.ARM_OP_MEM:
                continue
            memory = operand.mem
            base = insn.reg_name(memory.base)
            found.reads.append((base, "address"))
            if memory.index:
                found.reads.append((insn.reg_name(memory.index), "address"))
            if insn.writeback:
                found.writes.append((base, "update"))
            found.bank = BankHint(base, memory.disp, exact=not memory.index)
        return found

    def _multiple(self, insn: CsInsn, cls: InstructionClass) -> Operands:
        found = Operands()
        registers = [insn.reg_name(o.reg) for o in insn.operands]
        base = "sp"
        if cls.name.endswith("_multiple") and not insn.insn_name().endswith(("push", "pop")):
            base, *registers = registers
        found.reads.append((base, "address"))
        if insn.writeback or base == "sp":
            found.writes.append((base, "update"))
        if cls.kind == "load_multiple":
            found.writes += [(register, cls.produces) for register in registers]
        else:
            found.reads += [(register, "store") for register in registers]
        found.cycles = (len(registers) + 1) // 2
        return found

    def _branch_operands(self, insn: CsInsn, cls: InstructionClass) -> Operands:
        del cls  # a predicted branch waits for nothing
        found = Operands()
        if insn.insn_name() in ("bl", "blx"):
            found.writes.append(("lr", "early"))
        return found

    def _branch(self, insn: CsInsn, cls: InstructionClass) -> tuple[str, int | None]:
        """How a block that ends here goes on."""
        if cls.kind != "branch":
            loads_pc = cls.kind in ("load", "load_multiple") and any(
                o.type == self._arm.ARM_OP_REG and insn.reg_name(o.reg) == "pc"
                for o in insn.operands
            )
            return ("indirect", None) if loads_pc else ("", None)
        target = insn.operands[-1]
        if target.type != self._arm.ARM_OP_IMM:
            return "indirect", None
        conditional = insn.insn_name() in ("cbz", "cbnz") or insn.cc not in ALWAYS
        return "conditional" if conditional else "direct", target.imm & ~1

    def _registers(self, number: int) -> Iterator[str]:
        """A register's name; a double-precision register is its two halves."""
        name: str = self._capstone.reg_name(number)
        if name[0] == "d" and name[1:].isdigit():
            half = 2 * int(name[1:])
            yield from (f"s{half}", f"s{half + 1}")
        elif name != "pc":
            yield name


class Operands:
    """What an instruction's operands amount to; filled while decoding."""

    __slots__ = ("bank", "cycles", "reads", "tags", "writes")

    def __init__(self) -> None:
        self.reads: list[tuple[str, str]] = []
        self.writes: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self.cycles = 1
        self.bank: BankHint | None = None


def _undecoded(code: bytes, address: int) -> Operation:
    size_bytes = LONGEST_BYTES if code[1] >> 3 in WIDE_PREFIXES else 2
    text = f".inst {code[:size_bytes].hex()}"
    return Operation(text=text, address=address, size_bytes=size_bytes, cls=UNKNOWN)


def _needs_shifter(mnemonic: str, immediate: int) -> bool:
    """Whether a constant is an 8-bit value shifted into place (jnk0le, "shifted constant")."""
    value = immediate & 0xFFFF_FFFF
    if mnemonic.startswith(PLAIN_IMMEDIATES) or value <= MAX_BYTE:
        return False
    low, second = value & 0xFF, value >> 8 & 0xFF
    patterns = (low * 0x0001_0001, second * 0x0100_0100, low * 0x0101_0101)
    return value not in patterns
