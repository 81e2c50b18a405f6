"""A link that notes every byte and command that passes, for ``replay:`` (docs/FORMATS.md)."""

from __future__ import annotations

import json
import time
import zlib
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from hwprof.errors import ConfigurationError, LinkError
from hwprof.profiler.links._base import Link
from hwprof.profiler.links._wrapped import WrappedLink

RECORDING_VERSION = 1
MOST_RECORDED_BYTES = 1 << 30


class Event(StrEnum):
    """What can happen on a line; the second field of a recording's lines."""

    WRITE = "w"  # hexadecimal bytes to the board
    READ = "r"  # hexadecimal bytes from the board; empty: none came in time
    STAGE = "stage"  # address, size in bytes, CRC-32
    REOPEN = "reopen"
    RESET = "reset"
    BAUD = "baud"  # bits per second
    BROKE = "broke"  # sentence of the error that the command before ended with
    FULL = "full"  # the recording ends here for want of room


def staged(address: int, data: bytes) -> list[int]:
    """What a recording keeps of bytes that a probe wrote."""
    return [address, len(data), zlib.crc32(data)]


class RecordingLink(WrappedLink):
    """Another link whose traffic is written to a new file as it happens.

    Counters are not recorded: they are no part of a measured row. At ``most_bytes`` the recording
    ends and says so; the link goes on.

    Raises:
        ConfigurationError: the file exists already, or cannot be written.
    """

    def __init__(self, inner: Link, path: Path, *, most_bytes: int = MOST_RECORDED_BYTES) -> None:
        super().__init__(inner)
        self._path = path
        self._left_bytes = most_bytes
        self._started_s = time.monotonic()
        try:
            self._file: TextIO = path.open("x", encoding="ascii", buffering=1)
        except OSError as error:
            raise self._cannot_write(error) from error
        self._put(
            {
                "hwprof_recording": RECORDING_VERSION,
                "target": inner.target,
                "timing_model": inner.timing_model,
                "code_sha256": inner.code_sha256,
                "capabilities": sorted(inner.capabilities),
            }
        )

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """See ``Link.read``."""
        try:
            data = self._inner.read(max_bytes, timeout_s)
        except LinkError as error:
            self._note(Event.READ, "")
            self._note(Event.BROKE, str(error))
            raise
        self._note(Event.READ, data.hex())
        return data

    def write(self, data: bytes) -> None:
        """See ``Link.write``."""
        self._note(Event.WRITE, data.hex())
        try:
            self._inner.write(data)
        except LinkError as error:
            self._note(Event.BROKE, str(error))
            raise

    def close(self) -> None:
        """End the recording and close the link within."""
        self._file.close()
        self._inner.close()

    def stage(self, address: int, data: bytes) -> None:
        """See ``Link.stage``."""
        self._note(Event.STAGE, staged(address, data))
        self._inner.stage(address, data)

    def reopen(self) -> None:
        """See ``Link.reopen``."""
        self._note(Event.REOPEN)
        self._inner.reopen()

    def reset_board(self) -> None:
        """See ``Link.reset_board``."""
        self._note(Event.RESET)
        self._inner.reset_board()

    def set_baud(self, baud: int) -> None:
        """See ``Link.set_baud``."""
        self._note(Event.BAUD, baud)
        self._inner.set_baud(baud)

    def _note(self, event: Event, content: object = None) -> None:
        self._put([int((time.monotonic() - self._started_s) * 1e6), event, content])

    def _put(self, document: object) -> None:
        if self._left_bytes <= 0 or self._file.closed:
            return
        line = json.dumps(document, separators=(",", ":")) + "\n"
        self._left_bytes -= len(line)
        if self._left_bytes <= 0:
            line = json.dumps([0, Event.FULL, None]) + "\n"
        try:
            self._file.write(line)
        except OSError as error:
            raise self._cannot_write(error) from error

    def _cannot_write(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"a recording is written to a new file; {self._path} cannot be ({error.strerror}); "
            "choose another name or make room."
        )
