"""What the board says of itself, held against a board file."""

from __future__ import annotations

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.manifest import find_image
from hwprof.firmware_stub.targets import VIRTUAL, comparable_reference, describe_virtual
from hwprof.profiler.doctor._visit import Visit
from hwprof.profiler.frames import PROTOCOL_VERSION


def check_firmware(visit: Visit) -> str:
    """The firmware speaks this hwprof's protocol and reads its programs."""
    info = visit.info
    image = find_image(info.firmware_id)
    origin = f"image {image.file}" if image else "built from sources that are not this hwprof's"
    return (
        f"protocol {PROTOCOL_VERSION}, programs {info.program_version}, {info.kernels} kernels in "
        f"{info.code_memory}, {origin}"
    )


def find_description(visit: Visit) -> str:
    """There is a board file to compare with."""
    named = visit.info.board
    visit.reference = comparable_reference(visit.target, named, visit.compared_with)
    visit.description = describe_virtual(visit.reference)
    state = "" if visit.is_silicon else f", itself a virtual board ({visit.info.timing_model})"
    return f"{named}{state}, compared with {VIRTUAL}:{visit.reference}"


def check_clock(visit: Visit) -> str:
    """The clock that cycles count is the board file's."""
    said, expected = visit.info.clock_hz, visit.board.clock_hz
    if said != expected:
        raise ConfigurationError(
            f"the board counts at {said / 1e6:g} MHz, board file {visit.board.name} says "
            f"{expected / 1e6:g} MHz; load the image that sets that clock, or pass --board with a "
            "file that has the board's."
        )
    return f"{said / 1e6:g} MHz, as in the board file"
