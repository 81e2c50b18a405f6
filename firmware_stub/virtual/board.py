"""A virtual board: Unicorn executes the firmware image, a timing model says what it costs."""

from __future__ import annotations

import ctypes
import mmap
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import unicorn
from unicorn import arm_const, unicorn_const
from unicorn.unicorn_py3.unicorn import uclib

from hwprof.errors import BoardError, ConfigurationError
from hwprof.firmware_stub.manifest import image_of
from hwprof.firmware_stub.virtual.alarm import Alarm
from hwprof.firmware_stub.virtual.arguments import Argument
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.bus import WINDOWS, Bus
from hwprof.firmware_stub.virtual.calls import (
    DEFAULT_MAX_CYCLES,
    RETURN_ADDRESS,
    Caller,
    CallResult,
    Limits,
)
from hwprof.firmware_stub.virtual.counting import BlockCounter
from hwprof.firmware_stub.virtual.description import BoardDescription
from hwprof.firmware_stub.virtual.faults import Examiner
from hwprof.firmware_stub.virtual.firmware import place_image
from hwprof.firmware_stub.virtual.free_memory import Buffer, FreeMemory
from hwprof.firmware_stub.virtual.image import FirmwareImage
from hwprof.firmware_stub.virtual.imxrt1170.chip import Rt1170
from hwprof.firmware_stub.virtual.loading import load_segments
from hwprof.firmware_stub.virtual.memory import RegionCounts
from hwprof.firmware_stub.virtual.modes import load_timing
from hwprof.firmware_stub.virtual.mpu import MpuRegion
from hwprof.firmware_stub.virtual.peripherals import Surroundings
from hwprof.firmware_stub.virtual.timing import FunctionCost, Machine, PipelineRun, Stretch, Timing
from hwprof.measurement import DEFAULT_KERNELS, DEFAULT_TIMING

NEVER = 0xFFFF_FFFE  # an `until` address no firmware executes
THUMB = 1
BY_ADDRESS = (0xF5C, 0xF68, 0xF70)  # DCIMVAC, DCCMVAC and DCCIMVAC, CMSIS core_cm7.h
LINE_BYTES = 32
SPIN_POLLS = 10_000  # polls of an empty line after which firmware waits for the host
PROTECTION = {
    "ram": unicorn_const.UC_PROT_ALL,
    "rom": unicorn_const.UC_PROT_READ | unicorn_const.UC_PROT_EXEC,
}


class Stop(StrEnum):
    """Why ``VirtualBoard.run`` returned."""

    IDLE = "idle"  # the firmware waits for bytes and none are on their way
    TIMEOUT = "timeout"


