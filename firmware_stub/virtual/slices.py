"""Makes address slices out of machine code: the part of a block that its accesses depend on.

Every instruction becomes micro-operations; what no address, no predicate of an access and no later
load of the slice needs is dropped. An instruction outside the tables makes its results opaque; a
block whose accesses depend on an opaque slot says so instead of guessing.

The order of accesses is that of Unicorn's memory hooks: one access for each word of a multiple
load or store, lowest address first. A store-exclusive is one store, taken to succeed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hwprof.firmware_stub.virtual import microops
from hwprof.firmware_stub.virtual.instructions import micro_ops
from hwprof.firmware_stub.virtual.microops import FLAGS, Code, MicroOp

if TYPE_CHECKING:
    from capstone import CsInsn


@dataclass(frozen=True, slots=True)
class Slice:
    """What the hook runs at the entry of a block.

    Attributes:
        operations: in order, without ``END``.
        entry: slots that must hold the engine's values, ``PACKED_FLAGS`` among them.
        accesses: loads and stores, predicated ones included.
        lost: instructions whose accesses the slice cannot follow.
        open_condition: the end of the code from an IT instruction on that reaches beyond it,
            mostly empty: a page border, or the translator, may cut between the two.
    """

    operations: tuple[MicroOp, ...]
    entry: tuple[int, ...]
    accesses: int
    lost: tuple[str, ...] = ()
    open_condition: bytes = b""


class Slicer:
    """Makes slices with one Capstone handle; owned by one thread."""

    def __init__(self) -> None:
        import capstone

        self._capstone = capstone.Cs(
            capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        )
        self._capstone.detail = True

    def slice(self, code: bytes, address: int, before: bytes = b"") -> Slice:
        """The slice of the block of ``code`` at ``address``.

        Args:
            before: ``open_condition`` of the block right in front of it, if that one just ran.
        """
        lowered: list[MicroOp] = []
        texts: list[str] = []
        found = list(self._capstone.disasm(before + code, address - len(before)))
        inside = (insn for insn in found if insn.address >= address)
        for position, insn in enumerate(inside):
            lowered += micro_ops(insn, position)
            texts.append(f"{insn.mnemonic} {insn.op_str}".strip())
        known, lost = _without_opaque(lowered)
        needed, entry = _needed(known)
        return Slice(
            tuple(needed),
            tuple(sorted(entry)),
            sum(op.code in microops.ACCESSES for op in needed),
            tuple(texts[position] for position in lost),
            _open_condition(found),
        )


def _open_condition(found: Iterable[CsInsn]) -> bytes:
    """Code from an IT instruction on of which fewer follow than it predicates."""
    code, left = b"", 0
    for insn in found:
        left -= 1
        if insn.insn_name() == "it":
            code, left = b"", len(insn.mnemonic) - 1
        code += bytes(insn.bytes)
    return code if left > 0 else b""


def _without_opaque(lowered: Iterable[MicroOp]) -> tuple[list[MicroOp], list[int]]:
    """Drop what depends on opaque slots; positions of accesses lost with them."""
    opaque: set[int] = set()
    kept, lost = [], []
    for op in lowered:
        blind = op.code is Code.OPAQUE or bool(opaque.intersection(op.sources))
        if blind and op.code is Code.NOTE and not opaque.intersection((op.a,)):
            kept.append(replace(op, b=microops.UNKNOWN))
        elif blind and op.results:
            opaque.update(op.results)
        elif blind:
            lost.append(op.position)
        else:
            if op.settles:
                opaque.difference_update(op.results)
            kept.append(op)
    return kept, sorted(set(lost))


def _needed(lowered: list[MicroOp]) -> tuple[list[MicroOp], set[int]]:
    """Drop what no access depends on; slots that must be known at the block's entry."""
    needed: set[int] = set()
    loads_behind = False
    kept = []
    for op in reversed(lowered):
        is_note = op.code is Code.NOTE
        is_wanted = loads_behind if is_note else bool(needed.intersection(op.results))
        if op.code not in microops.ACCESSES and not is_wanted:
            continue
        loads_behind |= op.code in microops.LOADS
        if op.settles:
            needed.difference_update(op.results)
        needed.update(op.sources)
        kept.append(op)
    kept.reverse()
    if needed.intersection(FLAGS):
        kept.insert(0, MicroOp(Code.UNPACK))
        needed = needed.difference(FLAGS) | {microops.PACKED_FLAGS}
    return kept, needed
