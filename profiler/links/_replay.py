"""A recorded board: answers as it did, to exactly the bytes that it was sent (docs/FORMATS.md)."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from hwprof.errors import ConfigurationError, LinkError
from hwprof.profiler.links._base import Capability, Link
from hwprof.profiler.links._recording import RECORDING_VERSION, Event, staged

_LONGEST_LINE = 1 << 20  # a frame is at most some 66,000 bytes, two digits each
_SILENT = (Event.READ, "")


@dataclass(frozen=True, slots=True)
class _Header:
    target: str
    timing_model: str
    code_sha256: str
    capabilities: frozenset[Capability]


class ReplayLink(Link):
    """What a ``RecordingLink`` wrote, played to the same requests.

    ``target`` is that of the recorded line, so that rows are those of the recorded board.

    Raises:
        ConfigurationError: the file cannot be read or is no recording.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._line = 0
        self._lines = self._read_lines()
        header = self._header()
        self.target = header.target
        self.timing_model = header.timing_model
        self.code_sha256 = header.code_sha256
        self.capabilities = header.capabilities - {Capability.COUNTERS}
        self._next: tuple[Event, object] | None = None
        self._pending = b""
        self._closed = False
        self._differed: LinkError | None = None

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """See ``Link.read``; silent where the board was, and where it waited for a request."""
        del timeout_s
        self._check_open()
        if not self._pending:
            event, content = self._peek()
            if event is not Event.READ:
                return b""
            self._take()
            self._raise_if_broke()
            self._pending = self._bytes(content)
        taken, self._pending = self._pending[:max_bytes], self._pending[max_bytes:]
        return taken

    def write(self, data: bytes) -> None:
        """See ``Link.write``.

        Raises:
            LinkError: other bytes were sent when this was recorded.
        """
        self._expect(Event.WRITE, data.hex())

    def close(self) -> None:
        """Leave the recording."""
        self._closed = True
        self._lines.close()

    def stage(self, address: int, data: bytes) -> None:
        """See ``Link.stage``."""
        if Capability.STAGE not in self.capabilities:
            super().stage(address, data)
        self._expect(Event.STAGE, staged(address, data))

    def reopen(self) -> None:
        """See ``Link.reopen``."""
        self._pending = b""
        self._expect(Event.REOPEN, None)

    def reset_board(self) -> None:
        """See ``Link.reset_board``."""
        self._expect(Event.RESET, None)

    def set_baud(self, baud: int) -> None:
        """See ``Link.set_baud``."""
        self._expect(Event.BAUD, baud)

    def _expect(self, event: Event, content: object) -> None:
        self._check_open()
        while self._peek() == _SILENT:
            self._take()
        recorded = self._peek()
        if recorded != (event, content):
            self._differed = LinkError(
                f"{self._path} was recorded otherwise: its line {self._line} has "
                f"{_described(*recorded)} where {_described(event, content)} is sent now; replay "
                "it with the command and the hwprof that recorded it."
            )
            raise self._differed
        self._take()
        self._raise_if_broke()

    def _raise_if_broke(self) -> None:
        event, sentence = self._peek()
        if event is Event.BROKE:
            self._take()
            raise LinkError(str(sentence))

    def _peek(self) -> tuple[Event, object]:
        if self._next is None:
            self._next = self._event()
        return self._next

    def _take(self) -> None:
        self._next = None

    def _event(self) -> tuple[Event, object]:
        """The next line; a recording that ends stays at its end."""
        line = next(self._lines, None)
        if line is None:
            return Event.FULL, None
        match line:
            case [_, str(event), content] if event in set(Event):
                return Event(event), content
        raise self._unreadable("a line that is no event")

    def _bytes(self, content: object) -> bytes:
        try:
            return bytes.fromhex(str(content))
        except ValueError as error:
            raise self._unreadable("bytes that are not hexadecimal") from error

    def _header(self) -> _Header:
        match next(self._lines, None):
            case {
                "hwprof_recording": version,
                "target": str(target),
                "timing_model": str(timing_model),
                "code_sha256": str(code_sha256),
                "capabilities": [*names],
            } if version == RECORDING_VERSION and set(names) <= set(Capability):
                capabilities = frozenset(map(Capability, names))
                return _Header(target, timing_model, code_sha256, capabilities)
        raise self._unreadable(f"no header of recording version {RECORDING_VERSION}")

    def _read_lines(self) -> Generator[object]:
        try:
            with self._path.open(encoding="ascii") as file:
                while line := file.readline(_LONGEST_LINE):
                    self._line += 1
                    yield json.loads(line)
        except OSError as error:
            raise ConfigurationError(
                f"a recording is read from a file; {self._path} cannot be ({error.strerror}); "
                "check the path."
            ) from error
        except (ValueError, RecursionError) as error:
            raise self._unreadable("a line that is no JSON") from error

    def _unreadable(self, what: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self._path} is no recording of hwprof's: it has {what} at line {self._line}; "
            "make one with --record."
        )

    def _check_open(self) -> None:
        if self._closed:
            raise LinkError(f"replay:{self._path} is closed; open it again with open_link.")
        if self._differed is not None:  # to go on, or to open it again, would only hide that
            raise self._differed


def _described(event: Event, content: object) -> str:
    """An event in words short enough for a sentence."""
    if event is Event.FULL:
        return "its end"
    if event in {Event.WRITE, Event.READ}:
        way = "to" if event is Event.WRITE else "from"
        return f"{len(str(content)) // 2} bytes {way} the board ({str(content)[:24]}...)"
    return f"{event} {content}" if content is not None else f"{event}"
