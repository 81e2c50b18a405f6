"""The host's side of docs/PROTOCOL.md: a board that programs are loaded into, run and read from."""

from __future__ import annotations

import struct
import time
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag
from functools import cached_property

from hwprof.errors import BoardError, ConfigurationError, LinkError, ProtocolError
from hwprof.firmware_stub.manifest import find_image
from hwprof.measurement import DEFAULT_CACHE_STATE, Context, Origin, Placement
from hwprof.pool import pool_bytes
from hwprof.profiler.links import Capability, Link
from hwprof.profiler.placement import WEIGHTS_USES, check_fit, placement_indices
from hwprof.profiler.program import PROGRAM_VERSION, Buffer, Program
from hwprof.profiler.protocol import (
    ERROR_TYPE,
    PROTOCOL_VERSION,
    RESPONSE,
    BoardInfo,
    Destination,
    Frame,
    FrameReader,
    MeasuredRecord,
    MemoryUse,
    MessageType,
    PrepareFlag,
    RunFlag,
    RunReport,
    decode_error,
    encode_frame,
)

_OFFSET_BYTES = 4
_READ_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an answer, and how often to ask again.

    Attributes:
        answer_s: for requests that only move bytes.
        prepare_s: for HELLO, which may read the whole pool, and for PREPARE.
        run_s: between two frames of a run; each holds up to 64 records.
        attempts: times that a request is sent in all.
    """

    answer_s: float = 2.0
    prepare_s: float = 20.0
    run_s: float = 300.0
    attempts: int = 4


class Checksum(IntFlag):
    """Which outputs a run checksums, outside the measured time.

    A checksum reads what a record wrote and so leaves other lines in the caches: a run whose cycles
    count memory takes the last output's only.
    """

    NONE = 0
    EACH = RunFlag.CHECKSUM
    LAST = RunFlag.CHECKSUM_LAST


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run cost and what it computed.

    Attributes:
        cycles: core cycles, one tuple for each repeat, one number in it for each record.
        checksums: CRC-32 of each record's output tensor, equal in all repeats; 0 if not asked for.
    """

    cycles: tuple[tuple[int, ...], ...]
    checksums: tuple[int, ...]


