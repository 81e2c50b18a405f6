"""A serial port, or whatever pyserial can open by URL, as a link."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hwprof.errors import LinkError
from hwprof.profiler.links._base import Capability, Link

DEFAULT_BAUD = 115_200
REOPEN_S = 10.0  # a board on USB is away for some seconds when it is plugged in again
_REOPEN_STEP_S = 0.1
_PULSE_S = 0.05  # long enough for a reset circuit of 10 kOhm and 1 uF
_START_UP_S = 0.5

# Lines of pyserial's URLs that have a rate and control signals: RFC 2217 carries both.
_WITH_SIGNALS = ("rfc2217://", "alt://", "hwgrep://", "cp2110://")


class SerialLink(Link):
    """A line to a board behind a serial port.

    Args:
        device: a device path, ``COM3``, or a pyserial URL such as ``socket://host:port``.
        baud: bits per second; 8 data bits, no parity, 1 stop bit.

    Raises:
        LinkError: the port does not exist or is in use.
    """

    def __init__(self, device: str, baud: int = DEFAULT_BAUD) -> None:
        self.target = device if "://" in device else f"serial:{device}"
        self.capabilities = frozenset({Capability.REOPEN})
        if "://" not in device or device.startswith(_WITH_SIGNALS):
            self.capabilities |= {Capability.BAUD, Capability.RESET}
        self._device = device
        self._baud = baud
        self._closed = False
        self._port = self._open()

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """See ``Link.read``."""
        with self._translated("read"):
            self._port.timeout = timeout_s
            first = bytes(self._port.read(1))
            if not first or max_bytes == 1:
                return first
            self._port.timeout = 0
            return first + bytes(self._port.read(max_bytes - 1))

    def write(self, data: bytes) -> None:
        """See ``Link.write``."""
        with self._translated("written"):
            self._port.write(data)

    def close(self) -> None:
        """Close the port."""
        self._closed = True
        self._port.close()

    def reopen(self) -> None:
        """See ``Link.reopen``; goes on at the rate of before."""
        self._check_open()
        with suppress(Exception):  # whatever a port that is gone says to its being closed
            self._port.close()
        deadline_s = time.monotonic() + REOPEN_S
        while True:
            try:
                self._port = self._open()
            except LinkError:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(_REOPEN_STEP_S)
            else:
                return

    def reset_board(self) -> None:
        """See ``Link.reset_board``; pulses DTR and RTS, as boards with a reset circuit take it.

        A board that leaves both unconnected goes on as it was. The rate is that of power-on.
        """
        with self._translated("reset"):
            for level in (True, False):
                self._port.dtr = self._port.rts = level
                time.sleep(_PULSE_S)
        self.set_baud(DEFAULT_BAUD)
        time.sleep(_START_UP_S)

    def set_baud(self, baud: int) -> None:
        """See ``Link.set_baud``."""
        if Capability.BAUD not in self.capabilities:
            super().set_baud(baud)
        with self._translated(f"set to {baud} baud"):
            self._port.baudrate = baud
            self._baud = baud

    def _open(self) -> Any:
        import serial

        with self._translated("opened"):
            return serial.serial_for_url(self._device, baudrate=self._baud, timeout=0)

    def _check_open(self) -> None:
        if self._closed:
            raise LinkError(f"{self.target} is closed; open it again with open_link.")

    @contextmanager
    def _translated(self, verb: str) -> Iterator[None]:
        import serial

        self._check_open()
        try:
            yield
        except (serial.SerialException, OSError, TypeError, ValueError) as error:
            raise LinkError(
                f"{self.target} cannot be {verb} ({error}); check the cable, the name and who "
                "else uses it."
            ) from error
