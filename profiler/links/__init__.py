"""Lines to boards: one class for each way that bytes travel, and ``open_link``."""

from hwprof.profiler.links._base import Capability, Counters, Link
from hwprof.profiler.links._open import open_link

__all__ = ["Capability", "Counters", "Link", "open_link"]
