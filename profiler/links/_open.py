"""From a target string to an open link."""

from __future__ import annotations

from collections.abc import Callable

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.firmware_stub.targets import VIRTUAL, describe_virtual, virtual_targets
from hwprof.measurement import DEFAULT_KERNELS
from hwprof.profiler.links._base import Link

PYSERIAL_SCHEMES = ("socket", "rfc2217", "loop", "spy", "hwgrep", "alt", "cp2110")
KNOWN = (
    "virtual:<board>",
    "virtual:<path>.toml",
    "serial:<device>",
    "socket://<host>:<port>",
    "rfc2217://<host>:<port>",
)


def open_link(
    target: str, *, kernels: str = DEFAULT_KERNELS, code: str = "", timing: str = ""
) -> Link:
    """Open ``virtual:rt1170``, ``serial:/dev/ttyACM0`` or a pyserial URL.

    Args:
        target: the line; ``virtual:`` takes a board's name or the path of a board file.
        kernels: kernel library of a virtual board's firmware; elsewhere the firmware has its own.
        code: memory that a virtual board's firmware executes from, empty for the board's default.
            Elsewhere the firmware lies where it was written.
        timing: mode of a virtual board's timing model, empty for the default; silicon has its own.

    Raises:
        UnknownNameError: nothing of that name is known; the message names the nearest.
        ConfigurationError: a board file that is not right, or a timing mode for silicon.
        LinkError: the line is known and cannot be opened.
    """
    scheme, separator, rest = target.partition(":")
    if timing and scheme != VIRTUAL:
        raise ConfigurationError(
            f"a timing mode is of virtual boards, {target} counts its own cycles; leave out "
            f"--timing {timing}."
        )
    if scheme in PYSERIAL_SCHEMES and rest.startswith("//"):
        return _open_serial(target)
    openers: dict[str, Callable[[], Link]] = {
        VIRTUAL: lambda: _open_virtual(rest, kernels=kernels, code=code, timing=timing),
        "serial": lambda: _open_serial(rest),
    }
    if not separator or not rest or scheme not in openers:
        raise UnknownNameError("target", target, [*virtual_targets(), *KNOWN[1:]])
    return openers[scheme]()


def _open_virtual(reference: str, *, kernels: str, code: str, timing: str) -> Link:
    from hwprof.profiler.links._virtual import VirtualLink

    describe_virtual(reference)  # refuses in the words of a target
    return VirtualLink(reference, kernels=kernels, code=code, timing=timing)


def _open_serial(device: str) -> Link:
    from hwprof.profiler.links._serial import SerialLink

    return SerialLink(device)
