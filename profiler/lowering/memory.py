"""Where each tensor of a program lies in the activation arena.

A tensor lives from the record that first writes it to the last one that reads it; a graph input
from the start, a graph output to the end. Two tensors may share bytes unless their lives meet.
Placing them in the least space is NP-hard (dynamic storage allocation, Garey and Johnson, SR2);
the plan is the better of two greedy ones, by size and by birth, each at the lowest free offset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from hwprof.profiler.program import ALIGNMENT_BYTES, Buffer, Record, Region


@dataclass(frozen=True, slots=True)
class Life:
    """A tensor's bytes and the records, first to last, during which they must stay.

    Attributes:
        first: index of the record that writes it; -1 for a graph input.
        last: index of its last reader, included; the record count for a graph output.
    """

    name: str
    size_bytes: int
    first: int
    last: int

    def meets(self, other: Life) -> bool:
        """Whether both must be in memory at some moment."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class ArenaPlan:
    """Byte offset of each tensor, and the arena's size."""

    offsets_bytes: Mapping[str, int]
    size_bytes: int


def align(size_bytes: int) -> int:
    """The next multiple of a cache line."""
    return -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def lives_of(
    records: Sequence[Record], inputs: Iterable[Buffer], outputs: Iterable[Buffer]
) -> list[Life]:
    """Lives of all tensors, named as their buffers, in order of birth."""
    sizes, first, last = {}, {}, {}
    for buffer in inputs:
        sizes[buffer.name], first[buffer.name], last[buffer.name] = buffer.size_bytes, -1, -1
    for index, record in enumerate(records):
        for buffer in activation_buffers(record):
            sizes[buffer.name] = buffer.size_bytes
            first.setdefault(buffer.name, index)
            last[buffer.name] = index
    for buffer in outputs:
        last[buffer.name] = len(records)
    return [Life(name, sizes[name], first[name], last[name]) for name in sizes]


def activation_buffers(record: Record) -> list[Buffer]:
    """Tensors in the arena that a record reads or writes."""
    values = (getattr(record, name) for name in buffer_fields(type(record)))
    return [value for value in values if value.region is Region.ACTIVATIONS]


def buffer_fields(record: type[Record]) -> list[str]:
    """Names of a record's fields that hold a buffer."""
    return [field.name for field in fields(record) if field.type == "Buffer"]


def plan_arena(lives: Sequence[Life]) -> ArenaPlan:
    """Offsets at which no two lives that meet share a byte."""
    plans = [_place(sorted(lives, key=order)) for order in _ORDERS]
    return min(plans, key=lambda plan: plan.size_bytes)


_ORDERS: tuple[Callable[[Life], tuple[int, int]], ...] = (
    lambda life: (-life.size_bytes, life.first),
    lambda life: (life.first, -life.size_bytes),
)


def _place(lives: Iterable[Life]) -> ArenaPlan:
    placed: list[tuple[int, Life]] = []
    for life in lives:
        taken = sorted(
            (offset, offset + align(other.size_bytes))
            for offset, other in placed
            if life.meets(other)
        )
        placed.append((_lowest_gap(taken, align(life.size_bytes)), life))
    ends = (offset + align(life.size_bytes) for offset, life in placed)
    return ArenaPlan({life.name: offset for offset, life in placed}, max(ends, default=0))


def _lowest_gap(taken: Iterable[tuple[int, int]], size_bytes: int) -> int:
    offset = 0
    for begin, end in taken:
        if begin - offset >= size_bytes:
            break
        offset = max(offset, end)
    return offset


def collisions(lives: Sequence[Life], plan: ArenaPlan) -> list[tuple[str, str]]:
    """Pairs of tensors that must be in memory together and share a byte; empty for a good plan."""
    spans = [
        (life, plan.offsets_bytes[life.name], plan.offsets_bytes[life.name] + life.size_bytes)
        for life in lives
    ]
    return [
        (one.name, two.name)
        for index, (one, begin, end) in enumerate(spans)
        for two, other_begin, other_end in spans[:index]
        if begin < other_end and other_begin < end and one.meets(two)
    ]
