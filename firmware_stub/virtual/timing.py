"""Turns block counts into cycles: each block's cost is worked out once, then multiplied.

    cycles = sum over blocks of
        count        x cost of the block in a fresh pipeline
      + taken        x what its end adds to (or saves) the block it branches to
      + passed       x what its end adds to the block behind it
      + mispredicted x penalty, where it ends in a conditional branch
      + retargeted   x penalty, where it ends in an indirect branch

docs/TIMING.md is the long form. The version is bumped whenever any input gives another number.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import floor
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.core import UNKNOWN, CoreModel, load_core
from hwprof.firmware_stub.virtual.counting import BlockCounter, BlockCounts
from hwprof.firmware_stub.virtual.decode import Decoder, Operation
from hwprof.firmware_stub.virtual.description import BoardDescription
from hwprof.firmware_stub.virtual.memory import RegionCounts
from hwprof.firmware_stub.virtual.scoreboard import PipelineState, Scoreboard

TIMING_MODEL = "pipeline-2"
HEAD_BYTES = 48  # enough of a successor to see every latency that crosses into it
_ROUND_HALF_DOWN = 0.499  # sums of equal terms in another order must not round differently
ReadMemory = Callable[[int, int], bytes]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BlockCost:
    """What one block costs, in cycles for each execution or event."""

    instructions: int
    cycles: float
    taken_cycles: float
    passed_cycles: float
    mispredicted_cycles: float
    retargeted_cycles: float
    unknown: tuple[str, ...] = ()
    classes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionCost:
    """What one function cost, the functions it calls left out."""

    name: str
    cycles: int
    instructions: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What a timing model sees of a board.

    Attributes:
        counter: counts its blocks.
        bytes_of: the bytes of each memory of the description, where the host keeps them.
    """

    description: BoardDescription
    counter: BlockCounter
    read_memory: ReadMemory
    bytes_of: Sequence[npt.NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What ran while the firmware measured: a record, when the board runs a program.

    Attributes:
        regions: misses and waits of each memory; empty without a memory model.
    """

    instructions: int
    regions: tuple[RegionCounts, ...]

    def since(self, before: Stretch) -> Stretch:
        """What came after ``before``, both counted from power-on."""
        pairs = zip(self.regions, before.regions, strict=True)
        return Stretch(
            self.instructions - before.instructions, tuple(now.since(then) for now, then in pairs)
        )


@dataclass(slots=True)
class _Measured:
    """Readings of the cycle counter behind one barrier."""

    readings: list[Stretch] = field(default_factory=list)


class Timing(Protocol):
    """A timing model of a core, shared by the boards of a process."""

    @property
    def version(self) -> str:
        """What rows measured with it carry."""

    def follow(self, machine: Machine) -> PipelineRun:
        """Cost what a machine executes."""


class PipelineTiming:
    """Core pipeline only: every memory answers as TCM or a cache hit does.

    Shared by the boards of a process: costs depend on code bytes alone and are kept. Any thread may
    call; one at a time works.
    """

    def __init__(self, core: CoreModel) -> None:
        self.version = TIMING_MODEL
        self.core = core
        self._decoder = Decoder(core)
        self._scoreboard = Scoreboard(core)
        self._costs: dict[tuple[int, bytes, bytes, bytes], BlockCost] = {}
        self._lock = threading.Lock()

    def follow(self, machine: Machine) -> PipelineRun:
        """Cost what a machine executes."""
        return PipelineRun(self, machine)

    def block_cost(self, address: int, size_bytes: int, read_memory: ReadMemory) -> BlockCost:
        """Cost of the block at an address, its successors' first instructions included."""
        with self._lock:
            return self._known_cost(address, size_bytes, read_memory)

    def _known_cost(self, address: int, size_bytes: int, read_memory: ReadMemory) -> BlockCost:
        code = read_memory(address, size_bytes)
        behind = _head(address + size_bytes, read_memory)
        operations = self._decoder.block(code, address)
        target_address = operations[-1].target
        target = b"" if target_address is None else _head(target_address, read_memory)
        key = (address, code, behind, target)
        if key not in self._costs:
            self._costs[key] = self._cost(
                operations,
                self._decoder.straight(behind, address + size_bytes),
                self._decoder.straight(target, target_address or 0),
            )
        return self._costs[key]

    def _cost(
        self,
        operations: Sequence[Operation],
        behind: Sequence[Operation],
        target: Sequence[Operation],
    ) -> BlockCost:
        state = self._scoreboard.run(operations)
        branch = operations[-1].branch
        taken = self._crossing(state, target, may_pair=False)
        if operations[-1].target == operations[0].address:
            taken = max(taken, self._windows(operations) - state.cycles)
        mispredicted = self._scoreboard.mispredicted_cycles(state)
        return BlockCost(
            instructions=len(operations),
            cycles=state.cycles,
            taken_cycles=taken,
            passed_cycles=self._crossing(state, behind, may_pair=True),
            mispredicted_cycles=mispredicted if branch == "conditional" else 0.0,
            retargeted_cycles=self.core.mispredicted_cycles if branch == "indirect" else 0.0,
            unknown=tuple(o.text for o in operations if o.cls is UNKNOWN),
            classes=tuple(Counter(o.cls.name for o in operations).items()),
        )

    def _windows(self, operations: Sequence[Operation]) -> int:
        """Instruction fetches that a loop of one block needs in each round."""
        first, last = operations[0], operations[-1]
        window = self.core.fetch_bytes
        end = last.address + last.size_bytes
        return (end - 1) // window - first.address // window + 1

    def _crossing(
        self, end: PipelineState, successor: Sequence[Operation], *, may_pair: bool
    ) -> float:
        """How many cycles more the successor takes behind ``end`` than in a fresh pipeline."""
        entered = self._scoreboard.run(successor, end.handed_on(may_pair=may_pair))
        return entered.cycles - self._scoreboard.run(successor).cycles


def _head(address: int, read_memory: ReadMemory) -> bytes:
    try:
        return read_memory(address, HEAD_BYTES)
    except ConfigurationError:  # the end of a memory
        return b""


class PipelineRun:
    """Cycles of one board since power-on."""

    def __init__(self, timing: PipelineTiming, machine: Machine) -> None:
        self.counter = machine.counter
        self.read_memory = machine.read_memory
        self._timing = timing
        self._costs: list[BlockCost] = []
        self._table: Float64 = np.zeros((6, 0))
        self._whole_cycles = 0
        self._drained_at_cycles = 0.0
        self._measured: list[_Measured] = []

    @property
    def hook_address(self) -> int:
        """Address of the native hook; the first call of a process loads or compiles it."""
        from hwprof.firmware_stub.virtual.native import on_block

        return on_block.address

    @property
    def access_hook_address(self) -> int:
        """Address of a native hook on every load and store; 0 for none."""
        return 0

    def resume(self) -> bool:
        """Do what the hook stopped the engine for; False if it did not stop it."""
        return False

    def maintain(self, register: int, value: int) -> None:
        """A write to a cache maintenance register; nothing without a memory model."""

    def regions(self) -> tuple[RegionCounts, ...]:
        """Misses and waits of each memory; none without a memory model."""
        return ()

    def block_cost(self, address: int, size_bytes: int) -> BlockCost:
        """What the block at an address costs."""
        return self._timing.block_cost(address, size_bytes, self.read_memory)

    def counts(self) -> BlockCounts:
        """The counts, after every block among them has its cost."""
        counts = self.counter.counts()
        done = len(self._costs)
        if len(counts.address) > done:
            blocks = zip(
                counts.address[done:].tolist(), counts.size_bytes[done:].tolist(), strict=True
            )
            self._costs += [self.block_cost(a, s) for a, s in blocks]
            self._table = np.array([_numbers(cost) for cost in self._costs]).T
        return counts

    def cycles_of_blocks(self) -> Float64:
        """Cycles of each block, in the order of first execution."""
        counts = self.counts()
        _, cycles, taken, passed, mispredicted, retargeted = self._table
        found: Float64 = (
            counts.count * cycles
            + counts.taken * taken
            + counts.passed * passed
            + counts.mispredicted * mispredicted
            + counts.retargeted * retargeted
        )
        return found

    def instructions(self) -> int:
        """Instructions executed."""
        return int(self.counts().count @ self._table[0])

    def cycles(self) -> int:
        """Modelled core cycles."""
        return self._whole_cycles + self._cycles_since_drained()

    def settle(self) -> None:
        """Let everything under way complete.

        Some costs are fractions of a cycle on average, but a drained core has spent whole ones:
        rounding here keeps a stretch between two such points free of what came before it.
        """
        self._whole_cycles += self._cycles_since_drained()
        self._drained_at_cycles = float(self.cycles_of_blocks().sum())

    def drain(self) -> None:
        """Empty the branch predictor; the barrier behind it drains the pipeline."""
        self.settle()
        self.counter.forget_branches()
        self._measured.append(_Measured())

    def note_reading(self) -> None:
        """The firmware reads the cycle counter: a measurement begins, or ends for now."""
        if self._measured:
            self._measured[-1].readings.append(Stretch(self.instructions(), self.regions()))

    def take_stretches(self) -> list[Stretch]:
        """What ran between the first and the last reading of the counter behind each barrier.

        One for each barrier since the last call that had two readings behind it.
        """
        pairs = [(m.readings[0], m.readings[-1]) for m in self._measured if len(m.readings) > 1]
        self._measured.clear()
        return [last.since(first) for first, last in pairs]

    def cool(self) -> None:
        """Forget everything that made later code faster than earlier code."""
        self.drain()

    def _cycles_since_drained(self) -> int:
        since = float(self.cycles_of_blocks().sum()) - self._drained_at_cycles
        return floor(since + _ROUND_HALF_DOWN)

    def functions(self, name_at: Callable[[int], str]) -> list[FunctionCost]:
        """Cycles and instructions by function, the most expensive first."""
        cycles: Counter[str] = Counter()
        instructions: Counter[str] = Counter()
        counts = self.counts()
        executed = counts.count * self._table[0]
        for address, spent, done in zip(
            counts.address.tolist(), self.cycles_of_blocks(), executed, strict=True
        ):
            if done:
                name = name_at(address)
                cycles[name] += spent
                instructions[name] += done
        return [
            FunctionCost(name, round(float(spent)), int(instructions[name]))
            for name, spent in cycles.most_common()
        ]

    def classes(self) -> dict[str, int]:
        """Instructions executed of each class of the core's data file."""
        found: Counter[str] = Counter()
        for count, cost in zip(self.counts().count.tolist(), self._costs, strict=True):
            for name, times in cost.classes if count else ():
                found[name] += count * times
        return dict(found.most_common())

    def warnings(self) -> list[str]:
        """One sentence for each executed instruction that the core's data file lacks."""
        found: Counter[str] = Counter()
        for count, cost in zip(self.counts().count.tolist(), self._costs, strict=True):
            for text in cost.unknown if count else ():
                found[text] += count
        return [
            f"{text} is not in the core's table and was taken for one cycle, {times} times."
            for text, times in sorted(found.items())
        ]


def _numbers(cost: BlockCost) -> tuple[float, ...]:
    return (
        cost.instructions,
        cost.cycles,
        cost.taken_cycles,
        cost.passed_cycles,
        cost.mispredicted_cycles,
        cost.retargeted_cycles,
    )


@cache
def pipeline(core: str) -> PipelineTiming:
    """The one timing of a core that all boards of a process share."""
    return PipelineTiming(load_core(core))
