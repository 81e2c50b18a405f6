"""A serial port, or whatever pyserial can open by URL, as a link."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hwprof.errors import LinkError
from hwprof.profiler.links._base import Link

DEFAULT_BAUD = 115_200


class SerialLink(Link):
    """A line to a board behind a serial port.

    Args:
        device: a device path, ``COM3``, or a pyserial URL such as ``socket://host:port``.
        baud: bits per second; 8 data bits, no parity, 1 stop bit.

    Raises:
        LinkError: the port does not exist or is in use.
    """

    def __init__(self, device: str, baud: int = DEFAULT_BAUD) -> None:
        import serial

        self.target = device if "://" in device else f"serial:{device}"
        self._closed = False
        with self._translated("opened"):
            self._port = serial.serial_for_url(device, baudrate=baud, timeout=0)

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

    @contextmanager
    def _translated(self, verb: str) -> Iterator[None]:
        import serial

        if self._closed:
            raise LinkError(f"{self.target} is closed; open it again with open_link.")
        try:
            yield
        except (serial.SerialException, OSError, TypeError, ValueError) as error:
            raise LinkError(
                f"{self.target} cannot be {verb} ({error}); check the cable, the name and who "
                "else uses it."
            ) from error
