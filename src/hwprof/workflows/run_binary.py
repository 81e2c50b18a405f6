"""Runs a function of any Cortex-M7 binary on a virtual board, as ``hwprof run`` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.targets import describe_virtual, virtual_reference
from hwprof.measurement import DEFAULT_TARGET, DEFAULT_TIMING
from hwprof.workflows.call_arguments import FilledBuffer, place_argument

if TYPE_CHECKING:
    from hwprof.firmware_stub.virtual.arguments import Argument
    from hwprof.firmware_stub.virtual.board import VirtualBoard
    from hwprof.firmware_stub.virtual.calls import CallResult

DEFAULT_MAX_CYCLES = 10**11


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to run, where, and how often.

    Attributes:
        function: a symbol, or an address such as 0x8000.
        arguments: words of ``call_arguments.GRAMMAR``, in the order of the parameters.
        init: functions without arguments that are called first and not counted.
        stack: ``MEMORY:BYTES``; empty for 16 KiB where the board's firmware has its data.
        libraries: object files and archives to link with an image that is one itself.
        placement: ``program_parts.GRAMMAR`` of where the parts of object files go.
        memories: ``added_memory.GRAMMAR`` of memories that the board has not.
        dumps: number of an argument, from 1, and the file that its buffer is written to.
        warmup: calls in front of those that count; with none, each call that counts starts with
            empty caches and an empty branch predictor.
    """

    image: Path
    function: str
    arguments: tuple[str, ...] = ()
    init: tuple[str, ...] = ()
    target: str = DEFAULT_TARGET
    timing: str = DEFAULT_TIMING
    stack: str = ""
    libraries: tuple[Path, ...] = ()
    placement: tuple[str, ...] = ()
    memories: tuple[str, ...] = ()
    dumps: tuple[tuple[int, Path], ...] = ()
    warmup: int = 0
    repeats: int = 1
    max_cycles: int = DEFAULT_MAX_CYCLES
    max_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class RunReport:
    """What came of it.

    Attributes:
        results: one for each call that counts.
        buffers: the buffers among the arguments, by argument number from 1.
        warnings: what the model left out.
    """

    request: RunRequest
    board: str
    clock_hz: int
    timing_model: str
    image_sha256: str
    results: tuple[CallResult, ...]
    buffers: tuple[tuple[int, FilledBuffer], ...]
    warnings: tuple[str, ...]

    @property
    def last(self) -> CallResult:
        """The last call, which the tables show."""
        return self.results[-1]

    @property
    def start(self) -> str:
        """In which state caches and branch predictor were."""
        return "warm" if self.request.warmup else "cold"

    @property
    def latency_us(self) -> float:
        """Modelled time of the last call in microseconds."""
        return self.last.cycles * 1e6 / self.clock_hz


def run_binary(request: RunRequest) -> RunReport:
    """Load an image, call what there is to call first, then the function as often as asked.

    Raises:
        UnknownNameError: a target, timing, memory, function or symbol that is not there.
        ConfigurationError: an image, argument, stack or memory that cannot be.
        BoardError: the processor faulted, the stack overflowed, or a limit was reached.
    """
    board = _power_on(request)
    arguments = [place_argument(text, board) for text in request.arguments]
    buffers = {
        number: argument
        for number, argument in enumerate(arguments, start=1)
        if isinstance(argument, FilledBuffer)
    }
    _check_dumps(request, buffers)
    for name in request.init:
        _call(board, request, name, ())
    results = [
        _counted(board, request, arguments, index)
        for index in range(request.warmup + request.repeats)
    ]
    for number, path in request.dumps:
        place = buffers[number].place
        _write(path, board.read_memory(place.address, place.size_bytes))
    return RunReport(
        request=request,
        board=board.description.name,
        clock_hz=board.description.clock_hz,
        timing_model=board.timing.version,
        image_sha256=board.image.sha256,
        results=tuple(results[request.warmup :]),
        buffers=tuple(buffers.items()),
        warnings=tuple(board.warnings),
    )


def _power_on(request: RunRequest) -> VirtualBoard:
    from hwprof.firmware_stub.virtual.added_memory import add_memory
    from hwprof.firmware_stub.virtual.board import VirtualBoard
    from hwprof.firmware_stub.virtual.linking import load_program
    from hwprof.firmware_stub.virtual.modes import load_timing
    from hwprof.firmware_stub.virtual.program_parts import parse_placement

    reference = virtual_reference(request.target)
    if reference is None:
        raise ConfigurationError(
            f"a binary runs on a virtual board; got target {request.target!r}; see hwprof targets."
        )
    description = describe_virtual(reference)
    for text in request.memories:
        description = add_memory(description, text)
    timing = load_timing(request.timing, description.core)
    roots = [n for n in (request.function, *request.init) if isinstance(_address_or_name(n), str)]
    image = load_program(
        (request.image, *request.libraries), description, parse_placement(request.placement), roots
    )
    board = VirtualBoard(description, image, timing)
    if request.stack:
        board.use_stack(*_stack(request.stack))
    return board


def _stack(text: str) -> tuple[str, int]:
    memory, _, size = text.partition(":")
    if not memory or not size.isdecimal() or not 0 < int(size) < 1 << 32:
        raise ConfigurationError(f"a stack is MEMORY:BYTES; got {text!r}; write dtcm:16384.")
    return memory, int(size)


def _counted(
    board: VirtualBoard,
    request: RunRequest,
    arguments: Sequence[Argument | FilledBuffer],
    index: int,
) -> CallResult:
    """One call of the function, its buffers filled anew."""
    values: list[Argument] = []
    for argument in arguments:
        if isinstance(argument, FilledBuffer):
            board.stage(argument.place.address, argument.content)
            values.append(argument.place)
        else:
            values.append(argument)
    if not request.warmup or not index:
        board.cool()
    return _call(board, request, request.function, values)


def _call(
    board: VirtualBoard, request: RunRequest, function: str, values: Sequence[Argument]
) -> CallResult:
    return board.call(
        _address_or_name(function),
        *values,
        max_cycles=request.max_cycles,
        max_seconds=request.max_seconds,
    )


def _address_or_name(function: str) -> str | int:
    try:
        return int(function, 0)
    except ValueError:
        return function


def _check_dumps(request: RunRequest, buffers: dict[int, FilledBuffer]) -> None:
    """Before the run, so that none is made in vain."""
    for number, path in request.dumps:
        if number not in buffers:
            there = ", ".join(map(str, buffers)) or "none"
            raise ConfigurationError(
                f"what is dumped is an argument that is a buffer, one of {there}; got {number}; "
                "arguments are counted from 1."
            )
        if not path.absolute().parent.is_dir():
            raise ConfigurationError(
                f"cannot write {path}: there is no folder {path.parent}; make it first."
            )


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {path}: {error.strerror}; choose another place or make room."
        ) from error
