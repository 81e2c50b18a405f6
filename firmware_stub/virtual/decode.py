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
PC = "pc"
WORDS_PER_CYCLE = 2  # of a multiple load or store
WIDE_PREFIXES = (0b11101, 0b11110, 0b11111)  # Arm DDI 0403E A5.1: a 32-bit instruction
LONGEST_BYTES = 4
ALWAYS = (0, 15)  # Capstone: no condition, or AL
PLAIN_IMMEDIATES = ("addw", "subw", "movw")  # 12 or 16 bits, nothing to shift
MAX_BYTE = 0xFF
ANY_CONDITION = 7  # of a pair of opposite conditions, 0 to 6; this one is none


@dataclass(frozen=True, slots=True)
class AddressHint:
    """What the code says about an address: base register, displacement, and whether that is all."""

    base: str
    displacement: int
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One instruction, as the scoreboard sees it.

    Attributes:
        reads: (register, role).
        writes: (register, producer row of the latency table).
        lags: cycles after its issue in which each of ``writes`` is produced.
        condition: number of the pair of opposite conditions that predicates it, or
            ``ANY_CONDITION``.
        branch: ``""``, ``direct``, ``conditional`` or ``indirect``.
        target: address a direct branch goes to.
    """

    text: str
    address: int
    size_bytes: int
    cls: InstructionClass
    reads: tuple[tuple[str, str], ...] = ()
    writes: tuple[tuple[str, str], ...] = ()
    lags: tuple[int, ...] = ()
    tags: frozenset[str] = frozenset()
    cycles: int = 1
    may_be_early: str = ""
    condition: int = ANY_CONDITION
    address_hint: AddressHint | None = None
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
        predicated = insn.cc not in ALWAYS and cls.kind not in ("branch", "none")
        if cls.reads_flags or predicated:
            operands.reads.append((FLAGS, "late"))
        if cls.sets_flags or insn.update_flags:
            operands.writes.append((FLAGS, "late"))
        cycles = max(cls.cycles, operands.cycles)
        return Operation(
            text=f"{insn.mnemonic} {insn.op_str}".strip(),
            address=insn.address,
            size_bytes=insn.size,
            cls=cls,
            reads=tuple(operands.reads),
            writes=tuple(operands.writes),
            lags=tuple(operands.lags) or (cycles - 1,) * len(operands.writes),
            tags=cls.tags | operands.tags,
            cycles=cycles,
            may_be_early="" if operands.tags or predicated else cls.may_be_early,
            condition=(insn.cc - 1) >> 1 if predicated else ANY_CONDITION,
            address_hint=operands.address_hint,
            branch=branch,
            target=target,
        )

    def _class_of(self, insn: CsInsn) -> InstructionClass:
        name = insn.insn_name()
        if name == "hint":
            name = insn.mnemonic.partition(".")[0]
        classes = self._core.classes
        if name[0] == "v":
            shape = "".join(self._shape(operand) for operand in insn.operands)
            double = "d" in shape or ".f64" in insn.mnemonic
            special = classes.get(f"{name}.{shape}") or (double and classes.get(f"{name}.f64"))
            if special:
                return special
        return classes.get(name, UNKNOWN)

    def _shape(self, operand: Any) -> str:
        """A register's bank: ``s`` or ``d`` of the FPU, ``r`` of the core; empty for the rest."""
        if operand.type != self._arm.ARM_OP_REG:
            return ""
        name: str = self._capstone.reg_name(operand.reg)
        return name[0] if name[0] in "sd" and name[1:].isdigit() else "r"

    # One method for each kind of operand list

    def _data(self, insn: CsInsn, cls: InstructionClass) -> Operands:
        found = Operands()
        letters = list(cls.operands)
        given = insn.operands
        if len(given) + 1 == len(letters) and letters[0] == "d" != letters[1]:
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
                found.reads.append((insn.reg_name(memory.index), "index"))
            if insn.writeback:
                found.writes.append((base, "update"))
            found.address_hint = AddressHint(base, memory.disp, exact=not memory.index)
        return found

    def _multiple(self, insn: CsInsn, cls: InstructionClass) -> Operands:
        found = Operands()
        given = [operand.reg for operand in insn.operands]
        base = "sp"
        if not insn.insn_name().endswith(("push", "pop")):
            base = insn.reg_name(given.pop(0))
        found.reads.append((base, "address"))
        if insn.writeback or base == "sp":
            found.writes.append((base, "update"))
            found.lags.append(0)
        words = [word for number in given for word in self._words(number)]
        for position, word in enumerate(words):
            if cls.kind == "store_multiple":
                found.reads.append((word, "store"))
            elif word != PC:
                found.writes.append((word, cls.produces))
                found.lags.append(position // WORDS_PER_CYCLE)
        found.cycles = -(-len(words) // WORDS_PER_CYCLE)
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
            return ("indirect", None) if self._writes_pc(insn, cls) else ("", None)
        target = insn.operands[-1]
        if target.type != self._arm.ARM_OP_IMM:
            return "indirect", None
        conditional = insn.insn_name() in ("cbz", "cbnz") or insn.cc not in ALWAYS
        return "conditional" if conditional else "direct", target.imm & ~1

    def _writes_pc(self, insn: CsInsn, cls: InstructionClass) -> bool:
        """Whether a load, or an instruction with a result, goes on at what it finds."""
        results = {"load": insn.operands, "load_multiple": insn.operands}
        if cls.kind == "data" and cls.operands[:1] in (("d",), ("x",)):
            results["data"] = insn.operands[:1]
        return any(
            operand.type == self._arm.ARM_OP_REG and insn.reg_name(operand.reg) == PC
            for operand in results.get(cls.kind, ())
        )

    def _registers(self, number: int) -> Iterator[str]:
        """Names of the words of a register, the program counter left out."""
        return (word for word in self._words(number) if word != PC)

    def _words(self, number: int) -> tuple[str, ...]:
        """A register's name; a double-precision register is its two halves."""
        name: str = self._capstone.reg_name(number)
        if name[0] == "d" and name[1:].isdigit():
            half = 2 * int(name[1:])
            return f"s{half}", f"s{half + 1}"
        return (name,)


class Operands:
    """What an instruction's operands amount to; filled while decoding."""

    __slots__ = ("address_hint", "cycles", "lags", "reads", "tags", "writes")

    def __init__(self) -> None:
        self.reads: list[tuple[str, str]] = []
        self.writes: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self.lags: list[int] = []
        self.cycles = 1
        self.address_hint: AddressHint | None = None


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
