"""Where each tensor of a program lies in the activation arena.

A tensor lives from the record that first writes it to the last one that reads it; a graph input
from the start, a graph output to the end. Two tensors may share bytes unless their lives meet; an
element-wise record may write over an input that it is the last to read (kernels.h, "Contract").
Placing them in the least space is NP-hard (dynamic storage allocation, Garey and Johnson, SR2).
The plan is the best of several greedy ones, each at the lowest free offset, with and without
writing over inputs. One of them is that of TensorFlow Lite Micro (GreedyMemoryPlanner in
tensorflow/lite/micro/memory_planner/greedy_memory_planner.cc), so no plan is larger than its.
Where all are larger than what is alive, the tensors that reach the top are placed earlier, and
earlier again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from hwprof.profiler.program import (
    ALIGNMENT_BYTES,
    AddRecord,
    Buffer,
    LookupRecord,
    MulRecord,
    Record,
    Region,
    RequantiseRecord,
    SubRecord,
)

# Records that work element by element, so that their output may lie where an input does.
_IN_PLACE = (AddRecord, LookupRecord, MulRecord, RequantiseRecord, SubRecord)


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
    """Byte offset of each tensor, and the arena's size.

    Attributes:
        sources: by the name of an output that is written over an input, that input's name.
    """

    offsets_bytes: Mapping[str, int]
    size_bytes: int
    sources: Mapping[str, str] = field(default_factory=dict)


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
    return [entry.name for entry in fields(record) if entry.type == "Buffer"]


def plan_arena(records: Sequence[Record], lives: Sequence[Life]) -> ArenaPlan:
    """Offsets at which no two lives that meet share a byte, but where a record works in place."""
    apart = place_lives(lives)
    sources = _overwritten(records, lives)
    joined = _joined(lives, sources)
    together = place_lives(list(joined.values()))
    if together.size_bytes >= apart.size_bytes:
        return apart
    offsets = {name: together.offsets_bytes[life.name] for name, life in joined.items()}
    return ArenaPlan(offsets, together.size_bytes, sources)


def joined_lives(records: Sequence[Record], lives: Sequence[Life]) -> list[Life]:
    """The lives with those that may lie in one place joined: no plan holds less at any record."""
    return list(dict.fromkeys(_joined(lives, _overwritten(records, lives)).values()))


def place_lives(lives: Sequence[Life]) -> ArenaPlan:
    """The smallest plan found that keeps every two lives that meet apart."""
    lives = list(dict.fromkeys(lives))
    floor_bytes = most_alive_bytes(lives)
    best = ArenaPlan({}, 0) if not lives else None
    for order in _ORDERS:
        if best is None or best.size_bytes > floor_bytes:
            best = _smaller(best, _place(sorted(lives, key=order)))
    return _improved(lives, best or ArenaPlan({}, 0), floor_bytes)


def most_alive_bytes(lives: Iterable[Life]) -> int:
    """The most bytes alive at one record, each tensor on its own lines: no plan is smaller."""
    lives = list(lives)
    return max(
        (
            sum(align(life.size_bytes) for life in lives if life.first <= moment <= life.last)
            for moment in {life.first for life in lives}
        ),
        default=0,
    )


_ORDERS: tuple[Callable[[Life], tuple[int, int]], ...] = (
    lambda life: (-life.size_bytes, life.first),
    lambda life: (life.first, -life.size_bytes),
    lambda life: (-align(life.size_bytes) * (life.last - life.first + 1), life.first),
    lambda life: (life.first - life.last, -life.size_bytes),
    lambda life: (-life.last, -life.size_bytes),
)
_MOST_ATTEMPTS = 40
_MOST_PAIRS = 1 << 22  # compared in all attempts: seconds


def _improved(lives: Sequence[Life], best: ArenaPlan, floor_bytes: int) -> ArenaPlan:
    """TFLM's plan if it is smaller, then each with the tensors at its top placed first."""
    if best.size_bytes == floor_bytes:
        return best
    order = list(lives)[::-1]  # TFLM sorts its buffers from last to first, and stably, by size
    order.sort(key=lambda life: -life.size_bytes)
    for _ in range(min(_MOST_ATTEMPTS, 1 + _MOST_PAIRS // len(lives) ** 2)):
        plan = _place(order)
        best = _smaller(best, plan)
        top = [life for life in order if _end(plan, life) == plan.size_bytes]
        order = [*top, *(life for life in order if life not in top)]
        if best.size_bytes == floor_bytes:
            break
    return best


def _smaller(best: ArenaPlan | None, plan: ArenaPlan) -> ArenaPlan:
    return plan if best is None or plan.size_bytes < best.size_bytes else best


def _end(plan: ArenaPlan, life: Life) -> int:
    return plan.offsets_bytes[life.name] + align(life.size_bytes)


def _overwritten(records: Sequence[Record], lives: Sequence[Life]) -> dict[str, str]:
    """The input that each element-wise record may write its output over, by the output's name."""
    by_name = {life.name: life for life in lives}
    sources: dict[str, str] = {}
    for index, record in enumerate(records):
        if not isinstance(record, _IN_PLACE):
            continue
        output = by_name[record.output.name]
        for buffer in activation_buffers(record):
            source = by_name[buffer.name]
            if (
                source.last == index == output.first
                and source.first < index
                and source.size_bytes == output.size_bytes
            ):
                sources.setdefault(output.name, source.name)
    return sources


def _joined(lives: Sequence[Life], sources: Mapping[str, str]) -> dict[str, Life]:
    """By tensor, the one life of all tensors that lie in the same place, one after the other."""
    joined: dict[str, Life] = {}
    for life in lives:  # in order of birth, so that a source comes before what overwrites it
        held = joined.get(sources.get(life.name, ""))
        if held is None:
            joined[life.name] = life
            continue
        grown = replace(held, last=life.last)
        members = [name for name, other in joined.items() if other is held]
        joined |= dict.fromkeys([*members, life.name], grown)
    return joined


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
        if begin < other_end
        and other_begin < end
        and one.meets(two)
        and not _is_overwriting(plan, one.name, two.name)
        and not _is_overwriting(plan, two.name, one.name)
    ]


def _is_overwriting(plan: ArenaPlan, output: str, source: str) -> bool:
    """Whether a tensor is written over another, at the very same place."""
    offsets_bytes = plan.offsets_bytes
    return plan.sources.get(output) == source and offsets_bytes[output] == offsets_bytes[source]
