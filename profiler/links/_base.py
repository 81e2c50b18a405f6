"""What a line to a board is: bytes in, bytes out, and what else it can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Self

from hwprof.errors import LinkError

if TYPE_CHECKING:
    from hwprof.firmware_stub.virtual.timing import Stretch


class Capability(StrEnum):
    """What a link can do beside moving bytes; ask these, never what class it is."""

    STAGE = "stage"  # writes the board's memory as a debug probe would, flash included
    COUNTERS = "counters"  # counts executed instructions, and what memory made the core wait
    REOPEN = "reopen"  # comes back after the line broke
    RESET = "reset"  # restarts the board from outside
    BAUD = "baud"  # changes the line's rate


@dataclass(frozen=True, slots=True)
class Counters:
    """What the board executed since power-on, protocol and idle loops included."""

    cycles: int
    instructions: int


class Link(ABC):
    """A byte stream to one board, opened by its constructor and owned by one thread.

    Call order: ``read`` and ``write`` in any order, then ``close`` once or more; after ``close``
    both raise. Frames are none of its business: bytes may arrive split and joined anyhow.

    Attributes:
        target: the string that opens this line again, ``virtual:rt1170``.
        capabilities: what beside the stream is offered.
        timing_model: ``silicon``, or the model whose cycles the board's counter reports where the
            link knows it; behind a serial port the board's identity says so.
        code_sha256: hash of what modelled cycles rest on, empty where the link does not know it.
    """

    capabilities: frozenset[Capability] = frozenset()
    target: str
    timing_model: str = "silicon"
    code_sha256: str = ""

    @abstractmethod
    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """Return 1 to ``max_bytes`` bytes as soon as any are there.

        Empty when nothing came within ``timeout_s``, or earlier when it is certain that nothing
        will come before the next ``write``.

        Raises:
            LinkError: the line is closed or broke.
            BoardError: the board's processor faulted (a virtual board only).
        """

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send all of ``data``; returns when the line has taken it.

        Raises:
            LinkError: the line is closed or broke.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the line; closing twice is allowed."""

    def stage(self, address: int, data: bytes) -> None:
        """Write ``data`` at a board address, flash included; needs ``Capability.STAGE``.

        Raises:
            LinkError: this link has no way to the board's memory.
        """
        del address, data
        raise LinkError(
            f"{self.target} cannot write the board's memory; place the weights in a memory "
            "that takes them over the line."
        )

    def counters(self) -> Counters:
        """Cycles and instructions since power-on; needs ``Capability.COUNTERS``.

        Raises:
            LinkError: this board does not count instructions.
        """
        raise LinkError(f"{self.target} does not count instructions; use a virtual board.")

    def take_stretches(self) -> list[Stretch]:
        """What each record executed and waited for since the last call; needs ``COUNTERS``.

        Raises:
            LinkError: this board does not count instructions.
        """
        raise LinkError(f"{self.target} does not count instructions; use a virtual board.")

    def reopen(self) -> None:
        """Open the line again after it broke; needs ``Capability.REOPEN``.

        Waits a while for a port that is gone. What was on its way is lost; the board is as it was,
        or powered on anew if the line powers it.

        Raises:
            LinkError: the line is closed for good, stays away, or cannot be opened again.
        """
        raise LinkError(f"{self.target} broke and cannot be opened again; start anew.")

    def reset_board(self) -> None:
        """Restart the board from outside; needs ``Capability.RESET``.

        Raises:
            LinkError: nothing on this line can restart a board.
        """
        raise LinkError(f"{self.target} cannot reset its board; press its reset button.")

    def set_baud(self, baud: int) -> None:
        """Go on at another rate, in bits per second; needs ``Capability.BAUD``.

        Raises:
            LinkError: this line has no rate, or not this one.
        """
        raise LinkError(f"{self.target} cannot go on at {baud} baud; keep its rate.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
