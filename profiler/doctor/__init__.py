"""``hwprof doctor``: from the port to a block's cycles, one step after the other."""

from hwprof.profiler.doctor._examine import Checkup, Finding, examine
from hwprof.profiler.doctor._visit import Visit

__all__ = ["Checkup", "Finding", "Visit", "examine"]
