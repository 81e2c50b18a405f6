"""Lines to boards: one class for each way that bytes travel, and ``open_link``."""

from hwprof.profiler.links._base import Capability, Counters, Link
from hwprof.profiler.links._faulty import Faults, FaultyLink
from hwprof.profiler.links._open import line_of, open_link
from hwprof.profiler.links._recording import RecordingLink
from hwprof.profiler.links._replay import ReplayLink
from hwprof.profiler.links._serial import SerialLink
from hwprof.profiler.links._virtual import VirtualLink

__all__ = [
    "Capability",
    "Counters",
    "Faults",
    "FaultyLink",
    "Link",
    "RecordingLink",
    "ReplayLink",
    "SerialLink",
    "VirtualLink",
    "line_of",
    "open_link",
]
