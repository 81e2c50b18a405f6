"""Lines to boards: one class for each way that bytes travel, and ``open_link``."""

from hwprof.profiler.links._base import Capability, Counters, Link

__all__ = ["Capability", "Counters", "Link"]
