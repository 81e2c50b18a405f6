"""What a kernel call does, counted: the terms that a call's cycles are a sum of.

Each kernel class has its own terms, because an iteration of its inner loop has its own cost;
a term counts how often a loop body runs, so that cycles = sum of count x cycles per run, with
coefficients that cannot be negative. Counts add over calls: a block's terms are the sum of its
calls' terms, a network's the sum of its blocks'.

Notation: p output pixels, k elements of a filter (kernel_h * kernel_w * in_c / groups),
c output channels; the matrix kernels work on 2 pixels x 2 channels at a time and read 4
elements per step (``firmware_stub/src/kernels``). int8 elements, so 1 element is 1 byte.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwprof.surrogates.calls import Calls, Integers, KernelClass, Row

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Term:
    """One column of the feature table: ``pointwise_steps``, in ``iteration``."""

    name: str
    unit: str
    kernel: KernelClass


@dataclass(frozen=True, slots=True)
class _Counter:
    """Terms of one kernel class as (name, unit) pairs, and the function that counts them."""

    terms: tuple[tuple[str, str], ...]
    count: Callable[[Calls], Sequence[Integers]]


_CALLS_TERM = ("calls", "call")
_MATRIX_TERMS = (
    ("blocks", "2x2 block"),
    ("steps", "4-element step of a 2x2 block"),
    ("rests", "1-element step of a 2x2 block"),
    ("edge_sums", "output outside 2x2 blocks"),
    ("edge_steps", "4-element step of a single output"),
    ("edge_rests", "1-element step of a single output"),
    ("outputs", "requantised output"),
    ("pixel_pairs", "pair of pixels"),
)


def _matrix(pixels: Integers, elements: Integers, channels: Integers) -> list[Integers]:
    """Counts of a (pixels x elements) times (elements x channels) product in 2x2 blocks."""
    blocks = (pixels // 2) * (channels // 2)
    edge = pixels * channels - 4 * blocks
    steps, rests = elements // 4, elements % 4
    return [
        blocks,
        blocks * steps,
        blocks * rests,
        edge,
        edge * steps,
        edge * rests,
        pixels * channels,
        (pixels + 1) // 2,
    ]


def _pointwise(c: Calls) -> Sequence[Integers]:
    return [np.ones_like(c.kernel), *_matrix(c.out_h * c.out_w, c.in_c, c.out_c)]


def _conv(c: Calls) -> Sequence[Integers]:
    group_in, group_out = c.in_c // c.groups, c.out_c // c.groups
    pixels = c.out_h * c.out_w
    window = c.kernel_h * c.kernel_w
    matrix = _matrix(pixels, window * group_in, group_out)
    taps = _valid_taps(c)
    return [
        np.ones_like(c.kernel),
        *(count * c.groups for count in matrix),
        pixels * c.groups,
        taps * c.groups,
        (pixels * window - taps) * c.groups,
        taps * (group_in // 4) * c.groups,
        taps * (group_in % 4) * c.groups,
    ]


def _depthwise(c: Calls) -> Sequence[Integers]:
    pixels, taps = c.out_h * c.out_w, _valid_taps(c)
    quads, rests = c.out_c // 4, c.out_c % 4
    return [
        np.ones_like(c.kernel),
        pixels,
        taps,
        pixels * c.kernel_h * c.kernel_w - taps,
        pixels * quads,
        pixels * rests,
        taps * quads,
        taps * rests,
    ]


def _fully_connected(c: Calls) -> Sequence[Integers]:
    pairs, single = c.out_c // 2, c.out_c % 2
    steps, rests = c.in_c // 4, c.in_c % 4
    return [
        np.ones_like(c.kernel),
        c.out_c,
        pairs * steps,
        pairs * rests,
        single * steps,
        single * rests,
    ]


def _pool(c: Calls) -> Sequence[Integers]:
    pixels, taps = c.out_h * c.out_w, _valid_taps(c)
    return [np.ones_like(c.kernel), pixels, taps, pixels * c.out_c, taps * c.out_c]


def _elements(c: Calls) -> Sequence[Integers]:
    size = c.out_h * c.out_w * c.out_c
    return [np.ones_like(c.kernel), size // 4, size % 4]


def _movement(c: Calls) -> Sequence[Integers]:
    dense = c.run_step == 1
    return [
        np.ones_like(c.kernel),
        c.runs,
        c.runs * (c.run_length // 4) * dense,
        c.runs * (c.run_length % 4) * dense,
        c.runs * c.run_length * ~dense,
    ]


def _resize(c: Calls) -> Sequence[Integers]:
    pixels = c.out_h * c.out_w
    return [
        np.ones_like(c.kernel),
        c.out_h,
        pixels,
        pixels * (c.out_c // 4),
        pixels * (c.out_c % 4),
    ]


def _softmax(c: Calls) -> Sequence[Integers]:
    rows = c.out_h * c.out_w
    return [np.ones_like(c.kernel), rows, rows * c.out_c]


def _valid_taps(c: Calls) -> Integers:
    """Window positions inside the input, summed over output pixels."""
    rows = c.out_h * c.kernel_h - _lost(c.in_h, c.out_h, c.kernel_h, c.stride_h, c.pad_top)
    columns = c.out_w * c.kernel_w - _lost(c.in_w, c.out_w, c.kernel_w, c.stride_w, c.pad_left)
    return rows * columns


def _lost(
    size: Integers, out: Integers, kernel: Integers, stride: Integers, before: Integers
) -> Integers:
    """Window positions of one axis that fall on padding, summed over outputs."""
    after = np.maximum((out - 1) * stride - before + kernel - size, 0)
    return _overhang(before, stride, out) + _overhang(after, stride, out)


def _overhang(excess: Integers, stride: Integers, out: Integers) -> Integers:
    """Sum of excess - i * stride over the outputs i that hang over by that much."""
    reached = np.minimum(-(-excess // stride), out)
    return reached * excess - stride * reached * (reached - 1) // 2


_ELEMENT_TERMS = (_CALLS_TERM, ("quads", "4 elements"), ("rests", "element"))
_POOL_TERMS = (
    _CALLS_TERM,
    ("pixels", "output pixel"),
    ("taps", "window position inside the input"),
    ("outputs", "output"),
    ("elements", "element read"),
)
_DEPTHWISE_TERMS = (
    _CALLS_TERM,
    ("pixels", "output pixel"),
    ("taps", "window position inside the input"),
    ("padded_taps", "window position on padding"),
    ("output_quads", "4 outputs"),
    ("output_rests", "output"),
    ("tap_quads", "4 channels of a position"),
    ("tap_rests", "channel of a position"),
)
_MOVEMENT_TERMS = (
    _CALLS_TERM,
    ("runs", "contiguous run"),
    ("quads", "4 elements of a dense run"),
    ("rests", "element of a dense run"),
    ("strided", "element of a strided run"),
)

_COUNTERS: dict[KernelClass, _Counter] = {
    KernelClass.POINTWISE: _Counter((_CALLS_TERM, *_MATRIX_TERMS), _pointwise),
    KernelClass.CONV: _Counter(
        (
            _CALLS_TERM,
            *_MATRIX_TERMS,
            ("pixels", "output pixel"),
            ("taps", "im2col tap inside the input"),
            ("padded_taps", "im2col tap on padding"),
            ("im2col_quads", "4 elements copied to a column"),
            ("im2col_rests", "element copied to a column"),
        ),
        _conv,
    ),
    KernelClass.DEPTHWISE_3X3: _Counter(_DEPTHWISE_TERMS, _depthwise),
    KernelClass.DEPTHWISE_BUFFERED: _Counter(_DEPTHWISE_TERMS, _depthwise),
    KernelClass.DEPTHWISE_GENERIC: _Counter(_DEPTHWISE_TERMS, _depthwise),
    KernelClass.FULLY_CONNECTED: _Counter(
        (
            _CALLS_TERM,
            ("outputs", "requantised output"),
            ("pair_steps", "4-element step of 2 rows"),
            ("pair_rests", "1-element step of 2 rows"),
            ("single_steps", "4-element step of 1 row"),
            ("single_rests", "1-element step of 1 row"),
        ),
        _fully_connected,
    ),
    KernelClass.AVERAGE_POOL: _Counter(_POOL_TERMS, _pool),
    KernelClass.MAX_POOL: _Counter(_POOL_TERMS, _pool),
    KernelClass.ADD: _Counter(_ELEMENT_TERMS, _elements),
    KernelClass.MUL: _Counter(_ELEMENT_TERMS, _elements),
    KernelClass.COPY: _Counter(_MOVEMENT_TERMS, _movement),
    KernelClass.FILL: _Counter(_ELEMENT_TERMS, _elements),
    KernelClass.TRANSPOSE: _Counter(_MOVEMENT_TERMS, _movement),
    KernelClass.RESIZE: _Counter(
        (
            _CALLS_TERM,
            ("rows", "output row"),
            ("pixels", "output pixel"),
            ("quads", "4 elements"),
            ("rests", "element"),
        ),
        _resize,
    ),
    KernelClass.LOOKUP: _Counter(_ELEMENT_TERMS, _elements),
    KernelClass.SOFTMAX: _Counter(
        (_CALLS_TERM, ("rows", "row"), ("elements", "element")), _softmax
    ),
    KernelClass.REQUANTISE: _Counter(_ELEMENT_TERMS, _elements),
}

TERMS: tuple[Term, ...] = tuple(
    Term(f"{kernel.name.lower()}_{name}", unit, kernel)
    for kernel, counter in _COUNTERS.items()
    for name, unit in counter.terms
)
"""Columns of ``count_terms``, in order."""

_FIRST = {
    kernel: next(i for i, term in enumerate(TERMS) if term.kernel is kernel) for kernel in _COUNTERS
}


def count_terms(rows: Sequence[Row]) -> Matrix:
    """Counts of every term for every call, (n_calls, n_terms)."""
    calls = Calls.of(rows)
    counts = np.zeros((len(rows), len(TERMS)))
    for kernel in np.unique(calls.kernel):
        counter = _COUNTERS[KernelClass(kernel)]
        chosen = np.flatnonzero(calls.kernel == kernel)
        columns = counter.count(Calls(*(field[chosen] for field in calls)))
        first = _FIRST[KernelClass(kernel)]
        for offset, column in enumerate(columns):
            counts[chosen, first + offset] = column
    return counts
