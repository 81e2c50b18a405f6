"""A link around another one; what a subclass does not change passes through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwprof.profiler.links._base import Counters, Link

if TYPE_CHECKING:
    from hwprof.firmware_stub.virtual.timing import Stretch


class WrappedLink(Link):
    """Offers what the link within offers, which it owns: closing it closes that one."""

    def __init__(self, inner: Link) -> None:
        self.target = inner.target
        self.capabilities = inner.capabilities
        self.timing_model = inner.timing_model
        self.code_sha256 = inner.code_sha256
        self._inner = inner

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """See ``Link.read``."""
        return self._inner.read(max_bytes, timeout_s)

    def write(self, data: bytes) -> None:
        """See ``Link.write``."""
        self._inner.write(data)

    def close(self) -> None:
        """Close the link within."""
        self._inner.close()

    def stage(self, address: int, data: bytes) -> None:
        """See ``Link.stage``."""
        self._inner.stage(address, data)

    def counters(self) -> Counters:
        """See ``Link.counters``."""
        return self._inner.counters()

    def take_stretches(self) -> list[Stretch]:
        """See ``Link.take_stretches``."""
        return self._inner.take_stretches()

    def reopen(self) -> None:
        """See ``Link.reopen``."""
        self._inner.reopen()

    def reset_board(self) -> None:
        """See ``Link.reset_board``."""
        self._inner.reset_board()

    def set_baud(self, baud: int) -> None:
        """See ``Link.set_baud``."""
        self._inner.set_baud(baud)
