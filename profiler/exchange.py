"""Requests and answers over a link that loses, damages and repeats bytes, and breaks off."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

from hwprof.errors import BoardError, LinkError, ProtocolError
from hwprof.profiler.frames import PROTOCOL_VERSION, Frame, FrameReader, encode_frame
from hwprof.profiler.links import Capability, Link
from hwprof.profiler.pacing import FrameSize, Patience, Retries
from hwprof.profiler.protocol import (
    DEFAULT_MAX_PAYLOAD_BYTES,
    ERROR_TYPE,
    RESPONSE,
    MessageType,
    decode_error,
)

_READ_BYTES = 65536
_BITS_PER_BYTE = 10  # with start and stop bit
_MOST_REOPENED = 20  # times in a row, without an answer in between


class SilentBoardError(LinkError):
    """No answer, however often it was asked for."""


class Exchange:
    """One host's side of a link: numbers requests, sends them again, knows answers from echoes.

    Attributes:
        size: payload bytes of a frame that the line carries.
        patience: how long to wait, and how often to ask.
        baud: rate of the board's line, whose time every wait allows for; 0 where not known.
        on_reopened: called when the line was opened again, before anything else is sent; the board
            may be another one.
    """

    def __init__(self, link: Link, patience: Patience) -> None:
        self.link = link
        self.patience = patience
        self.size = FrameSize(DEFAULT_MAX_PAYLOAD_BYTES)
        self.baud = 0
        self.on_reopened: Callable[[], None] = lambda: None
        self._reader = FrameReader()
        self._frames: deque[Frame] = deque()
        self._sequence = 0
        self._reopened = 0
        self._heard = False
        self._frames_heard = 0
        self._dropped_before = 0

    def request(
        self, message: MessageType, payload: bytes = b"", *, longest_s: float | None = None
    ) -> bytes:
        """Send until an answer comes, and return its payload.

        Raises:
            SilentBoardError: none comes.
            BoardError: the board refuses.
            LinkError: the line broke for good.
        """
        retries = Retries(self.patience, longest_s)
        sequence = self.post(message, payload)
        while True:
            answer = self.answer(message, sequence, retries.wait_s)
            if answer is not None:
                return answer
            self.check(message, retries)
            self.post(message, payload, sequence)

    def request_piece(self, message: MessageType, payload_for: Callable[[int], bytes]) -> bytes:
        """Ask for as much in one answer as the line carries, for less after each failure.

        Args:
            payload_for: the request for an answer of at most so many payload bytes.

        Raises:
            As ``request``.
        """
        retries = Retries(self.patience)
        while True:
            sequence = self.post(message, payload_for(self.size.bytes))
            answer = self.answer(message, sequence, retries.wait_s)
            if answer is not None:
                self.size.arrived(len(answer))
                return answer
            if self.was_damaged:
                self.size.damaged()
            self.check(message, retries)

    def post(self, message: MessageType, payload: bytes, sequence: int | None = None) -> int:
        """Send a request once, under a number of its own or under that of an earlier one."""
        if sequence is None:
            self._sequence = sequence = (self._sequence + 1) & 0xFFFF
        try:
            self.link.write(encode_frame(message, sequence, payload))
        except LinkError as error:
            self._reopen(error)
        return sequence

    def answer(self, message: MessageType, sequence: int, wait_s: float) -> bytes | None:
        """Payload of the answer to a request, None if it does not come in time."""
        for frame in self.incoming(wait_s, 2 * self.size.bytes):
            if frame.sequence == sequence:
                payload = self.opened(message, frame)
                if payload is not None:
                    return payload
        return None

    def opened(self, message: MessageType, frame: Frame) -> bytes | None:
        """Payload of an answer, None where the frame answers another kind of request.

        Raises:
            ProtocolError: the board speaks another version.
            BoardError: the board refuses.
        """
        if frame.version != PROTOCOL_VERSION:
            raise ProtocolError(
                f"this hwprof speaks protocol version {PROTOCOL_VERSION}, the board's firmware "
                f"version {frame.version}; load the image that came with this hwprof."
            )
        if frame.message_type == ERROR_TYPE:
            code, sentence = decode_error(frame.payload)
            raise BoardError(f"{message.name} refused: {sentence}", code=code)
        return frame.payload if frame.message_type == message | RESPONSE else None

    def incoming(self, wait_s: float, line_bytes: int = 0) -> Iterator[Frame]:
        """Frames as they come, until the time is up or the link says that no more will.

        Args:
            wait_s: for the board to answer.
            line_bytes: on their way before that, whose time the line takes.
        """
        self._heard = bool(self._frames)
        self._frames_heard = 0
        self._dropped_before = self._reader.dropped
        line_s = _BITS_PER_BYTE * line_bytes / self.baud if self.baud else 0
        deadline_s = time.monotonic() + wait_s + line_s
        while True:
            while self._frames:
                self._reopened = 0
                self._frames_heard += 1
                yield self._frames.popleft()
            data = self._read(deadline_s - time.monotonic())
            if not data:
                return
            self._heard = True
            self._frames.extend(self._reader.feed(data))

    @property
    def was_damaged(self) -> bool:
        """Whether bytes came since ``incoming`` was called last that were no frame."""
        dropped = self._reader.dropped > self._dropped_before
        return dropped or (self._heard and not self._frames_heard)

    def check(self, message: MessageType, retries: Retries) -> None:
        """Count a request without an answer.

        Raises:
            SilentBoardError: it was the last one.
        """
        if retries.failed(heard=self._heard):
            raise self.silent(message)

    def silent(self, message: MessageType) -> SilentBoardError:
        """The error of a board that does not answer."""
        return SilentBoardError(
            f"{self.link.target} did not answer {message.name}, however often it was asked "
            f"({self._reader.dropped} damaged frames dropped); check that the board runs hwprof's "
            "firmware and that the line is right."
        )

    def forget(self) -> None:
        """Drop what has arrived: it was sent before the board was restarted."""
        self._frames.clear()
        self._reader.forget()

    def _read(self, wait_s: float) -> bytes:
        if wait_s <= 0:
            return b""
        try:
            return self.link.read(_READ_BYTES, wait_s)
        except (BoardError, ProtocolError):
            raise
        except LinkError as error:
            self._reopen(error)
            return b""

    def _reopen(self, error: LinkError) -> None:
        """Have the line back after it broke; whoever waits for an answer will ask again."""
        self._reopened += 1
        can_reopen = Capability.REOPEN in self.link.capabilities
        if isinstance(error, BoardError) or not can_reopen or self._reopened > _MOST_REOPENED:
            raise error
        self.link.reopen()
        self.forget()
        self.on_reopened()
