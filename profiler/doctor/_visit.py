"""What an examination knows so far: one target, its line while it is open, and the board behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import TracebackType
from typing import Self

from hwprof.firmware_stub.targets import VIRTUAL
from hwprof.firmware_stub.virtual.description import BoardDescription
from hwprof.measurement import SILICON, Placement
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.device import Device, Patience
from hwprof.profiler.links import Link, open_link
from hwprof.profiler.protocol import BoardInfo

SERIAL = "serial:"


@dataclass(frozen=True, slots=True)
class Times:
    """How long an examination waits, in seconds.

    Attributes:
        answer_s: for a first sign of life at the usual rate.
        other_rate_s: at each other rate.
        counted_s: for which the board's counter is held against the host's clock.
        now: the host's clock.
    """

    answer_s: float = 5.0
    other_rate_s: float = 0.5
    counted_s: float = 1.0
    now: Callable[[], float] = time.monotonic


@dataclass
class Visit:
    """One target under examination; ``close`` releases its line.

    Attributes:
        compared_with: board file or name to hold the board against; empty for the one it names.
        reference: board reference that is compared with, once it is known.
    """

    target: str
    compared_with: str = ""
    times: Times = field(default_factory=Times)
    reference: str = ""
    description: BoardDescription | None = None
    _link: Link | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def port(self) -> str:
        """Path of a serial port of this machine; empty for other lines."""
        device = self.target.removeprefix(SERIAL)
        return "" if device == self.target or "://" in device else device

    @property
    def link(self) -> Link:
        """The line, opened when it is first asked for.

        Raises:
            UnknownNameError, ConfigurationError, LinkError: as ``open_link``.
        """
        if self._link is None:
            self._link = open_link(self.target)
        return self._link

    def close(self) -> None:
        """Release the line."""
        if self._link is not None:
            self._link.close()
            self._link = None

    @cached_property
    def info(self) -> BoardInfo:
        """What the board says of itself.

        Raises:
            LinkError, ProtocolError: as ``Device.hello``.
        """
        return Device(self.link, replace(Patience(), attempts=2)).hello()

    @property
    def is_silicon(self) -> bool:
        """Whether the counter behind the line counts real cycles."""
        return self.info.timing_model == SILICON

    @property
    def board(self) -> BoardDescription:
        """The board file that is compared with; found by an earlier step."""
        assert self.description is not None  # noqa: S101 - the steps have an order
        return self.description

    def placement(self, **parts: str) -> Placement:
        """The default placement of the board file, some parts elsewhere."""
        return replace(self.board.placement, code=self.info.code_memory, **parts)

    def bench(self, placement: Placement, repeats: int = 1) -> Bench:
        """The examined board, opened to run blocks; its line must be closed.

        Raises:
            HwprofError: as ``Bench``.
        """
        self.close()
        setup = Setup(self.target, placement, self.info.kernels, repeats=repeats)
        return Bench(setup)

    def modelled(self, placement: Placement) -> Bench:
        """The virtual board that is compared with.

        Raises:
            HwprofError: as ``Bench``.
        """
        mode = "" if self.is_silicon else self.info.timing_model.partition("-")[0]
        setup = Setup(f"{VIRTUAL}:{self.reference}", placement, self.info.kernels, timing=mode)
        return Bench(setup)
