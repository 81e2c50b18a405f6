"""From a target string to an open link."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.firmware_stub.targets import VIRTUAL, describe_virtual, virtual_targets
from hwprof.measurement import DEFAULT_KERNELS
from hwprof.profiler.links._base import Link

PYSERIAL_SCHEMES = ("socket", "rfc2217", "loop", "spy", "hwgrep", "alt", "cp2110")
REPLAY = "replay"
KNOWN = (
    "virtual:<board>",
    "virtual:<path>.toml",
    "serial:<device>",
    "socket://<host>:<port>",
    "rfc2217://<host>:<port>",
    "replay:<path>",
)


def open_link(
    target: str,
    *,
    kernels: str = DEFAULT_KERNELS,
    code: str = "",
    timing: str = "",
    record: Path | None = None,
) -> Link:
    """Open ``virtual:rt1170``, ``serial:/dev/ttyACM0``, a pyserial URL or ``replay:FILE``.

    Args:
        target: the line; ``virtual:`` takes a board's name or the path of a board file, ``replay:``
            the path of a recording.
        kernels: kernel library of a virtual board's firmware; elsewhere the firmware has its own.
        code: memory that a virtual board's firmware executes from, empty for the board's default.
            Elsewhere the firmware lies where it was written.
        timing: mode of a virtual board's timing model, empty for the default; silicon has its own.
        record: a new file that every byte and command on the line is written to.

    Raises:
        UnknownNameError: nothing of that name is known; the message names the nearest.
        ConfigurationError: a board file or a recording that is not right, a timing mode for
            silicon, or a file to record to that exists.
        LinkError: the line is known and cannot be opened.
    """
    link = _open(target, kernels=kernels, code=code, timing=timing)
    if record is None:
        return link
    from hwprof.profiler.links._recording import RecordingLink

    try:
        return RecordingLink(link, record)
    except ConfigurationError:
        link.close()
        raise


def line_of(target: str) -> str:
    """The target whose traffic ``replay:FILE`` plays; any other target is its own.

    Raises:
        ConfigurationError: the file is no recording.
    """
    scheme, _, rest = target.partition(":")
    if scheme != REPLAY or not rest:
        return target
    with _open_replay(rest) as link:
        return link.target


def _open(target: str, *, kernels: str, code: str, timing: str) -> Link:
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
        REPLAY: lambda: _open_replay(rest),
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


def _open_replay(path: str) -> Link:
    from hwprof.profiler.links._replay import ReplayLink

    return ReplayLink(Path(path))