class VirtualBoard:
    """One powered board, owned by one thread.

    Attributes:
        description: its memories and peripherals.
        image: the firmware it runs.
        timing: the model that its cycle counter follows.
    """

    def __init__(
        self,
        description: BoardDescription,
        image: FirmwareImage,
        timing: Timing,
    ) -> None:
        self.description = description
        self.image = image
        self.timing = timing
        self._dead: BoardError | None = None
        stop_function = ctypes.cast(uclib.uc_emu_stop, ctypes.c_void_p).value
        self._counter = BlockCounter(stop_function or 0)
        self._surroundings = Surroundings(
            cache_sizes=description.cache_sizes,
            maintain=self._maintain_caches,
            timing_model=timing.version,
            cycles=lambda: self.cycles,
            forget_branches=self._forget_branches,
            note_reading=self._note_reading,
        )
        self._bus = Bus(description, self._surroundings)
        # Not UC_MODE_MCLASS: it makes Unicorn 2.1 a Cortex-M33 whatever model is asked for.
        self._engine = unicorn.Uc(unicorn_const.UC_ARCH_ARM, unicorn_const.UC_MODE_THUMB)
        self._engine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M7)
        self._examiner = Examiner(self._engine, description)
        self._fault_address: int | None = None
        self._spinning = False
        self._bytes: list[npt.NDArray[np.uint8]] = []
        self._map()
        self._load()
        self._engine.hook_add(unicorn_const.UC_HOOK_MEM_INVALID, self._on_invalid)
        machine = Machine(description, self._counter, self.read_memory, self._bytes)
        self._timing_run: PipelineRun = timing.follow(machine)
        self._hook_run()
        self._power_on()

    @classmethod
    def open(
        cls,
        name: str = "rt1170",
        *,
        image: Path | None = None,
        kernels: str = DEFAULT_KERNELS,
        timing: str = DEFAULT_TIMING,
        code: str = "",
    ) -> Self:
        """A board, with hwprof's firmware moved to its memories unless an image is given.

        Args:
            name: as ``load_board`` takes it: a name, or a path to a board file.
            image: an ELF to load at its own addresses instead.
            kernels: kernel library of hwprof's firmware.
            code: memory that hwprof's firmware executes from; empty for the board's default.

        Raises:
            UnknownNameError: no such board, kernel library, timing mode or memory for code.
            ConfigurationError: the board file or the image cannot be used.
        """
        description = load_board(name)
        parsed = (
            FirmwareImage.load(image)
            if image
            else place_image(
                image_of(kernels).path, description, code or description.placement.code
            )
        )
        return cls(description, parsed, load_timing(timing, description.core))

    # The serial line

    def feed(self, data: bytes) -> None:
        """Put bytes on the line to the board."""
        self._surroundings.received += data

    def take(self, max_bytes: int) -> bytes:
        """Bytes the board has sent, at most ``max_bytes``; never runs the board."""
        sent = self._surroundings.sent
        taken = bytes(sent[:max_bytes])
        del sent[:max_bytes]
        return taken

    # Running

    def run(self, timeout_s: float | None = None) -> Stop:
        """Execute until the firmware waits for bytes that are not there, or time is up.

        Raises:
            BoardError: the processor faulted; every later call raises the same.
        """
        self._counter.allow_start()
        with Alarm(self._counter, timeout_s) as alarm:
            while not alarm.rang:
                received_before = len(self._surroundings.received)
                self._execute(NEVER)
                if self._idle(received_before) and not alarm.rang:
                    return Stop.IDLE
        return Stop.TIMEOUT

    def _idle(self, received_before: int) -> bool:
        """Whether running on could change nothing: no byte waits, or nobody reads those."""
        if self._spinning or not self._surroundings.received:
            return True
        return len(self._surroundings.received) == received_before

    def _execute(self, until: int) -> None:
        if self._dead:
            raise self._dead
        self._fault_address, self._spinning = None, False
        self._surroundings.empty_polls = 0
        self._bus.forget_polls()
        try:
            self._emulate(until)
            while self._timing_run.resume():
                self._emulate(until)
        except unicorn.UcError as error:
            if self._pc == RETURN_ADDRESS or self._examiner.is_hint(error):
                return
            self._dead = self._fault(error)
            raise self._dead from error
        except BoardError as error:
            self._dead = error
            raise

    def _emulate(self, until: int) -> None:
        self._engine.emu_start(self._pc | THUMB, until)

    def _fault(self, error: unicorn.UcError) -> BoardError:
        reason = self._examiner.reason(error, self._fault_address)
        return BoardError(
            f"the virtual board's processor faulted in {self._where()}: {reason}",
            address=self._fault_address,
            pc=self._pc,
            cycle=self.cycles,
        )

    def _where(self) -> str:
        """The function; where none is, the address and the function that went there."""
        name = self.image.function_at(self._pc)
        if not name.startswith("0x"):
            return name
        caller = self._engine.reg_read(arm_const.UC_ARM_REG_LR) & ~THUMB
        origin = self.image.function_at(caller)
        return name if origin.startswith("0x") else f"{name}, called from {origin}"

    @property
    def _pc(self) -> int:
        return int(self._engine.reg_read(arm_const.UC_ARM_REG_PC))

    # Calling functions

    def call(
        self,
        function: str | int,
        *arguments: Argument,
        max_cycles: int = DEFAULT_MAX_CYCLES,
        max_seconds: float | None = None,
    ) -> CallResult:
        """Call a function of the image; arguments, limits and errors as ``Caller.call`` says."""
        return self._caller.call(function, arguments, Limits(max_cycles, max_seconds))

    def buffer(self, memory: str, content: bytes | int) -> Buffer:
        """Bytes of a memory that nothing else uses, on a cache line of their own.

        Args:
            memory: name of one of the board's memories.
            content: bytes to put there, or a number of zeros.

        Raises:
            UnknownNameError: the board has no memory of that name.
            ConfigurationError: it has not that much free.
        """
        data = content if isinstance(content, bytes) else bytes(content)
        buffer = self.free_memory.take(memory, len(data), "a buffer")
        self.stage(buffer.address, data)
        return buffer

    def use_stack(self, memory: str, size_bytes: int) -> None:
        """Choose the stack of calls, rounded up to whole pages of 4096 bytes, before the first.

        Raises:
            UnknownNameError: the board has no memory of that name.
            ConfigurationError: it has not that much free or cannot be written, or there is a stack.
        """
        self._caller.use_stack(memory, size_bytes)

    @cached_property
    def free_memory(self) -> FreeMemory:
        """What image, buffers and stack leave of the memories."""
        return FreeMemory(self.description, self.image)

    @cached_property
    def _caller(self) -> Caller:
        return Caller(self, self._engine, self._counter, lambda: self._execute(NEVER))

    @property
    def poll(self) -> str:
        """What the last run asked again and again in vain, in words; empty if nothing."""
        return "a serial line with nothing to read" if self._spinning else self._bus.poll

    def settle(self) -> None:
        """Let everything under way complete, so that what follows costs nothing on behalf of it."""
        self._timing_run.settle()

    def cool(self) -> None:
        """Empty the caches and the branch predictor, without a store: memory is as it was."""
        self._timing_run.cool()

    @property
    def chip(self) -> Rt1170 | None:
        """The chip's own blocks, where the board file names a chip."""
        return self._bus.chip

    @property
    def mpu_regions(self) -> tuple[MpuRegion, ...]:
        """Memory attributes as the firmware has set them; none while the unit is off."""
        return self._bus.system.mpu.regions

    def read_register(self, address: int) -> int:
        """Read a peripheral's 32-bit register, as the processor would."""
        return self._bus.read(address, 4)

    def write_register(self, address: int, value: int) -> None:
        """Write a peripheral's 32-bit register, as the processor would."""
        self._bus.write(address, 4, value)

    # Memory, as a debug probe sees it

    def stage(self, address: int, data: bytes) -> None:
        """Write memory, flash included, without the processor's help.

        Raises:
            ConfigurationError: the range is not inside one memory of the board.
        """
        self._check_range(address, len(data))
        self._engine.mem_write(address, data)

    def read_memory(self, address: int, size_bytes: int) -> bytes:
        """Read memory without the processor's help.

        Raises:
            ConfigurationError: the range is not inside one memory of the board.
        """
        self._check_range(address, size_bytes)
        return bytes(self._engine.mem_read(address, size_bytes))

    def _check_range(self, address: int, size_bytes: int) -> None:
        for area in self.description.memories:
            if area.base <= address and address + size_bytes <= area.end:
                return
        raise ConfigurationError(
            f"memory access must lie inside one memory of {self.description.name}; got "
            f"{size_bytes} bytes at {address:#010x}; see boards/{self.description.name}.toml."
        )

    # What it cost

    @property
    def cycles(self) -> int:
        """Modelled core cycles since power-on."""
        return self._timing_run.cycles()

    @property
    def instructions(self) -> int:
        """Instructions executed since power-on."""
        return self._timing_run.instructions()

    def functions(self) -> list[FunctionCost]:
        """Cycles and instructions of each function since power-on, the most expensive first."""
        return self._timing_run.functions(self.image.function_at)

    def take_stretches(self) -> list[Stretch]:
        """What each record executed and waited for, since the last call."""
        return self._timing_run.take_stretches()

    def instruction_classes(self) -> dict[str, int]:
        """Instructions executed since power-on, by class of the core's data file."""
        return self._timing_run.classes()

    def regions(self) -> tuple[RegionCounts, ...]:
        """Misses and waits of each memory since power-on; empty where memory is not modelled."""
        return self._timing_run.regions()

    @property
    def warnings(self) -> list[str]:
        """What the model left out of this run: registers and instructions it does not know."""
        return self._bus.warnings() + self._timing_run.warnings()

    # Set-up

    def _map(self) -> None:
        # Memory of the host's own, page by page as it is touched, so that hooks can read it too.
        for area in self.description.memories:
            data = np.frombuffer(mmap.mmap(-1, area.size_bytes), dtype=np.uint8)
            self._bytes.append(data)
            protection = PROTECTION[area.kind]
            self._engine.mem_map_ptr(area.base, area.size_bytes, protection, data.ctypes.data)
        for base, size_bytes in WINDOWS:
            self._engine.mmio_map(base, size_bytes, self._on_read, base, self._on_write, base)

    def _load(self) -> None:
        from hwprof.pool import pool_bytes

        self.stage(self.description.pool_address, pool_bytes())
        load_segments(self.image, self.description, self._engine.mem_write)

    def _hook_run(self) -> None:
        self._hook(unicorn_const.UC_HOOK_BLOCK, self._timing_run.hook_address)
        if self._timing_run.access_hook_address:
            accesses = unicorn_const.UC_HOOK_MEM_READ | unicorn_const.UC_HOOK_MEM_WRITE
            self._hook(accesses, self._timing_run.access_hook_address)

    def _hook(self, kind: int, address: int) -> None:
        handle = ctypes.c_size_t()
        status = uclib.uc_hook_add(
            self._engine._uch,  # noqa: SLF001 - the public hook_add takes Python callbacks only
            ctypes.byref(handle),
            kind,
            ctypes.c_void_p(address),
            ctypes.c_void_p(self._counter.data_address),
            ctypes.c_uint64(1),
            ctypes.c_uint64(0),
        )
        if status != unicorn_const.UC_ERR_OK:
            raise BoardError(f"Unicorn {unicorn.__version__} refused a hook ({status}).")

    def _power_on(self) -> None:
        stack, table = self.description.initial_stack, self.image.vector_table
        if table is not None:
            # Zero where the start-up code has yet to copy the table.
            stack = int.from_bytes(self.read_memory(table, 4), "little") or stack
        self._engine.reg_write(arm_const.UC_ARM_REG_SP, stack)
        self._engine.reg_write(arm_const.UC_ARM_REG_PC, self.image.entry | THUMB)

    # Unicorn's callbacks

    def _maintain_caches(self, register: int, value: int) -> None:
        self._timing_run.maintain(register, value)
        # A line that is written back to a memory whose controller is not set up is lost.
        chip = self.chip
        if chip and register in BY_ADDRESS and not chip.answers(value):
            self.stage(value & ~(LINE_BYTES - 1), bytes(LINE_BYTES))

    def _note_reading(self) -> None:
        self._timing_run.note_reading()

    def _forget_branches(self) -> None:
        self._timing_run.drain()

    def _on_read(self, _engine: unicorn.Uc, offset: int, size_bytes: int, base: int) -> int:
        value = self._bus.read(base + offset, size_bytes)
        self._spinning = self._surroundings.empty_polls > SPIN_POLLS
        if self.poll:
            self._counter.request_stop()
        return value

    def _on_write(
        self, _engine: unicorn.Uc, offset: int, size_bytes: int, value: int, base: int
    ) -> None:
        self._bus.write(base + offset, size_bytes, value)

    def _on_invalid(self, *access: int) -> bool:
        _engine, _kind, self._fault_address, *_rest = access
        return False
