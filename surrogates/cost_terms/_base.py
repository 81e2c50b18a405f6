"""What a counter of kernel work is, and the window arithmetic that several share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from hwprof.surrogates.calls import Calls, Integers

Counts: TypeAlias = Mapping[str, Integers]
Expected: TypeAlias = Mapping[str, Integers | npt.NDArray[np.float64]]
"""Counts that are means, of what chance decides."""


class Column(NamedTuple):
    """One count of a kernel.

    Attributes:
        unit: what is counted, in the singular.
        guess_cycles: cycles per count before any row is seen: instructions of the loop body
            read off the kernel's source, at one a cycle; good within a factor of two.
    """

    name: str
    unit: str
    guess_cycles: float


CALLS = Column("calls", "call", 100)


def smaller(first: Integers, second: Integers) -> Integers:
    """Elementwise minimum, for plain numbers too."""
    return first + (second - first) * (second < first)


def loop(name: str, entries: Integers, iterations: Integers) -> Counts:
    """Counts of an inner loop that is entered ``entries`` times for ``iterations`` each.

    How the branch predictor fares depends on the number: a loop that is skipped or runs once
    leaves the way it always does, two or three iterations turn a two-bit counter back and
    forth, more surprise it once, at the end.
    """
    return {
        name: entries * iterations,
        f"{name}_entered": entries * (iterations > 0),
        f"{name}_twice": entries * (iterations == _TWICE),
        f"{name}_thrice": entries * (iterations == _THRICE),
        f"{name}_often": entries * (iterations > _THRICE),
    }


_TWICE, _THRICE = 2, 3


def loop_columns(name: str, unit: str, guess_cycles: float) -> tuple[Column, ...]:
    """Columns of ``loop``; the guess is that of one iteration."""
    return (
        Column(name, unit, guess_cycles),
        Column(f"{name}_entered", f"loop over each {unit} entered", 3),
        Column(f"{name}_twice", f"loop over each {unit} run twice", 8),
        Column(f"{name}_thrice", f"loop over each {unit} run three times", 12),
        Column(f"{name}_often", f"loop over each {unit} run more often", 8),
    )


@dataclass(frozen=True, slots=True)
class Counter:
    """The columns of one kernel class and the function that counts them, by column name.

    The function gives its counts in the order of the columns. It uses the operators that arrays
    and plain integers share: a few calls are counted one by one, many as arrays.
    """

    columns: tuple[Column, ...]
    count: Callable[[Calls], Counts]


def once(c: Calls) -> Integers:
    """One for each call."""
    return c.groups - c.groups + 1


class Window(NamedTuple):
    """Positions of a window inside its input.

    Attributes:
        pixels: output pixels.
        rows: window rows inside the input, summed over output pixels.
        taps: window positions inside the input, summed over output pixels.
        cleared_taps: positions outside it, but in a row inside it.
        cleared_rows: window rows outside the input, summed over output pixels.
    """

    pixels: Integers
    rows: Integers
    taps: Integers
    cleared_taps: Integers
    cleared_rows: Integers


def window(c: Calls) -> Window:
    """Positions of each call's window."""
    inside_h = c.out_h * c.kernel_h - _lost(
        _Axis(c.in_h, c.out_h, c.kernel_h, c.stride_h), c.pad_top
    )
    inside_w = c.out_w * c.kernel_w - _lost(
        _Axis(c.in_w, c.out_w, c.kernel_w, c.stride_w), c.pad_left
    )
    rows, taps = inside_h * c.out_w, inside_h * inside_w
    pixels = c.out_h * c.out_w
    return Window(pixels, rows, taps, rows * c.kernel_w - taps, pixels * c.kernel_h - rows)


class _Axis(NamedTuple):
    size: Integers
    out: Integers
    kernel: Integers
    stride: Integers


def _lost(axis: _Axis, before: Integers) -> Integers:
    """Window positions of one axis that fall on padding, summed over outputs."""
    after = (axis.out - 1) * axis.stride - before + axis.kernel - axis.size
    return _overhang(before, axis) + _overhang(after * (after > 0), axis)


def _overhang(excess: Integers, axis: _Axis) -> Integers:
    """Sum of excess - i * stride over the outputs i that hang over by that much."""
    reached = smaller(-(-excess // axis.stride), axis.out)
    total: Integers = reached * excess - axis.stride * reached * (reached - 1) // 2
    return total
