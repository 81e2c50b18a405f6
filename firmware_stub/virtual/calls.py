"""Calls one function of whatever a board has in its memories, and says what that cost.

The function finds what Arm's procedure call standard promises: arguments in registers and on the
stack, a stack pointer aligned to eight bytes, and in LR an address where nothing is, so that its
return ends the call. The FPU is on and no interrupt is ever taken. Below the stack lies a page that
no load or store may touch.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import unicorn
from unicorn import arm_const

from hwprof.errors import BoardError, ConfigurationError, UnknownNameError
from hwprof.firmware_stub.virtual.alarm import Alarm
from hwprof.firmware_stub.virtual.arguments import Argument, Frame, lay_out
from hwprof.firmware_stub.virtual.counting import BlockCounter
from hwprof.firmware_stub.virtual.division import CCR, DIV_0_TRP, trap_divisions
from hwprof.firmware_stub.virtual.faults import Examiner
from hwprof.firmware_stub.virtual.memory import RegionCounts
from hwprof.firmware_stub.virtual.stack import DEFAULT_STACK_BYTES, CallStack
from hwprof.firmware_stub.virtual.timing import FunctionCost

if TYPE_CHECKING:
    from hwprof.firmware_stub.virtual.board import VirtualBoard

RETURN_ADDRESS = 0xF000_0000  # vendor space, DDI 0403E table B3-1: never code
THUMB = 1
DEFAULT_MAX_CYCLES = 10**11
CPACR, FPU_ON = 0xE000_ED88, 0x00F0_0000  # DDI 0403E B3.2.20: full access to CP10 and CP11
# Blocks between two looks at the cycles, 20 ms or so; fewer the nearer the limit is.
MOST_BLOCKS, CYCLES_PER_BLOCK = 1 << 22, 8


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a function returned and what it cost.

    Attributes:
        function: the symbol, or the address as hexadecimal text.
        r0, r1: core registers, 0 to 2^32 - 1; a 64-bit integer is ``r1 << 32 | r0``.
        s0, d0: the FPU's first register as single and as double precision.
        cycles, instructions: from the first instruction to the return, modelled core cycles.
        functions: cycles and instructions of each function, the most expensive first.
        regions: misses and waits of each memory; none under a timing that leaves memories out.
        stack_bytes: how far the stack grew, arguments included, as far as it was written to.
    """

    function: str
    r0: int
    r1: int
    s0: float
    d0: float
    cycles: int
    instructions: int
    functions: tuple[FunctionCost, ...]
    regions: tuple[RegionCounts, ...]
    stack_bytes: int

    @property
    def instructions_per_cycle(self) -> float:
        """Instructions executed in a cycle, on average."""
        return self.instructions / max(self.cycles, 1)


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop a function that does not return; ``max_seconds`` is time of the host."""

    max_cycles: int = DEFAULT_MAX_CYCLES
    max_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class _Spent:
    cycles: int
    instructions: int
    functions: tuple[FunctionCost, ...]
    regions: tuple[RegionCounts, ...]


class Caller:
    """Calls functions on one board.

    Args:
        execute: runs the engine from its program counter until it stops by itself.
    """

    def __init__(
        self,
        board: VirtualBoard,
        engine: unicorn.Uc,
        counter: BlockCounter,
        execute: Callable[[], None],
    ) -> None:
        self._board = board
        self._engine = engine
        self._counter = counter
        self._execute = execute
        self._examiner = Examiner(engine, board.description)
        self._stack: CallStack | None = None
        self._traps_divisions = False

    def use_stack(self, memory: str, size_bytes: int) -> CallStack:
        """See ``VirtualBoard.use_stack``."""
        if self._stack is not None:
            raise ConfigurationError("a board's calls have one stack; choose it before the first.")
        if self._board.description.memory(memory).kind != "ram":
            raise ConfigurationError(f"a stack is written to; {memory} is a rom; name a ram.")
        self._stack = CallStack(self._engine, self._board.free_memory, memory, size_bytes)
        return self._stack

    def call(
        self, function: str | int, arguments: Sequence[Argument], limits: Limits
    ) -> CallResult:
        """Call a function of the image and run it until it returns.

        Arguments go where Arm's procedure call standard (Arm IHI 0042) puts them under the image's
        floating-point ABI: integers of 32 bits, numpy's ``int64`` and ``uint64``; a Python float or
        numpy's ``float32`` as single precision, numpy's ``float64`` as double; a ``Buffer`` as its
        address. Caches and branch predictor are as the call before left them.

        Args:
            function: a symbol, or an address.
            arguments: in the order of the function's parameters.
            limits: after how many modelled core cycles, and how many seconds of the host's time, to
                give it up.

        Raises:
            UnknownNameError: the image has no function of that name.
            ConfigurationError: the symbol is no Thumb function, or an argument cannot be passed.
            BoardError: the processor faulted, the stack overflowed, or a limit was reached.
        """
        entry = self._entry(function)
        frame = lay_out(arguments, self._board.image.float_abi)
        stack = self._stack or self.use_stack(
            self._board.description.firmware.data, DEFAULT_STACK_BYTES
        )
        self._enter(entry, frame, stack.prepare(frame.stack))
        self._board.settle()
        before = self._spent()
        self._run(limits, before.cycles, stack)
        self._counter.leave(RETURN_ADDRESS)
        name = function if isinstance(function, str) else f"{entry:#010x}"
        return self._result(name, before, stack.used_bytes())

    def _entry(self, function: str | int) -> int:
        if isinstance(function, int):
            self._board.read_memory(function & ~THUMB, 2)
            return function & ~THUMB
        image = self._board.image
        symbol = image.by_name.get(function)
        if not image.symbols:
            raise ConfigurationError(
                f"{image.name} has no symbols, so {function!r} cannot be found; call an address, "
                "or keep the symbols when linking."
            )
        if symbol is None:
            names = [known.name for known in image.symbols if known.is_function]
            raise UnknownNameError("function", function, names)
        if symbol.is_data:
            raise ConfigurationError(
                f"what is called is a function; {function!r} of {image.name} is data at "
                f"{symbol.address:#010x}; name a function."
            )
        if not symbol.is_thumb:
            raise ConfigurationError(
                f"a Cortex-M executes Thumb code; {function!r} of {image.name} is in Arm state; "
                "build it with -mthumb -mcpu=cortex-m7."
            )
        return symbol.address

    def _enter(self, entry: int, frame: Frame, stack_pointer: int) -> None:
        self._board.write_register(CPACR, FPU_ON)
        self._trap_divisions()
        for number, word in enumerate(frame.core):
            self._engine.reg_write(arm_const.UC_ARM_REG_R0 + number, word)
        for number, word in frame.single.items():
            self._engine.reg_write(arm_const.UC_ARM_REG_S0 + number, word)
        self._engine.reg_write(arm_const.UC_ARM_REG_SP, stack_pointer)
        self._engine.reg_write(arm_const.UC_ARM_REG_LR, RETURN_ADDRESS | THUMB)
        self._engine.reg_write(arm_const.UC_ARM_REG_PC, entry | THUMB)

    def _trap_divisions(self) -> None:
        """From the first call on that finds the trap enabled."""
        if not self._traps_divisions and self._board.read_register(CCR) & DIV_0_TRP:
            trap_divisions(self._engine, self._board.image, self._division_by_zero)
            self._traps_divisions = True

    def _division_by_zero(self, pc: int) -> BoardError:
        return BoardError(
            f"the virtual board's processor faulted in {self._board.image.function_at(pc)}: a "
            "division by zero, and CCR.DIV_0_TRP is set; look at the divisor",
            pc=pc,
            cycle=self._board.cycles,
        )

    # Until it returns

    def _run(self, limits: Limits, started_at: int, stack: CallStack) -> None:
        with Alarm(self._counter, limits.max_seconds) as alarm:
            while self._pc() != RETURN_ADDRESS:
                left = limits.max_cycles - (self._board.cycles - started_at)
                if left <= 0:
                    raise self._stopped(
                        f"did not return within {limits.max_cycles:,} cycles",
                        "allow more cycles, or look at what it waits for",
                    )
                self._counter.allow_start(min(MOST_BLOCKS, max(1, left // CYCLES_PER_BLOCK)))
                if alarm.rang:
                    raise self._stopped(
                        f"did not return within {limits.max_seconds:g} s of the host's time",
                        "allow more time, or look at what it waits for",
                    )
                self._run_on(stack)

    def _run_on(self, stack: CallStack) -> None:
        try:
            self._execute()
        except BoardError as error:
            if stack.guards(error.address):
                raise self._overflow(error, stack) from error
            raise
        poll = self._board.poll
        if poll:
            raise self._stopped(f"polls {poll}", "call a function that does not")
        if self._pc() != RETURN_ADDRESS and self._examiner.waits_for_interrupt():
            raise self._stopped(
                "waits for an interrupt, which is never taken,", "call a function that does not"
            )

    def _stopped(self, why: str, way_out: str) -> BoardError:
        pc = self._pc()
        return BoardError(
            f"the program {why} and was stopped in {self._board.image.function_at(pc)}; {way_out}",
            pc=pc,
            cycle=self._board.cycles,
        )

    def _overflow(self, error: BoardError, stack: CallStack) -> BoardError:
        where = self._board.image.function_at(error.pc or 0)
        return BoardError(
            f"the stack of {stack.size_bytes:,} bytes overflowed in {where}; take a larger one",
            address=error.address,
            pc=error.pc,
            cycle=error.cycle,
        )

    def _pc(self) -> int:
        return int(self._engine.reg_read(arm_const.UC_ARM_REG_PC))

    # What it cost

    def _spent(self) -> _Spent:
        board = self._board
        return _Spent(board.cycles, board.instructions, tuple(board.functions()), board.regions())

    def _result(self, function: str, before: _Spent, stack_bytes: int) -> CallResult:
        after = self._spent()
        read = self._engine.reg_read
        d0 = struct.pack("<Q", read(arm_const.UC_ARM_REG_D0))
        return CallResult(
            function=function,
            r0=read(arm_const.UC_ARM_REG_R0),
            r1=read(arm_const.UC_ARM_REG_R1),
            s0=struct.unpack_from("<f", d0)[0],
            d0=struct.unpack("<d", d0)[0],
            cycles=after.cycles - before.cycles,
            instructions=after.instructions - before.instructions,
            functions=_since(after.functions, before.functions),
            regions=tuple(
                region.since(earlier)
                for region, earlier in zip(after.regions, before.regions, strict=True)
            ),
            stack_bytes=stack_bytes,
        )


def _since(
    after: Sequence[FunctionCost], before: Sequence[FunctionCost]
) -> tuple[FunctionCost, ...]:
    """Costs of a stretch that began with ``before``; functions that cost nothing are left out."""
    known = {cost.name: cost for cost in before}
    none = FunctionCost("", 0, 0)
    spent = [
        FunctionCost(
            cost.name,
            cost.cycles - known.get(cost.name, none).cycles,
            cost.instructions - known.get(cost.name, none).instructions,
        )
        for cost in after
    ]
    return tuple(sorted((c for c in spent if c.instructions), key=lambda cost: -cost.cycles))
