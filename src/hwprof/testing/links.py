"""What every link must keep: a class of tests to inherit from.

A link of your own, with a board behind it that speaks docs/PROTOCOL.md, proves itself so::

    class TestMyLink(LinkContract):
        @contextmanager
        def opened(self):
            with MyLink("...") as link:
                yield link
"""

# ruff: noqa: S101 - a kit of tests asserts

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

import pytest

from hwprof.errors import LinkError
from hwprof.profiler.frames import Frame, FrameReader, encode_frame
from hwprof.profiler.links import Capability, Link
from hwprof.profiler.protocol import RESPONSE, MessageType

ANSWER_S = 20.0
SILENCE_S = 0.05


class LinkContract(ABC):
    """Tests of one link; a subclass named ``Test...`` supplies ``opened``."""

    @abstractmethod
    def opened(self) -> AbstractContextManager[Link]:
        """A fresh link to a board that waits for its first request."""

    def test_it_is_silent_until_asked(self) -> None:
        """A board speaks only when spoken to, and reading a silent line returns nothing."""
        with self.opened() as link:
            assert link.read(100, SILENCE_S) == b""

    def test_a_request_is_answered(self) -> None:
        """What is written reaches the board, and what it answers arrives whole."""
        with self.opened() as link:
            frame = ask(link, 7)

            assert (frame.message_type, frame.sequence) == (MessageType.HELLO | RESPONSE, 7)

    def test_a_request_may_come_in_pieces(self) -> None:
        """Bytes written one by one are the same bytes."""
        with self.opened() as link:
            for byte in encode_frame(MessageType.HELLO, 8, b""):
                link.write(bytes([byte]))

            assert answer(link).sequence == 8

    def test_a_read_returns_no_more_than_asked(self) -> None:
        """``read`` keeps back what does not fit; read byte by byte the answer is complete."""
        with self.opened() as link:
            link.write(encode_frame(MessageType.HELLO, 9, b""))

            assert answer(link, max_bytes=1).sequence == 9

    def test_nothing_is_left_behind_an_answer(self) -> None:
        """After an answer the line is silent again."""
        with self.opened() as link:
            ask(link, 10)

            assert link.read(100, SILENCE_S) == b""

    def test_requests_are_answered_in_order(self) -> None:
        """Two requests written at once have two answers, the first one's first."""
        with self.opened() as link:
            link.write(
                encode_frame(MessageType.HELLO, 1, b"") + encode_frame(MessageType.HELLO, 2, b"")
            )
            reader, frames = FrameReader(), list[Frame]()
            while len(frames) < 2:
                frames += reader.feed(_read(link, 4096))

            assert [frame.sequence for frame in frames] == [1, 2]

    def test_a_closed_line_refuses_to_read(self) -> None:
        """Reading a closed link says that it is closed."""
        with self.opened() as link:
            link.close()

            with pytest.raises(LinkError, match="closed"):
                link.read(1, SILENCE_S)

    def test_a_closed_line_refuses_to_write(self) -> None:
        """Writing to a closed link says that it is closed."""
        with self.opened() as link:
            link.close()

            with pytest.raises(LinkError, match="closed"):
                link.write(b"x")

    def test_closing_twice_is_allowed(self) -> None:
        """The second close does nothing."""
        with self.opened() as link:
            link.close()
            link.close()

    def test_a_with_block_closes(self) -> None:
        """Leaving a ``with`` block closes the link."""
        with self.opened() as link:
            with link:
                pass

            with pytest.raises(LinkError, match="closed"):
                link.read(1, SILENCE_S)

    def test_it_says_what_it_is(self) -> None:
        """A link has a target string and the name of what its cycles come from."""
        with self.opened() as link:
            assert link.target
            assert link.timing_model

    def test_staging_is_offered_or_refused(self) -> None:
        """``stage`` works where the capability is named and is refused where it is not."""
        with self.opened() as link:
            if Capability.STAGE in link.capabilities:
                ask(link, 3)
                link.stage(0x2000_0000 + 0x3_0000, b"")  # the arena of DTCM; no byte changes
                return
            with pytest.raises(LinkError, match="cannot write the board's memory"):
                link.stage(0, b"")

    def test_counters_are_offered_or_refused(self) -> None:
        """``counters`` grow with work where the capability is named and are refused elsewhere."""
        with self.opened() as link:
            if Capability.COUNTERS in link.capabilities:
                before = link.counters()
                ask(link, 4)
                assert link.counters().instructions > before.instructions
                return
            with pytest.raises(LinkError, match="does not count instructions"):
                link.counters()


def ask(link: Link, sequence: int) -> Frame:
    """The answer to a HELLO of this sequence number."""
    link.write(encode_frame(MessageType.HELLO, sequence, b""))
    return answer(link)


def answer(link: Link, max_bytes: int = 4096) -> Frame:
    """The next frame; fails the test if none comes in time."""
    reader = FrameReader()
    while True:
        for frame in reader.feed(_read(link, max_bytes)):
            return frame


def _read(link: Link, max_bytes: int) -> bytes:
    deadline_s = time.monotonic() + ANSWER_S
    while time.monotonic() < deadline_s:
        data = link.read(max_bytes, 1.0)
        if data:
            assert len(data) <= max_bytes, f"read({max_bytes}) returned {len(data)} bytes"
            return data
    pytest.fail(f"{link.target} did not answer in {ANSWER_S} s")
