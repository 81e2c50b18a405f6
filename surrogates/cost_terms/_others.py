"""Counts of pooling, element-wise kernels and data movement."""

from __future__ import annotations

from hwprof.surrogates.calls import DENSE, STEP_2, ZIPPED, Calls, Integers
from hwprof.surrogates.cost_terms._base import (
    CALLS,
    Column,
    Counter,
    Counts,
    loop,
    loop_columns,
    once,
    smaller,
    window,
)


def _pool(c: Calls) -> Counts:
    inside = window(c)
    words, rests = c.out_c // 4, c.out_c % 4
    return {
        "calls": once(c),
        "pixels": inside.pixels,
        "rows": inside.rows,
        "taps": inside.taps,
        **loop("tap_words", inside.taps, words),
        **loop("tap_bytes", inside.taps, rests),
        **loop("output_words", inside.pixels, words),
        **loop("output_bytes", inside.pixels, rests),
    }


def _pool_counter(tap_cycles: float, output_cycles: float) -> Counter:
    """Counter of a pooling kernel, guessing cycles for each element read and written."""
    return Counter(
        (
            CALLS,
            Column("pixels", "output pixel", 40),
            Column("rows", "window row inside the input", 10),
            Column("taps", "window position inside the input", 12),
            *loop_columns("tap_words", "4 channels of a position", 4 * tap_cycles),
            *loop_columns("tap_bytes", "channel of a position after the last 4", 2 * tap_cycles),
            *loop_columns("output_words", "4 outputs", 4 * output_cycles),
            *loop_columns("output_bytes", "output after the last 4 of a pixel", output_cycles),
        ),
        _pool,
    )


AVERAGE_POOL = _pool_counter(tap_cycles=3, output_cycles=20)
MAX_POOL = _pool_counter(tap_cycles=2, output_cycles=1)


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


def _dense(runs: Integers, length: Integers) -> Counts:
    """Copies of contiguous runs: 16 bytes at a time, then words, then bytes."""
    return {
        **loop("dense_16", runs, length // 16),
        **loop("dense_words", runs, length % 16 // 4),
        **loop("dense_bytes", runs, length % 4),
    }


_DENSE_COLUMNS = (
    *loop_columns("dense_16", "16 elements of a dense run", 12),
    *loop_columns("dense_words", "4 elements of a dense run", 4),
    *loop_columns("dense_bytes", "element of a dense run after the last 4", 4),
)


def _movement(c: Calls) -> Counts:
    second = c.runs * (c.run_step == STEP_2)
    zipped = c.runs * (c.run_step == ZIPPED)
    # The last four of every second byte go one by one: reading eight could leave the buffer.
    seconds = (c.run_length - 1) // 4
    return {
        "calls": once(c),
        "rows": c.out_h,
        **loop("runs", c.out_h, c.runs // c.out_h),
        **_dense(c.runs * (c.run_step == DENSE), c.run_length),
        **loop("second_words", second, seconds),
        **loop("second_bytes", second, c.run_length - 4 * seconds),
        **loop("strided_bytes", c.runs * (c.run_step > STEP_2), c.run_length),
        **loop("zipped_words", zipped, c.run_length // 4),
        **loop("zipped_bytes", zipped, c.run_length % 4),
    }


MOVEMENT = Counter(
    (
        CALLS,
        Column("rows", "output row", 15),
        *loop_columns("runs", "run", 20),
        *_DENSE_COLUMNS,
        *loop_columns("second_words", "4 elements, each second of their source", 11),
        *loop_columns("second_bytes", "element, each second of its source, of the last 4", 5),
        *loop_columns("strided_bytes", "element of a strided run", 5),
        *loop_columns("zipped_words", "4 elements of each of two rows", 15),
        *loop_columns("zipped_bytes", "element of each of two rows after the last 4", 8),
    ),
    _movement,
)


def _resize(c: Calls) -> Counts:
    # Nearest rows repeat when growing; a repeated row is one copy of the row above.
    fresh = smaller(c.in_h, c.out_h)
    pixels = fresh * c.out_w
    repeated = c.out_h - fresh
    pixel, row = _dense(pixels, c.out_c), _dense(repeated, c.out_w * c.out_c)
    return {
        "calls": once(c),
        "fresh_rows": fresh,
        "repeated_rows": repeated,
        "pixels": pixels,
        **{name: pixel[name] + row[name] for name in pixel},
    }


RESIZE = Counter(
    (
        CALLS,
        Column("fresh_rows", "output row from the input", 20),
        Column("repeated_rows", "output row from the one above", 20),
        Column("pixels", "output pixel from the input", 30),
        *_DENSE_COLUMNS,
    ),
    _resize,
)


def _softmax(c: Calls) -> Counts:
    rows = c.out_h * c.out_w
    return {"calls": once(c), "rows": rows, **loop("elements", rows, c.out_c)}


SOFTMAX = Counter(
    (CALLS, Column("rows", "row", 100), *loop_columns("elements", "element", 150)),
    _softmax,
)
