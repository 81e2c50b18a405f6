"""Counts of the matrix kernels: 1x1 convolution, convolution by im2col, fully connected.

They mirror ``firmware_stub/src/kernels/conv2d_1x1_s8.c``, ``conv2d_s8.c`` and
``fully_connected_s8.c``. Notation: k elements of a filter row, blocks of 2 pixels x 2 channels;
a "single" is an output computed outside a block.
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


def _pointwise(c: Calls) -> Counts:
    # Strided, each output row is a multiplication of its own; dense, all pixels are one.
    strided = (c.stride_h > 1) | (c.stride_w > 1)
    sweeps = c.out_h * strided + (1 - strided)
    pixels = c.out_h * c.out_w // sweeps
    pairs, last = c.out_c // 2, c.out_c % 2
    k = c.in_c
    steps = k // 4
    blocks = sweeps * (pixels // 2) * pairs
    singles = sweeps * ((pixels % 2) * pairs * 2 + pixels * last)
    return {
        "calls": once(c),
        "sweeps": sweeps,
        "channel_pairs": sweeps * pairs,
        "last_channels": sweeps * last,
        "summed_weights": sweeps * c.out_c * k,
        "blocks": blocks,
        **loop("steps_of_16", blocks, steps // 4),
        **loop("steps_of_4", blocks, steps % 4),
        **loop("steps_of_1", blocks, k % 4),
        "singles": singles,
        **loop("single_steps_of_4", singles, steps),
        **loop("single_steps_of_1", singles, k % 4),
    }


POINTWISE = Counter(
    (
        CALLS,
        Column("sweeps", "matrix multiplication", 50),
        Column("channel_pairs", "pair of output channels", 40),
        Column("last_channels", "last odd output channel", 30),
        Column("summed_weights", "weight", 2),
        Column("blocks", "block", 90),
        *loop_columns("steps_of_16", "step of 16 elements in a block", 76),
        *loop_columns("steps_of_4", "step of 4 elements in a block", 21),
        *loop_columns("steps_of_1", "step of 1 element in a block", 10),
        Column("singles", "single", 25),
        *loop_columns("single_steps_of_4", "step of 4 elements in a single", 9),
        *loop_columns("single_steps_of_1", "step of 1 element in a single", 4),
    ),
    _pointwise,
)


def _conv(c: Calls) -> Counts:
    g = c.groups
    channels_in, channels_out = c.in_c // g, c.out_c // g
    k = c.kernel_h * c.kernel_w * channels_in
    inside = window(c)
    outside = inside.pixels * c.kernel_h * c.kernel_w - inside.taps
    pairs, last = inside.pixels // 2, inside.pixels % 2
    blocks = g * pairs * (channels_out // 2)
    singles = g * (2 * pairs * (channels_out % 2) + last * channels_out)
    return {
        "calls": once(c),
        "groups": g,
        "columns": g * inside.pixels,
        "column_rows": g * inside.pixels * c.kernel_h,
        "column_rows_repeated": g * inside.pixels * c.kernel_h * (c.kernel_w > 1),
        "copied_taps": g * inside.taps,
        **loop("copied_words", g * inside.taps, channels_in // 4),
        **loop("copied_bytes", g * inside.taps, channels_in % 4),
        "set_taps": g * outside,
        **loop("set_words", g * outside, channels_in // 4),
        **loop("set_bytes", g * outside, channels_in % 4),
        **loop("widened_words", g * inside.pixels, k // 4),
        **loop("widened_bytes", g * inside.pixels, k % 4),
        "column_pairs": g * pairs,
        "blocks": blocks,
        **loop("steps_of_4", blocks, k // 4),
        **loop("steps_of_1", blocks, k % 4),
        "singles": singles,
        **loop("single_steps_of_4", singles, k // 4),
        **loop("single_steps_of_1", singles, k % 4),
    }


CONV = Counter(
    (
        CALLS,
        Column("groups", "group", 50),
        Column("columns", "column", 40),
        Column("column_rows", "kernel row of a column", 6),
        Column("column_rows_repeated", "kernel row of more than one tap", 6),
        Column("copied_taps", "tap inside the input", 16),
        *loop_columns("copied_words", "word copied", 4),
        *loop_columns("copied_bytes", "byte copied", 4),
        Column("set_taps", "tap on padding", 16),
        *loop_columns("set_words", "word set", 3),
        *loop_columns("set_bytes", "byte set", 3),
        *loop_columns("widened_words", "word widened", 7),
        *loop_columns("widened_bytes", "byte widened", 5),
        Column("column_pairs", "pair of columns", 30),
        Column("blocks", "block", 90),
        *loop_columns("steps_of_4", "step of 4 elements in a block", 20),
        *loop_columns("steps_of_1", "step of 1 element in a block", 10),
        Column("singles", "single", 25),
        *loop_columns("single_steps_of_4", "step of 4 elements in a single", 9),
        *loop_columns("single_steps_of_1", "step of 1 element in a single", 4),
    ),
    _conv,
)


def _fully_connected(c: Calls) -> Counts:
    pairs, last = c.out_c // 2, c.out_c % 2
    steps, rests = c.in_c // 4, c.in_c % 4
    return {
        "calls": once(c),
        "row_pairs": pairs,
        **loop("pair_steps_of_4", pairs, steps),
        **loop("pair_steps_of_1", pairs, rests),
        "last_rows": last,
        **loop("last_steps_of_4", last, steps),
        **loop("last_steps_of_1", last, rests),
    }


FULLY_CONNECTED = Counter(
    (
        CALLS,
        Column("row_pairs", "pair of weight rows", 45),
        *loop_columns("pair_steps_of_4", "step of 4 elements in two rows", 13),
        *loop_columns("pair_steps_of_1", "step of 1 element in two rows", 7),
        Column("last_rows", "last odd weight row", 25),
        *loop_columns("last_steps_of_4", "step of 4 elements in one row", 9),
        *loop_columns("last_steps_of_1", "step of 1 element in one row", 5),
    ),
    _fully_connected,
)
