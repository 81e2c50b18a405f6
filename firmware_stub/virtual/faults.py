"""Says in words why a virtual processor stopped.

Encodings of BKPT, SVC and the hints: Arm DDI 0403E, A7.7 and A5.2.5; semihosting's BKPT 0xAB: Arm
DUI 0471.
"""

from __future__ import annotations

from collections.abc import Callable

import unicorn
from unicorn import arm_const, unicorn_const

from hwprof.firmware_stub.virtual.description import BoardDescription

ReadCode = Callable[[int], int]
ACCESSES = {
    unicorn_const.UC_ERR_READ_UNMAPPED: "a load",
    unicorn_const.UC_ERR_READ_PROT: "a load",
    unicorn_const.UC_ERR_WRITE_UNMAPPED: "a store",
    unicorn_const.UC_ERR_WRITE_PROT: "a store",
    unicorn_const.UC_ERR_FETCH_UNMAPPED: "code",
    unicorn_const.UC_ERR_FETCH_PROT: "code",
}
THUMB_STATE = 1 << 5  # CPSR.T, as Unicorn shows EPSR.T
SEMIHOSTING = 0xBEAB
EXCEPTION_RETURN = 0xF000_0000  # DDI 0403E B1.5.8: branches there end an exception
# Hints that end Unicorn's run as if they were undefined: the processor would go on or wait.
YIELD, WAIT_FOR_EVENT = 0xBF10, 0xBF20
WAIT_FOR_INTERRUPT = 0xBF30


class Examiner:
    """Looks at a stopped engine."""

    def __init__(self, engine: unicorn.Uc, board: BoardDescription) -> None:
        self._engine = engine
        self._board = board

    def is_hint(self, error: unicorn.UcError) -> bool:
        """Whether it stopped behind YIELD or WFE, which are no faults."""
        if error.errno != unicorn_const.UC_ERR_INSN_INVALID:
            return False
        return self._halfword(self._pc() - 2) in (YIELD, WAIT_FOR_EVENT)

    def waits_for_interrupt(self) -> bool:
        """Whether it stopped behind WFI."""
        return self._halfword(self._pc() - 2) == WAIT_FOR_INTERRUPT

    def reason(self, error: unicorn.UcError, address: int | None) -> str:
        """What the processor could not do, and what to look at."""
        if error.errno in ACCESSES and address is not None:
            return self._access(ACCESSES[error.errno], address)
        if not self._engine.reg_read(arm_const.UC_ARM_REG_CPSR) & THUMB_STATE:
            return (
                "a branch to an even address, which asks for Arm state, that a Cortex-M has not; "
                "look at the pointer it went through"
            )
        if error.errno == unicorn_const.UC_ERR_INSN_INVALID:
            return (
                f"an undefined instruction, {self._halfword(self._pc()):#06x} "
                f"{self._halfword(self._pc() + 2):#06x}; build for the Cortex-M7"
            )
        return self._exception()

    def _access(self, what: str, address: int) -> str:
        area = self._board.area_of(address)
        if area == "no memory" or what == "code":
            return f"{what} in {area}; look at the pointer, or at the memories of the board"
        return f"{what} in {area}, which does not take it; place what is written in a ram"

    def _exception(self) -> str:
        pc = self._pc()
        here, before = self._halfword(pc), self._halfword(pc - 2)
        if here == SEMIHOSTING:
            operation = self._engine.reg_read(arm_const.UC_ARM_REG_R0)
            return (
                f"a semihosting call, operation {operation:#x}, and no debugger answers; link "
                "without semihosting"
            )
        if here >> 8 == 0xBE:
            return f"a breakpoint, BKPT {here & 0xFF}, and no debugger listens; take it out"
        if before >> 8 == 0xDF:
            return (
                f"SVC {before & 0xFF}, and no exception is ever taken; call what the handler calls"
            )
        if pc >= EXCEPTION_RETURN:
            return "a return from an exception that was never taken; look at the link register"
        return f"code in {self._board.area_of(pc)}, where none may lie; look at the pointer"

    def _pc(self) -> int:
        return int(self._engine.reg_read(arm_const.UC_ARM_REG_PC))

    def _halfword(self, address: int) -> int:
        """Two bytes of code; 0 where no memory is."""
        try:
            return int.from_bytes(self._engine.mem_read(address, 2), "little")
        except (unicorn.UcError, ValueError):
            return 0
