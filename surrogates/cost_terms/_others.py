"""Counts of pooling, element-wise kernels and data movement."""

from __future__ import annotations

from hwprof.surrogates.calls import Calls
from hwprof.surrogates.cost_terms._base import CALLS, Column, Counter, Counts, once, window


def _pool(c: Calls) -> Counts:
    inside = window(c)
    return {
        "calls": once(c),
        "pixels": inside.pixels,
        "rows": inside.rows,
        "taps": inside.taps,
        "outputs": inside.pixels * c.out_c,
        "elements": inside.taps * c.out_c,
    }


def _pool_columns(output_cycles: float, element_cycles: float) -> tuple[Column, ...]:
    return (
        CALLS,
        Column("pixels", "output pixel", 40),
        Column("rows", "window row inside the input", 10),
        Column("taps", "window position inside the input", 10),
        Column("outputs", "output", output_cycles),
        Column("elements", "element read", element_cycles),
    )


AVERAGE_POOL = Counter(_pool_columns(25, 4), _pool)
MAX_POOL = Counter(_pool_columns(3, 1.5), _pool)


def _elements(c: Calls) -> Counts:
    size = c.out_h * c.out_w * c.out_c
    return {"calls": once(c), "words": size // 4, "bytes": size % 4}


def element_counter(cycles_per_element: float) -> Counter:
    """Counter of a kernel that passes once over a tensor."""
    return Counter(
        (
            CALLS,
            Column("words", "4 elements", 4 * cycles_per_element),
            Column("bytes", "element after the last 4", cycles_per_element),
        ),
        _elements,
    )


def _movement(c: Calls) -> Counts:
    dense = c.run_step == 1
    return {
        "calls": once(c),
        "runs": c.runs,
        "words": c.runs * (c.run_length // 4) * dense,
        "bytes": c.runs * (c.run_length % 4) * dense,
        "strided_bytes": c.runs * c.run_length * (1 - dense),
    }


MOVEMENT = Counter(
    (
        CALLS,
        Column("runs", "contiguous run", 15),
        Column("words", "4 elements of a dense run", 3),
        Column("bytes", "element of a dense run after the last 4", 4),
        Column("strided_bytes", "element of a strided run", 4),
    ),
    _movement,
)


def _resize(c: Calls) -> Counts:
    pixels = c.out_h * c.out_w
    return {
        "calls": once(c),
        "rows": c.out_h,
        "pixels": pixels,
        "words": pixels * (c.out_c // 4),
        "bytes": pixels * (c.out_c % 4),
    }


RESIZE = Counter(
    (
        CALLS,
        Column("rows", "output row", 20),
        Column("pixels", "output pixel", 25),
        Column("words", "4 elements", 3),
        Column("bytes", "element after the last 4 of a pixel", 4),
    ),
    _resize,
)


def _softmax(c: Calls) -> Counts:
    rows = c.out_h * c.out_w
    return {"calls": once(c), "rows": rows, "elements": rows * c.out_c}


SOFTMAX = Counter(
    (CALLS, Column("rows", "row", 100), Column("elements", "element", 150)),
    _softmax,
)
