"""The virtual board in this process, as a link."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hwprof.errors import LinkError
from hwprof.measurement import DEFAULT_KERNELS, DEFAULT_TIMING
from hwprof.profiler.links._base import Capability, Counters, Link

if TYPE_CHECKING:
    from hwprof.firmware_stub.virtual.timing import Stretch


class VirtualLink(Link):
    """A virtual board that runs while somebody reads from it.

    ``read`` is the only call that executes firmware, so a program's seconds of host time pass
    inside it. It returns early once the firmware sleeps with nothing to read.

    Raises:
        UnknownNameError: no board of that name ships with the package, it has no such memory for
            code, no image has such kernels, or there is no such timing mode.
        ConfigurationError: the board file or the image cannot be used.
    """

    capabilities = frozenset({Capability.STAGE, Capability.COUNTERS, Capability.RESET})

    def __init__(
        self,
        name: str = "rt1170",
        *,
        image: Path | None = None,
        kernels: str = DEFAULT_KERNELS,
        code: str = "",
        timing: str = "",
    ) -> None:
        from hwprof.firmware_stub.stamp import code_sha256
        from hwprof.firmware_stub.virtual.board import VirtualBoard

        self.target = f"virtual:{name}"
        self._power_on = partial(
            VirtualBoard.open,
            name,
            image=image,
            kernels=kernels,
            code=code,
            timing=timing or DEFAULT_TIMING,
        )
        self.board = self._power_on()
        self.timing_model = self.board.timing.version
        self.code_sha256 = code_sha256(name, kernels)
        self._closed = False

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """See ``Link.read``; runs the board."""
        self._check_open()
        taken = self.board.take(max_bytes)
        if taken:
            return taken
        self.board.run(timeout_s)
        return self.board.take(max_bytes)

    def write(self, data: bytes) -> None:
        """See ``Link.write``; the bytes wait on the line until the board runs."""
        self._check_open()
        self.board.feed(data)

    def close(self) -> None:
        """Power the board off."""
        self._closed = True

    def stage(self, address: int, data: bytes) -> None:
        """See ``Link.stage``."""
        self._check_open()
        self.board.stage(address, data)

    def counters(self) -> Counters:
        """See ``Link.counters``."""
        self._check_open()
        return Counters(self.board.cycles, self.board.instructions)

    def take_stretches(self) -> list[Stretch]:
        """See ``Link.take_stretches``."""
        self._check_open()
        return self.board.take_stretches()

    def reset_board(self) -> None:
        """Power the board off and on: memory, counters and what was on the line are gone."""
        self._check_open()
        self.board = self._power_on()

    def _check_open(self) -> None:
        if self._closed:
            raise LinkError(f"{self.target} is closed; open it again with open_link.")
