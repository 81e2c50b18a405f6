"""The line: its port, whether it may be used, and whether hwprof's firmware answers on it."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass

from hwprof.errors import LinkError
from hwprof.profiler.baud import DEFAULT_BAUD, RATES
from hwprof.profiler.doctor._visit import Visit
from hwprof.profiler.frames import FrameReader, encode_frame
from hwprof.profiler.links import Capability, Link
from hwprof.profiler.protocol import MessageType

FOREIGN_RATES = (1_000_000, 2_000_000, 57_600, 9_600)
_PIECE_BYTES = 4096
_PIECE_S = 0.2
_WAYS = {
    errno.EACCES: "join the group that owns the port (sudo usermod -aG dialout $USER, log in anew)",
    errno.EBUSY: "close the program that uses it",
}


def find_port(visit: Visit) -> str:
    """The port or board that the target names is there."""
    if "/" not in visit.port:
        return f"{visit.link.target} opens"
    if not os.path.exists(visit.port):  # noqa: PTH110 - Path.exists raises where it may not look
        known = ", ".join(_ports()) or "none"
        raise LinkError(
            f"{visit.port} does not exist; connect the board's debug USB socket with a cable that "
            f"carries data, and pass the port that appears (there now: {known})."
        )
    return f"{visit.port} is there"


def _ports() -> list[str]:
    from serial.tools import list_ports

    return [str(entry.device) for entry in list_ports.comports()]


def check_permission(visit: Visit) -> str:
    """The port may be opened, and is a terminal."""
    if "/" not in visit.port:
        return "not asked, the line is no file of this machine"
    try:
        handle = os.open(visit.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        way = _WAYS.get(error.errno or 0, "check who made it and for whom")
        raise LinkError(f"{visit.port} cannot be opened ({error.strerror}); {way}.") from error
    try:
        if not os.isatty(handle):
            raise LinkError(
                f"{visit.port} is no serial port; pass the one that appears when the board is "
                "plugged in."
            )
    finally:
        os.close(handle)
    return f"{visit.link.target} may be read and written"


@dataclass(slots=True)
class _Heard:
    bytes: int = 0
    frames: int = 0


def listen(visit: Visit) -> str:
    """Frames of hwprof's firmware come back, at a rate that hwprof uses."""
    heard = _ask(visit.link, visit, visit.times.answer_s)
    if heard.frames:
        return f"frames come back at {DEFAULT_BAUD:,} baud" if visit.port else "frames come back"
    rate = _other_rate(visit)
    if rate in RATES:
        return f"frames come back at {rate:,} baud, where another host has left the board"
    if rate:
        raise LinkError(
            f"the board answers at {rate:,} baud and at none of hwprof's rates, "
            f"{', '.join(f'{known:,}' for known in (DEFAULT_BAUD, *RATES))}; load the image that "
            "came with this hwprof."
        )
    if heard.bytes:
        raise LinkError(
            f"{heard.bytes} bytes came from {visit.target} and no frame of hwprof's among them; "
            "another program runs on the board, or at another rate: load hwprof's image and reset "
            "the board."
        )
    raise LinkError(
        f"{visit.target} is silent; check that the board has power and runs hwprof's image, press "
        "reset, and see that this is the debug probe's port."
    )


def _other_rate(visit: Visit) -> int:
    """The rate at which the board answers where it is not the usual one; 0 for none."""
    if Capability.BAUD not in visit.link.capabilities:
        return 0
    for rate in (*RATES, *FOREIGN_RATES):
        with suppress(LinkError):  # the port has no such rate
            visit.link.set_baud(rate)
            if _ask(visit.link, visit, visit.times.other_rate_s).frames:
                return rate
    visit.link.set_baud(DEFAULT_BAUD)
    return 0


def _ask(link: Link, visit: Visit, wait_s: float) -> _Heard:
    """ABORT is answered at once, HELLO by firmware of any version."""
    reader, heard = FrameReader(), _Heard()
    link.write(encode_frame(MessageType.ABORT, 1) + encode_frame(MessageType.HELLO, 2))
    until_s = visit.times.now() + wait_s
    while not heard.frames and (left_s := until_s - visit.times.now()) > 0:
        data = link.read(_PIECE_BYTES, min(left_s, _PIECE_S))
        heard.bytes += len(data)
        heard.frames += len(list(reader.feed(data)))
    return heard
