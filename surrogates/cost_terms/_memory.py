"""Counts of what a call asks of memories behind the data cache, alike for all kernels.

A line is 32 bytes. Tensors are touched for the first time once; passes after the first find what
the cache kept. Of a working set of W bytes that is swept again and again, a cache of C bytes with
random replacement misses the share m that solves m = 1 - exp(-m W / C): a line is still there if
none of the m W / C insertions since its last use took its place. For W > C, m is within 0.03 of
1 - (C / W)^2.2; below it is 0.

What a line costs belongs to the context (its memory's bus), and the fit finds it.
"""

from __future__ import annotations

from typing import Any

from hwprof.surrogates.calls import Calls, Integers, KernelClass
from hwprof.surrogates.cost_terms._base import Column, Expected, smaller

LINE_BYTES = 32
CACHE_BYTES = 32 << 10
"""Data cache of the RT1170. Boards with less miss more; a fit on them corrects by its residual."""

MEMORY_COLUMNS = (
    Column("input_lines", "line of an input larger than half the cache", 50),
    Column("input_lines_small", "line of a smaller input", 25),
    Column("input_lines_again", "line of an input missed in a later pass", 50),
    Column("output_lines", "line of an output", 20),
    Column("output_lines_again", "line of an output missed in a later pass", 30),
    Column("weight_lines", "line of weights", 600),
    Column("weight_lines_again", "line of weights missed in a later pass", 600),
)


def memory_counts(c: Calls) -> Expected:
    """Expected line fills of calls of any kernels."""
    moved = c.runs * c.run_length
    is_move = moved > 0
    whole_input = c.in_h * c.in_w * c.in_c
    read_span = smaller(whole_input, moved * (c.run_step + (c.run_step == 0)))
    input_bytes = read_span * is_move + whole_input * (1 - is_move)
    output_bytes = moved * is_move + c.out_h * c.out_w * c.out_c * (1 - is_move)
    weight_bytes = c.kernel_h * c.kernel_w * (c.in_c // c.groups) * c.out_c * (c.macs > 0)

    is_pointwise = c.kernel == KernelClass.POINTWISE
    is_conv = c.kernel == KernelClass.CONV
    # A dense 1x1 convolution passes over all pixels for each pair of channels; a convolution by
    # columns for each group, and over its weights for each pair of columns.
    dense = is_pointwise * (c.stride_h * c.stride_w == 1)
    passes = dense * (-(-c.out_c // 2) - 1) + is_conv * (c.groups - 1)
    weight_passes = is_conv * (c.out_h * c.out_w // 2)
    missed = _missed_share(input_bytes + output_bytes)
    pixels = c.out_h * c.out_w
    is_small = input_bytes <= CACHE_BYTES // 2
    input_lines, output_lines = input_bytes / LINE_BYTES, output_bytes / LINE_BYTES
    weight_lines = weight_bytes / LINE_BYTES
    return {
        "input_lines": input_lines * (1 - is_small),
        "input_lines_small": input_lines * is_small,
        "input_lines_again": passes * input_lines * missed,
        "output_lines": output_lines,
        "output_lines_again": passes * _lines_of_a_pass(output_bytes, pixels) * missed,
        "weight_lines": weight_lines,
        "weight_lines_again": weight_passes * weight_lines * _missed_share(weight_bytes),
    }


def _missed_share(working_set_bytes: Any) -> Any:
    """Share of lines that a pass over a working set misses, when the pass before was alike."""
    fits = working_set_bytes <= CACHE_BYTES
    return (1 - fits) * (1 - (CACHE_BYTES / (working_set_bytes + fits * CACHE_BYTES)) ** 2.2)


def _lines_of_a_pass(output_bytes: Integers, pixels: Integers) -> Any:
    """Lines of the output that one pair of channels writes to: one a pixel, or all."""
    return smaller(output_bytes, LINE_BYTES * pixels) / LINE_BYTES
