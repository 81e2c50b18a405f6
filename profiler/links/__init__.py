"""Lines to boards: one class for each way that bytes travel, and ``open_link``."""

from hwprof.profiler.links._base import Capability, Counters, Link
from hwprof.profiler.links._faulty import Faults, FaultyLink
from hwprof.profiler.links._open import open_link
from hwprof.profiler.links._serial import SerialLink
from hwprof.profiler.links._virtual import VirtualLink

__all__ = [
    "Capability",
    "Counters",
    "Faults",
    "FaultyLink",
    "Link",
    "SerialLink",
    "VirtualLink",
    "open_link",
]
