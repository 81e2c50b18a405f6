"""From a target string to an open link."""

from __future__ import annotations

from collections.abc import Callable

from hwprof.errors import UnknownNameError
from hwprof.profiler.links._base import Link

PYSERIAL_SCHEMES = ("socket", "rfc2217", "loop", "spy", "hwgrep", "alt", "cp2110")
KNOWN = ("virtual:<board>", "serial:<device>", "socket://<host>:<port>", "rfc2217://<host>:<port>")


def open_link(target: str) -> Link:
    """Open ``virtual:rt1170``, ``serial:/dev/ttyACM0`` or a pyserial URL.

    Raises:
        UnknownNameError: nothing of that name is known; the message names the nearest.
        LinkError: the line is known and cannot be opened.
    """
    scheme, separator, rest = target.partition(":")
    if scheme in PYSERIAL_SCHEMES and rest.startswith("//"):
        return _open_serial(target)
    openers: dict[str, Callable[[str], Link]] = {"virtual": _open_virtual, "serial": _open_serial}
    if not separator or not rest or scheme not in openers:
        raise UnknownNameError("target", target, [*_virtual_targets(), *KNOWN[1:]])
    return openers[scheme](rest)


def _virtual_targets() -> list[str]:
    from hwprof.firmware_stub.virtual.description import board_names

    return [f"virtual:{name}" for name in board_names()]


def _open_virtual(name: str) -> Link:
    from hwprof.profiler.links._virtual import VirtualLink

    if f"virtual:{name}" not in _virtual_targets():
        raise UnknownNameError("target", f"virtual:{name}", _virtual_targets())
    return VirtualLink(name)


def _open_serial(device: str) -> Link:
    from hwprof.profiler.links._serial import SerialLink

    return SerialLink(device)
