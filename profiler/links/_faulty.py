"""A line that loses, damages and repeats bytes and breaks off, for testing what survives it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hwprof.errors import ConfigurationError, LinkError
from hwprof.profiler.links._base import Capability, Link
from hwprof.profiler.links._wrapped import WrappedLink

_DELIMITER = 0


@dataclass(frozen=True, slots=True)
class Faults:
    """How bad a line is; each rate is a probability for one byte, 0 to 1.

    Attributes:
        drop_rate: the byte never arrives.
        flip_rate: one of its bits arrives inverted.
        repeat_rate: it arrives twice.
        max_read_bytes: longest piece that one ``read`` returns, 0 for no limit.
        disconnect_every_frames: frames, of both directions together, after which the line breaks
            off until it is opened again; 0 for never.
    """

    drop_rate: float = 0.0
    flip_rate: float = 0.0
    repeat_rate: float = 0.0
    max_read_bytes: int = 0
    disconnect_every_frames: int = 0

    def __post_init__(self) -> None:
        rates = (self.drop_rate, self.flip_rate, self.repeat_rate)
        lengths = (self.max_read_bytes, self.disconnect_every_frames)
        if not all(0 <= rate <= 1 for rate in rates) or min(lengths) < 0:
            raise ConfigurationError(
                f"fault rates are probabilities and lengths are not negative; got {self}."
            )


class FaultyLink(WrappedLink):
    """Another link behind a bad line, in both directions; the same seed makes the same faults.

    Staging and counters are a probe's, not the line's: they pass unharmed.

    Attributes:
        disconnects: times that the line broke off.
    """

    def __init__(self, inner: Link, faults: Faults, *, seed: int) -> None:
        super().__init__(inner)
        self.target = f"faulty:{inner.target}"
        self.capabilities = inner.capabilities | {Capability.REOPEN}
        self.disconnects = 0
        self._faults = faults
        self._random = random.Random(seed)
        self._arrived = bytearray()
        self._frames = 0
        self._frame_is_open = False
        self._broken = False

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """See ``Link.read``; what the line swallowed counts as not come."""
        self._check_connected()
        if not self._arrived:
            self._arrived += self._spoil(self._inner.read(max_bytes, timeout_s))
        limit = min(max_bytes, self._faults.max_read_bytes or max_bytes)
        taken = bytes(self._arrived[:limit])
        del self._arrived[:limit]
        return taken

    def write(self, data: bytes) -> None:
        """See ``Link.write``."""
        self._check_connected()
        self._inner.write(self._spoil(data))

    def close(self) -> None:
        """Close the link within; what had arrived is gone."""
        self._arrived.clear()
        self._broken = False
        self._inner.close()

    def reopen(self) -> None:
        """See ``Link.reopen``; what was on its way is gone."""
        self._broken = False
        if Capability.REOPEN in self._inner.capabilities:
            self._inner.reopen()

    def _check_connected(self) -> None:
        limit = self._faults.disconnect_every_frames
        if limit and self._frames >= limit:
            self._frames = 0
            self._broken = True
            self.disconnects += 1
            self._arrived.clear()
        if self._broken:
            raise LinkError(f"{self.target} broke off; check the cable.")

    def _spoil(self, data: bytes) -> bytes:
        self._count_frames(data)
        spoilt = bytearray()
        for byte in data:
            if self._happens(self._faults.drop_rate):
                continue
            flipped = self._happens(self._faults.flip_rate)
            arriving = byte ^ 1 << self._random.randrange(8) if flipped else byte
            times = 2 if self._happens(self._faults.repeat_rate) else 1
            spoilt += bytes([arriving]) * times
        return bytes(spoilt)

    def _count_frames(self, data: bytes) -> None:
        for byte in data:
            self._frames += self._frame_is_open and byte == _DELIMITER
            self._frame_is_open = byte != _DELIMITER

    def _happens(self, rate: float) -> bool:
        return rate > 0 and self._random.random() < rate
