"""From positions to operators: how the Graph's own data movement produces a given order.

Notation: ``wanted`` is an int32 array (n,); element i of the output is element ``wanted[i]`` of
the source's memory. A digit is one factor of a mixed-radix number: (count, stride), slowest first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np
import numpy.typing as npt

from hwprof.graph import Op, Reshape, Shape, Slice, Transpose
from hwprof.onnx_io._views import Positions

Plan = tuple[Op, ...]
Digit = tuple[int, int]

# A permutation of more axes than this is no network's data movement but an attack on the search.
_MOST_AXES = 6
# Each run becomes a slice of its own; more of them are a gather, which the firmware has not.
MOST_CHANNEL_RUNS = 16


@dataclass(frozen=True, slots=True, eq=False)
class _Box:
    """A strided box of a tensor, and where in it each wanted element lies."""

    start: Shape
    size: Shape
    step: Shape
    wanted: Positions


def cost(plan: Plan) -> int:
    """Operators that touch memory."""
    return sum(not isinstance(op, Reshape) for op in plan)


def plan_movement(source: Shape, wanted: Positions, shape: Shape) -> Plan | None:
    """The cheapest slice and transposes found that give ``shape`` from ``source``; None if none."""
    plans = []
    for view in _views(source, wanted):
        plan = _plan_through(source, view, wanted, shape)
        if plan is not None:
            plans.append(plan)
        if plan is not None and cost(plan) <= 1:
            break
    return min(plans, key=cost, default=None)


def plan_channels(source: Shape, wanted: Positions, shape: Shape) -> tuple[Slice, ...] | None:
    """Slices whose concatenation is a choice of channels; None if it is none, or too long."""
    h, w, c = source
    if shape[:2] != (h, w):
        return None
    rows = wanted.reshape(h * w, shape[2])
    channels = rows[0]
    expected = np.arange(h * w, dtype=np.int32)[:, np.newaxis] * c + channels
    if channels.max() >= c or not np.array_equal(rows, expected):
        return None
    runs = list(_runs([int(channel) for channel in channels]))
    if len(runs) > MOST_CHANNEL_RUNS:
        return None
    return tuple(
        Slice(start=(0, 0, first), size=(h, w, count), step=(1, 1, step))
        for first, count, step in runs
    )


def _runs(values: list[int]) -> Iterator[tuple[int, int, int]]:
    """Rising arithmetic runs as (first, count, step)."""
    first = 0
    while first < len(values):
        end = first + 1
        step = values[end] - values[first] if end < len(values) else 0
        while step > 0 and end < len(values) and values[end] - values[end - 1] == step:
            end += 1
        yield values[first], end - first, max(step, 1) if end - first > 1 else 1
        first = end


def _views(source: Shape, wanted: Positions) -> Iterator[Shape]:
    """Shapes under which the source may show ``wanted`` as a box: its own, then by strides."""
    yield source
    total = prod(source)
    strides = sorted({stride for _, stride in digits(wanted) or () if stride > 1}, reverse=True)
    divisors = [stride for stride in strides if total % stride == 0]
    for inner in divisors:
        yield (1, total // inner, inner)
    for outer, inner in combinations(divisors, 2):
        if outer % inner == 0:
            yield (total // outer, outer // inner, inner)


def _plan_through(source: Shape, view: Shape, wanted: Positions, shape: Shape) -> Plan | None:
    box = _find_box(view, wanted)
    if box is None:
        return None
    is_whole = box.size == view
    permuted = _permute(box.wanted, source if is_whole else box.size, shape)
    if permuted is None or is_whole:
        return permuted
    seen: Plan = () if view == source else (Reshape(shape=view),)
    return (*seen, Slice(start=box.start, size=box.size, step=box.step), *permuted)


def _find_box(view: Shape, wanted: Positions) -> _Box | None:
    coordinates = np.unravel_index(wanted, view)
    axes = [_progression(c, extent) for c, extent in zip(coordinates, view, strict=True)]
    if any(axis is None for axis in axes):
        return None
    start, size, step = zip(*(axis for axis in axes if axis), strict=True)
    if prod(size) != wanted.size:
        return None
    inside = [(c - b) // s for c, b, s in zip(coordinates, start, step, strict=True)]
    numbers = np.ravel_multi_index(inside, size)
    if (np.bincount(numbers) != 1).any():
        return None
    return _Box(start, size, step, numbers.astype(np.int32))


def _progression(coordinate: npt.NDArray[np.integer], extent: int) -> tuple[int, int, int] | None:
    """(start, count, step) of the values that occur; None if their distances differ."""
    values = np.flatnonzero(np.bincount(coordinate, minlength=extent))
    steps = np.diff(values)
    if steps.size and (steps != steps[0]).any():
        return None
    return int(values[0]), len(values), int(steps[0]) if steps.size else 1


def _permute(wanted: Positions, source: Shape, shape: Shape) -> Plan | None:
    """Transposes that bring all of a tensor into the wanted order."""
    if np.array_equal(wanted, np.arange(wanted.size, dtype=np.int32)):
        return () if source == shape else (Reshape(shape=shape),)
    found = digits(wanted)
    if found is None or len(found) > _MOST_AXES:
        return None
    # The source's axes are the same digits, slowest stride first.
    order = sorted(range(len(found)), key=lambda digit: -found[digit][1])
    counts = [found[digit][0] for digit in order]
    permutation = tuple(order.index(digit) for digit in range(len(found)))
    if len(found) <= 4:
        return (_transpose(counts, permutation, shape),)
    return _block_swaps(counts, permutation, shape)


def _transpose(counts: list[int], permutation: tuple[int, ...], shape: Shape) -> Transpose:
    lead = 4 - len(counts)
    view = (*(1,) * lead, *counts)
    axes = (*range(lead), *(lead + axis for axis in permutation))
    return Transpose(
        view=(view[0], view[1], view[2], view[3]),
        permutation=(axes[0], axes[1], axes[2], axes[3]),
        shape=shape,
    )


def _block_swaps(counts: list[int], goal: tuple[int, ...], shape: Shape) -> Plan:
    """The fewest swaps of neighbouring runs of axes; each is one four-axis transpose."""
    start = tuple(range(len(goal)))
    came_from: dict[tuple[int, ...], tuple[tuple[int, ...], tuple[int, int, int]]] = {}
    queue = deque([start])
    while goal not in came_from:
        state = queue.popleft()
        for a, b, c in combinations(range(len(goal) + 1), 3):
            swapped = (*state[:a], *state[b:c], *state[a:b], *state[c:])
            if swapped != start and swapped not in came_from:
                came_from[swapped] = (state, (a, b, c))
                queue.append(swapped)
    plan: list[Op] = []
    state = goal
    while state != start:
        before, (a, b, c) = came_from[state]
        sizes = [counts[axis] for axis in before]
        view = (prod(sizes[:a]), prod(sizes[a:b]), prod(sizes[b:c]), prod(sizes[c:]))
        target = shape if state == goal else (1, 1, prod(counts))
        plan.insert(0, Transpose(view=view, permutation=(0, 2, 1, 3), shape=target))
        state = before
    return tuple(plan)


def digits(wanted: Positions) -> tuple[Digit, ...] | None:
    """The mixed-radix digits of ``wanted`` less its first element, with the fewest digits.

    None if it is no such number, or runs backwards or in place.
    """
    found: list[Digit] = []
    block = 1
    while block < wanted.size:
        rows = wanted.reshape(-1, block)
        stride = int(rows[1, 0]) - int(rows[0, 0])
        expected = rows[0] + stride * np.arange(len(rows), dtype=np.int64)[:, np.newaxis]
        same = (rows == expected).all(axis=1)
        count = len(rows) if same.all() else int(np.argmin(same))
        if stride < 1 or count == 1 or len(rows) % count:
            return None
        found.insert(0, (count, stride))
        block *= count
    return tuple(found)
