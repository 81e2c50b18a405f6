"""TensorFlow Lite Micro's greedy memory planner, for comparison with ours.

Written from the description in tensorflow/lite/micro/memory_planner/greedy_memory_planner.h and the
order of ties in its .cc: buffers by falling size, of equal ones the last added first; each at the
first gap, in order of offset, among the buffers that are active at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GreedyBuffer:
    """What the planner is told of a buffer; both times are included."""

    size_bytes: int
    first_time_used: int
    last_time_used: int


def greedy_arena_bytes(buffers: Sequence[GreedyBuffer]) -> int:
    """Bytes of arena that the planner asks for."""
    offsets: dict[int, int] = {}
    falling = sorted((-buffer.size_bytes, -number) for number, buffer in enumerate(buffers))
    for number in (-negative for _, negative in falling):
        offsets[number] = _first_gap(buffers, offsets, buffers[number])
    return max((offsets[n] + buffers[n].size_bytes for n in offsets), default=0)


def _first_gap(
    buffers: Sequence[GreedyBuffer], offsets: dict[int, int], wanted: GreedyBuffer
) -> int:
    candidate = 0
    for number in sorted(offsets, key=lambda placed: offsets[placed]):
        other = buffers[number]
        apart = (
            other.first_time_used > wanted.last_time_used
            or wanted.first_time_used > other.last_time_used
        )
        if apart:
            continue
        if offsets[number] - candidate >= wanted.size_bytes:
            return candidate
        candidate = max(candidate, offsets[number] + other.size_bytes)
    return candidate
