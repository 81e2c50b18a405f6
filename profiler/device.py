"""The host's side of docs/PROTOCOL.md: a board that programs are loaded into, run and read from."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property

from hwprof.errors import BoardError, ConfigurationError, ProtocolError
from hwprof.firmware_stub.manifest import find_image
from hwprof.measurement import DEFAULT_CACHE_STATE, Context, Origin, Placement
from hwprof.pool import pool_bytes
from hwprof.profiler import transfer
from hwprof.profiler.exchange import Exchange
from hwprof.profiler.links import Capability, Link
from hwprof.profiler.pacing import Patience
from hwprof.profiler.placement import WEIGHTS_USES, check_fit, placement_indices
from hwprof.profiler.program import Buffer, Program
from hwprof.profiler.protocol import (
    BoardInfo,
    Destination,
    MemoryUse,
    MessageType,
    PrepareFlag,
    RunFlag,
    words,
)
from hwprof.profiler.recovery import Recovery
from hwprof.profiler.runs import Checksum, RunOrder, RunResult, run

__all__ = ["Checksum", "Device", "Patience", "RunResult"]


@dataclass(slots=True)
class _Loaded:
    """What the board was told, to be told again after a restart."""

    program: Program
    inputs: bytes = b""  # of the activations, from their start; none where the board fills them
    is_on_board: bool = False
    inputs_are_on_board: bool = False

    def forget(self) -> None:
        """The board may have been restarted."""
        self.is_on_board = self.inputs_are_on_board = False


class Device:
    """A board behind a link; the link stays the caller's, who closes it.

    Lost and damaged frames are asked for again. A line that breaks off is opened again, a board
    that falls silent is restarted if the link can, and what was loaded is loaded again.
    """

    def __init__(self, link: Link, patience: Patience | None = None) -> None:
        self._link = link
        self._patience = patience or Patience()
        self._exchange = Exchange(link, self._patience)
        self._loaded: _Loaded | None = None
        self._recovery = Recovery(self._exchange, self._forget)

    @cached_property
    def info(self) -> BoardInfo:
        """What the board says of itself, asked once; the line is as fast as it can be from then.

        Raises:
            As ``hello``.
        """
        info = self._recovery.meet()
        self._exchange.size.raise_limit(info.max_payload_bytes)
        return info

    def hello(self) -> BoardInfo:
        """Ask the board what it is.

        Raises:
            SilentBoardError, LinkError: no answer.
            ProtocolError: the board's firmware is of another version.
        """
        return self._recovery.find()

    def expect_kernels(self, kernels: str) -> None:
        """Hold the kernel library that was asked for against the firmware's.

        Raises:
            ConfigurationError: the firmware carries another.
        """
        if self.info.kernels != kernels:
            raise ConfigurationError(
                f"kernels {kernels} were asked for and {self._link.target} runs firmware with "
                f"{self.info.kernels}; pass --kernels {self.info.kernels}, or load the image with "
                f"{kernels} kernels."
            )

    def origin(
        self, placement: Placement, scheme: str, cache_state: str = DEFAULT_CACHE_STATE
    ) -> Origin:
        """Where numbers of this board come from under a placement, scheme and cache state.

        Raises:
            ConfigurationError: the board does not offer the placement.
        """
        info = self.info
        placement_indices(info, placement)
        known = self._link.timing_model
        timing_model = info.timing_model if known == "silicon" else known
        context = Context(
            board=info.board,
            clock_hz=info.clock_hz,
            kernels=info.kernels,
            scheme=scheme,
            placement=placement,
            cache_state="none" if timing_model.startswith("pipeline") else cache_state,
            timing_model=timing_model,
        )
        image = find_image(info.firmware_id)
        firmware = image.sha256 if image else info.firmware_id
        return Origin(self._link.target, info.identity, firmware, context, self._link.code_sha256)

    def load(self, program: Program) -> None:
        """Send a program and its weights, and have the board check and prepare it.

        Raises:
            ModelDoesNotFitError: a region is larger than its memory; nothing was sent.
            ConfigurationError: the placement is not on offer, or this link cannot stage weights.
            BoardError: the board refused the program.
            LinkError: the line failed.
        """
        self._loaded = None
        placement_indices(self.info, program.placement)
        check_fit(self.info, program)
        self._check_pool()
        self._needs_probe(program)
        loaded = _Loaded(program)
        self._recovery.insist(lambda: self._put(loaded))
        self._loaded = loaded

    def run(
        self,
        repeats: int = 1,
        *,
        checksum: Checksum = Checksum.EACH,
        fill_inputs: bool = True,
        cold: bool = True,
    ) -> RunResult:
        """Run the loaded program; with ``cold`` each repeat begins with empty caches.

        With ``fill_inputs`` the board first copies each input's slice of the pool. Without it the
        inputs are what ``write_inputs`` wrote; a run may overwrite them, so there is one repeat.

        Raises:
            ConfigurationError: nothing is loaded, or repeats without ``fill_inputs``.
            BoardError: the board refused, or repeats computed different tensors.
            LinkError: the line failed.
        """
        loaded = self._check_loaded()
        if repeats < 1 or (repeats > 1 and not fill_inputs):
            raise ConfigurationError(
                "a run has at least 1 repeat, and only 1 when the inputs are written by the host; "
                f"got {repeats}."
            )
        flags = RunFlag.FILL_INPUTS * fill_inputs | RunFlag.COLD * cold | checksum
        order = RunOrder(flags, repeats, loaded.program.complete_outputs)

        def attempt() -> RunResult:
            self._put(loaded)
            return run(self._exchange, order)

        return self._recovery.insist(attempt)

    def read(self, buffer: Buffer) -> bytes:
        """Bytes of a tensor of the loaded program.

        Raises:
            ConfigurationError: nothing is loaded.
            BoardError: the buffer lies outside its region.
            LinkError: the line failed.
        """
        self._check_loaded()
        data = b""
        while len(data) < buffer.size_bytes:
            data += self._read_piece(buffer.address + len(data), buffer.size_bytes - len(data))
        return data

    def write_inputs(self, *tensors: bytes) -> None:
        """Write the input tensors of the loaded program, all of them, for one run.

        Raises:
            ConfigurationError: nothing is loaded, or sizes differ from the program's.
            LinkError: the line failed.
        """
        loaded = self._check_loaded()
        buffers = [entry.buffer for entry in loaded.program.inputs]
        if [len(tensor) for tensor in tensors] != [buffer.size_bytes for buffer in buffers]:
            raise ConfigurationError(
                f"the program takes inputs of {[b.size_bytes for b in buffers]} bytes; "
                f"got {[len(tensor) for tensor in tensors]}."
            )
        arena = bytearray(max((b.offset_bytes + b.size_bytes for b in buffers), default=0))
        for buffer, tensor in zip(buffers, tensors, strict=True):
            arena[buffer.offset_bytes : buffer.offset_bytes + buffer.size_bytes] = tensor
        loaded.inputs = bytes(arena)
        loaded.inputs_are_on_board = False
        self._recovery.insist(lambda: self._put(loaded))

    def abort(self) -> None:
        """Have the board forget program, placement and transfers."""
        self._loaded = None
        self._exchange.request(MessageType.ABORT)

    def _forget(self) -> None:
        if self._loaded is not None:
            self._loaded.forget()

    def _check_loaded(self) -> _Loaded:
        if self._loaded is None:
            raise ConfigurationError("no program is loaded; call load first.")
        return self._loaded

    def _check_pool(self) -> None:
        """Seeded tensors on the host are slices of the same pool."""
        seen, expected = self.info.pool_crc32, zlib.crc32(pool_bytes())
        if seen not in {0, expected}:
            raise ConfigurationError(
                f"the board's flash holds another pool, CRC-32 {seen:08x} instead of "
                f"{expected:08x}; write it with 'hwprof firmware load --flash', or put "
                "hwprof.pool.pool_bytes() where the port's README says."
            )

    def _needs_probe(self, program: Program) -> bool:
        """Whether the weights can be put in place by a probe only."""
        info = self.info
        memory = info.memories[info.memory_index(program.placement.weights, WEIGHTS_USES)]
        if not program.weights_image or MemoryUse.WEIGHTS in memory.uses:
            return False
        if Capability.STAGE not in self._link.capabilities:
            others = [other.name for other in info.memories if MemoryUse.WEIGHTS in other.uses]
            raise ConfigurationError(
                f"{self._link.target} cannot write {memory.name}; place the weights in "
                f"{' or '.join(others)}."
            )
        return True

    def _put(self, loaded: _Loaded) -> None:
        """Have on the board what is not, or no longer, there."""
        if not loaded.is_on_board:
            self._put_program(loaded.program)
            loaded.is_on_board = True
        if loaded.inputs and not loaded.inputs_are_on_board:
            transfer.send(self._exchange, Destination.ACTIVATIONS, loaded.inputs)
            loaded.inputs_are_on_board = True

    def _put_program(self, program: Program) -> None:
        indices = placement_indices(self.info, program.placement)
        staged = self._needs_probe(program)
        self._exchange.request(MessageType.PLACE, bytes([*indices, 0]))
        if staged:
            memory = self.info.memories[indices[1]]
            self._link.stage(memory.base_address, program.weights_image)
        elif program.weights_image:
            transfer.send(self._exchange, Destination.WEIGHTS, program.weights_image)
        transfer.send(self._exchange, Destination.PROGRAM, program.data)
        self._prepare(program, staged=staged)

    def _prepare(self, program: Program, *, staged: bool) -> None:
        weights = program.weights_image
        payload = words(PrepareFlag.STAGED * staged, len(weights), zlib.crc32(weights))
        longest_s = self._patience.prepare_s
        try:
            self._exchange.request(MessageType.PREPARE, payload, longest_s=longest_s)
        except BoardError as error:
            message = f"the board refused program {program.name!r}: {error}"
            raise BoardError(message, code=error.code) from error

    def _read_piece(self, address: int, size_bytes: int) -> bytes:
        piece = self._exchange.request_piece(
            MessageType.READ, lambda limit: words(address, min(limit, size_bytes))
        )
        if not 0 < len(piece) <= size_bytes:
            raise ProtocolError(f"READ of {size_bytes} bytes was answered with {len(piece)}.")
        return piece
