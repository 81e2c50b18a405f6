"""Counts of the depthwise kernels.

They mirror ``firmware_stub/src/kernels/depthwise_3x3_s8.c`` and ``depthwise_s8.c``: four
channels at a time, the last ones one by one; a "quad" is four channels of a pixel.
"""

from __future__ import annotations

from hwprof.surrogates.calls import Calls
from hwprof.surrogates.cost_terms._base import (
    CALLS,
    Column,
    Counter,
    Counts,
    loop,
    loop_columns,
    once,
    window,
)


def _dedicated(c: Calls) -> Counts:
    inside = window(c)
    quads, rests = c.out_c // 4, c.out_c % 4
    return {
        "calls": once(c),
        "rows": c.out_h,
        "pixels": inside.pixels,
        **loop("quads", inside.pixels, quads),
        "quad_rows": inside.rows * quads,
        "quad_taps": inside.taps * quads,
        **loop("singles", inside.pixels, rests),
        "single_rows": inside.rows * rests,
        "single_taps": inside.taps * rests,
    }


DEDICATED = Counter(
    (
        CALLS,
        Column("rows", "output row", 20),
        Column("pixels", "output pixel", 40),
        *loop_columns("quads", "quad", 90),
        Column("quad_rows", "kernel row of a quad", 9),
        Column("quad_taps", "tap of a quad", 12),
        *loop_columns("singles", "channel outside quads", 22),
        Column("single_rows", "kernel row of such a channel", 8),
        Column("single_taps", "tap of such a channel", 6),
    ),
    _dedicated,
)


def _buffered(c: Calls) -> Counts:
    inside = window(c)
    quads, rests = c.out_c // 4, c.out_c % 4
    taps = c.kernel_h * c.kernel_w
    cleared_row = c.kernel_w * c.out_c
    return {
        "calls": once(c),
        "rows": c.out_h,
        "pixels": inside.pixels,
        "column_rows": inside.rows,
        "widened_taps": inside.taps,
        **loop("widened_words", inside.taps, quads),
        **loop("widened_bytes", inside.taps, rests),
        "cleared_taps": inside.cleared_taps,
        "cleared_pairs": inside.cleared_taps * (c.out_c // 2)
        + inside.cleared_rows * cleared_row // 2,
        **loop("quads", inside.pixels, quads),
        **loop("quad_tap_pairs", inside.pixels * quads, taps // 2),
        "quad_last_taps": inside.pixels * quads * (taps % 2),
        **loop("singles", inside.pixels, rests),
        "single_taps": inside.pixels * rests * taps,
    }


BUFFERED = Counter(
    (
        CALLS,
        Column("rows", "output row", 15),
        Column("pixels", "output pixel", 80),
        Column("column_rows", "kernel row inside the input", 10),
        Column("widened_taps", "tap inside the input", 18),
        *loop_columns("widened_words", "word widened", 9),
        *loop_columns("widened_bytes", "byte widened", 5),
        Column("cleared_taps", "tap on padding", 12),
        Column("cleared_pairs", "pair of elements cleared", 3),
        *loop_columns("quads", "quad", 90),
        *loop_columns("quad_tap_pairs", "pair of taps of a quad", 26),
        Column("quad_last_taps", "last odd tap of a quad", 14),
        *loop_columns("singles", "channel outside quads", 24),
        Column("single_taps", "tap of such a channel", 6),
    ),
    _buffered,
)


def _generic(c: Calls) -> Counts:
    inside = window(c)
    return {
        "calls": once(c),
        "rows": c.out_h,
        "pixels": inside.pixels,
        "outputs": inside.pixels * c.out_c,
        "output_rows": inside.rows * c.out_c,
        "output_taps": inside.taps * c.out_c,
    }


GENERIC = Counter(
    (
        CALLS,
        Column("rows", "output row", 15),
        Column("pixels", "output pixel", 20),
        Column("outputs", "output", 60),
        Column("output_rows", "kernel row of an output", 15),
        Column("output_taps", "tap of an output", 8),
    ),
    _generic,
)
