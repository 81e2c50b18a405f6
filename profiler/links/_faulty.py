"""A line that loses, damages and repeats bytes, for testing what survives it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError
from hwprof.profiler.links._base import Counters, Link

if TYPE_CHECKING:
    from hwprof.firmware_stub.virtual.timing import Stretch


@dataclass(frozen=True, slots=True)
class Faults:
    """How bad a line is; each rate is a probability for one byte, 0 to 1.

    Attributes:
        drop_rate: the byte never arrives.
        flip_rate: one of its bits arrives inverted.
        repeat_rate: it arrives twice.
        max_read_bytes: longest piece that one ``read`` returns, 0 for no limit.
    """

    drop_rate: float = 0.0
    flip_rate: float = 0.0
    repeat_rate: float = 0.0
    max_read_bytes: int = 0

    def __post_init__(self) -> None:
        rates = (self.drop_rate, self.flip_rate, self.repeat_rate)
        if not all(0 <= rate <= 1 for rate in rates) or self.max_read_bytes < 0:
            raise ConfigurationError(
                f"fault rates are probabilities and piece lengths are not negative; got {self}."
            )


class FaultyLink(Link):
    """Another link behind a bad line, in both directions; the same seed makes the same faults.

    Staging and counters are a probe's, not the line's: they pass unharmed. Closing closes the
    link within.
    """

    def __init__(self, inner: Link, faults: Faults, *, seed: int) -> None:
        self.target = f"faulty:{inner.target}"
        self.capabilities = inner.capabilities
        self.timing_model = inner.timing_model
        self.code_sha256 = inner.code_sha256
        self._inner = inner
        self._faults = faults
        self._random = random.Random(seed)
        self._arrived = bytearray()

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """See ``Link.read``; what the line swallowed counts as not come."""
        if not self._arrived:
            self._arrived += self._spoil(self._inner.read(max_bytes, timeout_s))
        limit = min(max_bytes, self._faults.max_read_bytes or max_bytes)
        taken = bytes(self._arrived[:limit])
        del self._arrived[:limit]
        return taken

    def write(self, data: bytes) -> None:
        """See ``Link.write``."""
        self._inner.write(self._spoil(data))

    def close(self) -> None:
        """Close the link within; what had arrived is gone."""
        self._arrived.clear()
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

    def _spoil(self, data: bytes) -> bytes:
        spoilt = bytearray()
        for byte in data:
            if self._happens(self._faults.drop_rate):
                continue
            flipped = self._happens(self._faults.flip_rate)
            arriving = byte ^ 1 << self._random.randrange(8) if flipped else byte
            times = 2 if self._happens(self._faults.repeat_rate) else 1
            spoilt += bytes([arriving]) * times
        return bytes(spoilt)

    def _happens(self, rate: float) -> bool:
        return rate > 0 and self._random.random() < rate
