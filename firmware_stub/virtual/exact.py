"""Timing that counts memory as well: the pipeline's cycles and what the core waits for memories.

    cycles = cycles of PipelineTiming + waits of memory_model.py

Every load, store and fetch of the run goes through the board's caches and memories (streams.py);
the clock that they see is the sum of the blocks' costs and of the waits so far.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual import counting
from hwprof.firmware_stub.virtual.memory import MemorySystem, RegionCounts
from hwprof.firmware_stub.virtual.memory_model import TICKS_PER_CYCLE
from hwprof.firmware_stub.virtual.streams import SliceLibrary, Streams
from hwprof.firmware_stub.virtual.timing import (
    Float64,
    Machine,
    PipelineRun,
    PipelineTiming,
    pipeline,
)

EXACT_MODEL = "exact-3"
IT_REACH_BYTES = 14  # from an IT instruction to its fourth: two bytes, three times four


class ExactTiming:
    """Pipeline, caches and memories; shared by the boards of a process."""

    def __init__(self, core_timing: PipelineTiming) -> None:
        self.version = EXACT_MODEL
        self.core_timing = core_timing
        self.slices = SliceLibrary()
        self.known: dict[KnownBlock, None] = {}

    def follow(self, machine: Machine) -> ExactRun:
        """Cost what a machine executes."""
        return ExactRun(self, machine)


@dataclass(frozen=True, slots=True)
class KnownBlock:
    """A block that a board of this process executed.

    Attributes:
        ahead: the bytes in front of it, which say whether it stands under an IT instruction.
        before: as ``Slicer.slice`` takes it.
    """

    address: int
    code: bytes
    ahead: bytes
    before: bytes


class ExactRun(PipelineRun):
    """Cycles of one board since power-on, memories included."""

    streams_type = Streams

    def __init__(self, timing: ExactTiming, machine: Machine) -> None:
        super().__init__(timing.core_timing, machine)
        self.memory = MemorySystem(
            machine.description, timing.core_timing.core.unaligned_load_cycles
        )
        self.streams = self.streams_type(machine.counter, timing.slices)
        self.streams.attach(self.memory.mem)
        for area, data in zip(machine.description.memories, machine.bytes_of, strict=True):
            self.streams.add_area(area.base, data)
        self._known = timing.known
        self._open_conditions: dict[int, bytes] = {}  # by the row of their block
        self._install_known()

    def _install_known(self) -> None:
        """Install what earlier boards executed, if the same code lies here: each stop costs."""
        for block in tuple(self._known):  # boards of other threads may add to them
            here = self._code(block.address - len(block.ahead), len(block.ahead + block.code))
            if here == block.ahead + block.code:
                row = self.counter.add(block.address, len(block.code))
                if row:
                    self._install(row, block)

    def _code(self, address: int, size_bytes: int) -> bytes:
        try:
            return self.read_memory(address, size_bytes)
        except ConfigurationError:  # another board's memory map
            return b""

    def _install(self, row: int, block: KnownBlock) -> None:
        cost = self.block_cost(block.address, len(block.code))
        ticks = round(cost.cycles * TICKS_PER_CYCLE)
        self._open_conditions[row] = self.streams.install(
            row, block.code, block.address, ticks, before=block.before
        )

    @property
    def hook_address(self) -> int:
        """Address of the native hook; the first call of a process loads or compiles it."""
        from hwprof.firmware_stub.virtual.native_streams import on_streamed_block

        return on_streamed_block.address

    def resume(self) -> bool:
        """Install the slice of the block that the engine stopped in front of, if it did."""
        wanted = self.streams.take_wanted()
        if wanted is None:
            return False
        row, address, size_bytes = wanted
        code = self.read_memory(address, size_bytes)
        ahead = self._code(address - IT_REACH_BYTES, IT_REACH_BYTES)
        block = KnownBlock(address, code, ahead, self._open_condition(address))
        self._install(row, block)
        self._known[block] = None
        return True

    def _open_condition(self, address: int) -> bytes:
        """What the block that just ran leaves open, if it ends where the next one starts."""
        state = self.counter.state
        previous = int(state[counting.PREVIOUS_ROW])
        if not previous or state[counting.PREVIOUS_END] != address:
            return b""
        return self._open_conditions[previous]

    def cycles_of_blocks(self) -> Float64:
        """Cycles of each block in the order of first execution, waits included."""
        waits = self.memory.block_stall_ticks()[self.counts().row]
        return super().cycles_of_blocks() + waits / TICKS_PER_CYCLE

    def settle(self) -> None:
        """Complete what is under way, as the barrier at the border between two records does."""
        super().settle()
        self.memory.drain()

    def cool(self) -> None:
        """Forget branches and everything in the caches."""
        super().cool()
        self.memory.cool()

    def maintain(self, register: int, value: int) -> None:
        """A write to a cache maintenance register of the system control block."""
        self.memory.maintain(register, value)

    def regions(self) -> tuple[RegionCounts, ...]:
        """Misses and waits of each memory behind the caches since power-on."""
        return self.memory.counts()

    def warnings(self) -> list[str]:
        """What the pipeline warns of, and accesses that could not be followed."""
        return super().warnings() + self.streams.warnings()


@cache
def exact(core: str) -> ExactTiming:
    """The one timing of a core that all boards of a process share."""
    return ExactTiming(pipeline(core))