class Device:
    """A board behind a link; the link stays the caller's, who closes it.

    One request is under way at a time. Lost and damaged frames are asked for again under the same
    sequence number, late answers to earlier requests are dropped.
    """

    def __init__(self, link: Link, patience: Patience | None = None) -> None:
        self._link = link
        self._patience = patience or Patience()
        self._reader = FrameReader()
        self._frames: deque[Frame] = deque()
        self._sequence = 0
        self._program: Program | None = None

    @cached_property
    def info(self) -> BoardInfo:
        """What the board says of itself, asked once."""
        return self.hello()

    def hello(self) -> BoardInfo:
        """Ask the board what it is.

        Raises:
            LinkError: no answer.
            ProtocolError: the board's firmware is of another version.
        """
        payload = self._request(MessageType.HELLO, timeout_s=self._patience.prepare_s)
        info = BoardInfo.decode(payload)
        if info.program_version != PROGRAM_VERSION:
            raise ProtocolError(
                f"this hwprof writes programs of version {PROGRAM_VERSION}, the board's firmware "
                f"reads version {info.program_version}; load the image that came with this hwprof."
            )
        return info

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
        self._program = None
        indices = placement_indices(self.info, program.placement)
        check_fit(self.info, program)
        self._check_pool()
        staged = self._needs_probe(program)
        self._request(MessageType.PLACE, bytes([*indices, 0]))
        if staged:
            memory = self.info.memories[indices[1]]
            self._link.stage(memory.base_address, program.weights_image)
        elif program.weights_image:
            self._transfer(Destination.WEIGHTS, program.weights_image)
        self._transfer(Destination.PROGRAM, program.data)
        self._prepare(program, staged=staged)
        self._program = program

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
        program = self._loaded()
        if repeats < 1 or (repeats > 1 and not fill_inputs):
            raise ConfigurationError(
                "a run has at least 1 repeat, and only 1 when the inputs are written by the host; "
                f"got {repeats}."
            )
        flags = RunFlag.FILL_INPUTS * fill_inputs | RunFlag.COLD * cold | checksum
        records = _Collected(repeats, program.complete_outputs)
        attempts = self._patience.attempts if fill_inputs else 1
        for attempt in range(attempts):
            self._send(MessageType.RUN, _words(flags, repeats), again=attempt > 0)
            if self._collect(records):
                return records.result()
        raise self._no_answer(MessageType.RUN, attempts)

    def read(self, buffer: Buffer) -> bytes:
        """Bytes of a tensor of the loaded program.

        Raises:
            ConfigurationError: nothing is loaded.
            BoardError: the buffer lies outside its region.
            LinkError: the line failed.
        """
        self._loaded()
        step = self.info.max_payload_bytes
        starts = range(0, buffer.size_bytes, step)
        return b"".join(
            self._read_piece(buffer.address + start, min(step, buffer.size_bytes - start))
            for start in starts
        )

    def write_inputs(self, *tensors: bytes) -> None:
        """Write the input tensors of the loaded program, all of them, for one run.

        Raises:
            ConfigurationError: nothing is loaded, or sizes differ from the program's.
            LinkError: the line failed.
        """
        buffers = [entry.buffer for entry in self._loaded().inputs]
        if [len(tensor) for tensor in tensors] != [buffer.size_bytes for buffer in buffers]:
            raise ConfigurationError(
                f"the program takes inputs of {[b.size_bytes for b in buffers]} bytes; "
                f"got {[len(tensor) for tensor in tensors]}."
            )
        arena = bytearray(max((b.offset_bytes + b.size_bytes for b in buffers), default=0))
        for buffer, tensor in zip(buffers, tensors, strict=True):
            arena[buffer.offset_bytes : buffer.offset_bytes + buffer.size_bytes] = tensor
        self._transfer(Destination.ACTIVATIONS, bytes(arena))

    def abort(self) -> None:
        """Have the board forget program, placement and transfers."""
        self._program = None
        self._request(MessageType.ABORT)

    def _loaded(self) -> Program:
        if self._program is None:
            raise ConfigurationError("no program is loaded; call load first.")
        return self._program

    def _check_pool(self) -> None:
        """Seeded tensors on the host are slices of the same pool."""
        seen, expected = self.info.pool_crc32, zlib.crc32(pool_bytes())
        if seen not in {0, expected}:
            raise ConfigurationError(
                f"the board's flash holds another pool, CRC-32 {seen:08x} instead of "
                f"{expected:08x}; write hwprof.pool.pool_bytes() where the port's README says."
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

    def _prepare(self, program: Program, *, staged: bool) -> None:
        weights = program.weights_image
        payload = _words(PrepareFlag.STAGED * staged, len(weights), zlib.crc32(weights))
        try:
            self._request(MessageType.PREPARE, payload, timeout_s=self._patience.prepare_s)
        except BoardError as error:
            message = f"the board refused program {program.name!r}: {error}"
            raise BoardError(message, code=error.code) from error

    def _transfer(self, destination: Destination, data: bytes) -> None:
        """Send bytes in chunks; the board says where to go on, so a lost chunk costs one repeat."""
        self._request(MessageType.BEGIN, _words(destination, len(data), zlib.crc32(data)))
        step = self.info.max_payload_bytes - _OFFSET_BYTES
        offset = setbacks = 0
        while offset < len(data):
            reply = self._request(MessageType.CHUNK, _words(offset) + data[offset : offset + step])
            following = int.from_bytes(reply, "little")
            setbacks += following <= offset
            if following > len(data) or setbacks >= self._patience.attempts:
                raise ProtocolError(
                    f"the board asks for byte {following} of {len(data)} after chunk {offset}; "
                    "reset it and try again."
                )
            offset = following

    def _read_piece(self, address: int, size_bytes: int) -> bytes:
        piece = self._request(MessageType.READ, _words(address, size_bytes))
        if len(piece) != size_bytes:
            raise ProtocolError(f"READ of {size_bytes} bytes was answered with {len(piece)}.")
        return piece

    def _collect(self, records: _Collected) -> bool:
        """Take RUN responses until all are there (True) or none comes in time."""
        while not records.complete:
            payload = self._answer(MessageType.RUN, self._patience.run_s)
            if payload is None:
                return False
            records.take(RunReport.decode(payload))
        return True

    def _request(
        self, message: MessageType, payload: bytes = b"", *, timeout_s: float | None = None
    ) -> bytes:
        """Send until an answer comes, and return its payload."""
        wait_s = self._patience.answer_s if timeout_s is None else timeout_s
        for attempt in range(self._patience.attempts):
            self._send(message, payload, again=attempt > 0)
            answer = self._answer(message, wait_s)
            if answer is not None:
                return answer
        raise self._no_answer(message, self._patience.attempts)

    def _send(self, message: MessageType, payload: bytes, *, again: bool) -> None:
        if not again:
            self._sequence = (self._sequence + 1) & 0xFFFF
        self._link.write(encode_frame(message, self._sequence, payload))

    def _answer(self, message: MessageType, wait_s: float) -> bytes | None:
        """Payload of the next answer to the request under way, None if it does not come in time."""
        deadline_s = time.monotonic() + wait_s
        for frame in self._incoming(deadline_s):
            if frame.sequence != self._sequence:
                continue
            if frame.version != PROTOCOL_VERSION:
                raise ProtocolError(
                    f"this hwprof speaks protocol version {PROTOCOL_VERSION}, the board's firmware "
                    f"version {frame.version}; load the image that came with this hwprof."
                )
            if frame.message_type == message | RESPONSE:
                return frame.payload
            if frame.message_type == ERROR_TYPE:
                code, sentence = decode_error(frame.payload)
                raise BoardError(f"{message.name} refused: {sentence}", code=code)
        return None

    def _incoming(self, deadline_s: float) -> Iterator[Frame]:
        """Frames as they come, until the deadline or until the link says that no more will."""
        while True:
            while self._frames:
                yield self._frames.popleft()
            left_s = deadline_s - time.monotonic()
            data = self._link.read(_READ_BYTES, left_s) if left_s > 0 else b""
            if not data:
                return
            self._frames.extend(self._reader.feed(data))

    def _no_answer(self, message: MessageType, attempts: int) -> LinkError:
        return LinkError(
            f"{self._link.target} did not answer {message.name} in {attempts} attempts "
            f"({self._reader.dropped} damaged frames dropped); check that the board runs hwprof's "
            "firmware and that the line is right."
        )


class _Collected:
    """Records of a run as their reports come, in any order, some of them twice."""

    def __init__(self, repeats: int, complete_outputs: tuple[bool, ...]) -> None:
        records = len(complete_outputs)
        self._runs: list[list[MeasuredRecord | None]] = [[None] * records for _ in range(repeats)]
        self._missing = repeats * records
        self._complete_outputs = complete_outputs

    @property
    def complete(self) -> bool:
        return self._missing == 0

    def take(self, report: RunReport) -> None:
        if report.repeat >= len(self._runs):
            raise ProtocolError(f"RUN of {len(self._runs)} repeats reports repeat {report.repeat}.")
        run = self._runs[report.repeat]
        end = report.first + len(report.records)
        if end > len(run):
            raise ProtocolError(f"RUN of {len(run)} records reports record {end - 1}.")
        self._missing -= run[report.first : end].count(None)
        run[report.first : end] = report.records

    def result(self) -> RunResult:
        runs = [[record for record in run if record is not None] for run in self._runs]
        checksums = [tuple(record.crc32 for record in run) for run in runs]
        for number, seen in enumerate(zip(*checksums, strict=True)):
            if self._complete_outputs[number] and len(set(seen)) > 1:
                raise BoardError(
                    f"record {number} computed different tensors from the same inputs in "
                    f"{len(runs)} repeats; the board's memory or its firmware is faulty."
                )
        cycles = tuple(tuple(record.cycles for record in run) for run in runs)
        return RunResult(cycles, checksums[0])


def _words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)
