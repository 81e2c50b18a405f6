"""Bytes to the board in chunks, several under way at a time."""

from __future__ import annotations

import zlib
from collections import deque
from dataclasses import dataclass

from hwprof.errors import BoardError, ProtocolError
from hwprof.profiler.exchange import Exchange
from hwprof.profiler.pacing import Retries
from hwprof.profiler.protocol import Destination, MessageType, words

WINDOW_BYTES = 16384  # under way at most: some ten times what a line carries while an answer comes
MOST_CHUNKS = 8
_OFFSET_BYTES = 4
_WRONG_CHECKSUM = 5  # error code


def send(exchange: Exchange, destination: Destination, data: bytes) -> None:
    """Fill a destination of the board.

    Raises:
        SilentBoardError, LinkError: the line failed.
        BoardError: the board refused, or has a wrong checksum again and again.
        ProtocolError: the board asks for bytes that there are not.
    """
    for again in reversed(range(exchange.patience.attempts)):
        begin = words(destination, len(data), zlib.crc32(data))
        exchange.request(MessageType.BEGIN, begin)
        try:
            _Transfer(exchange, data).run()
        except BoardError as error:
            if error.code != _WRONG_CHECKSUM or not again:
                raise
        else:
            return


@dataclass(frozen=True, slots=True)
class _Chunk:
    sequence: int
    end: int
    payload_bytes: int


class _Transfer:
    """Go-back-N: the board takes chunks in order and answers each with the offset it expects.

    A lost chunk shows in the answers to those behind it; all are sent again from there, in shorter
    frames and one at a time until they pass.
    """

    def __init__(self, exchange: Exchange, data: bytes) -> None:
        self._exchange = exchange
        self._data = data
        self._taken = 0  # by the board, as far as its answers say
        self._sent = 0
        self._window = MOST_CHUNKS
        self._under_way: deque[_Chunk] = deque()
        self._retries = Retries(exchange.patience)

    def run(self) -> None:
        while self._taken < len(self._data):
            self._fill_window()
            self._take_answer()

    def _fill_window(self) -> None:
        while self._sent < len(self._data) and self._has_room():
            size_bytes = self._exchange.size.bytes - _OFFSET_BYTES
            chunk = self._data[self._sent : self._sent + size_bytes]
            payload = words(self._sent) + chunk
            sequence = self._exchange.post(MessageType.CHUNK, payload)
            self._sent += len(chunk)
            self._under_way.append(_Chunk(sequence, self._sent, len(payload)))

    def _has_room(self) -> bool:
        under_way_bytes = self._sent - self._taken
        return len(self._under_way) < self._window and under_way_bytes < WINDOW_BYTES

    def _take_answer(self) -> None:
        """One answer to any chunk under way; answers come in the order of the chunks."""
        line_bytes = sum(chunk.payload_bytes for chunk in self._under_way)
        for frame in self._exchange.incoming(self._retries.wait_s, line_bytes):
            sequences = [chunk.sequence for chunk in self._under_way]
            if frame.sequence not in sequences:
                continue
            payload = self._exchange.opened(MessageType.CHUNK, frame)
            if payload is not None:
                for _ in range(sequences.index(frame.sequence)):
                    self._under_way.popleft()
                self._go_on(self._under_way.popleft(), int.from_bytes(payload, "little"))
                return
        self._go_back(self._taken)
        self._exchange.check(MessageType.CHUNK, self._retries)

    def _go_on(self, chunk: _Chunk, expected: int) -> None:
        if not self._taken <= expected <= len(self._data):
            raise ProtocolError(
                f"the board asks for byte {expected} of {len(self._data)} after it had "
                f"{self._taken}; reset it and try again."
            )
        self._retries.answered()
        if expected < chunk.end:
            self._go_back(expected)
            return
        self._taken = expected
        self._sent = max(self._sent, expected)
        self._exchange.size.arrived(chunk.payload_bytes)
        self._window = min(MOST_CHUNKS, self._window + 1)

    def _go_back(self, expected: int) -> None:
        self._taken = self._sent = expected
        self._under_way.clear()
        self._window = 1
        self._exchange.size.damaged()
