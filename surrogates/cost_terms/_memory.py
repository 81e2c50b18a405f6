"""Columns of what a call asks of memories behind the data cache, alike for all kernels.

A line costs what it costs whichever kernel fetches it: a load waits for its line. A store does
not, it waits in the store buffer while the core runs on; so what a fetched line costs a store is
the share of it that the core's own work for such a line does not cover, for lines that take so
many cycles to come. Weights and activations lie in memories of different speed. What a line costs
belongs to the context, and the fit finds it.
"""

from __future__ import annotations

import numpy as np

from hwprof.surrogates.cache import LINE_BYTES, grain_of, touched_lines
from hwprof.surrogates.calls import Calls, KernelClass
from hwprof.surrogates.cost_terms._alignment import unaligned_words
from hwprof.surrogates.cost_terms._base import Column, Expected
from hwprof.surrogates.cost_terms._replacement import Numbers
from hwprof.surrogates.cost_terms._traffic import traffic

_FAST_FILL, _SLOW_FILL = 80, 320
"""Cycles that a line takes from memories in the chip, and from those beside it."""

MEMORY_COLUMNS = (
    Column("read_lines", "line fetched for a load", 60),
    Column("weight_lines", "line of weights", 560),
    Column("weight_lines_again", "line of weights fetched anew", 560),
    Column("write_lines_fast", "line fetched for stores of less than 80 cycles of work", 20),
    Column("write_lines_slow", "line fetched for stores of less than 320 cycles of work", 20),
    Column("write_lines_alone", "the same where no line is fetched for a load meanwhile", 20),
    Column("write_lines_used", "line fetched for a store and read while it comes", 40),
    Column("write_lines_begun", "the same where a line is fetched for a load behind it", 20),
    Column("unaligned_words", "load of a word that is not aligned", 3),
)


def memory_counts(c: Calls, core_cycles: Numbers) -> Expected:
    """Expected line fills and unaligned loads of calls of any kernels.

    Args:
        core_cycles: what the core has to do for each call, good within a factor of two.
    """
    lines = traffic(c)
    # Maximum pooling copies the first pixel of a window to the output and goes on from there. Where
    # windows do not overlap that pixel is new, and its lines come while the output's does.
    pooling = c.kernel == KernelClass.MAX_POOL
    used = pooling & (c.kernel_h > c.stride_h)
    waiting = lines.writes * ~pooling
    early, work = _first_pass(c)
    bursts = (
        (np.minimum(waiting, early), core_cycles * work),
        (np.maximum(waiting - early, 0), core_cycles * (1 - work)),
    )
    alone = np.maximum(waiting - lines.reads, 0) / np.maximum(waiting, 1)
    return {
        "read_lines": lines.reads,
        "weight_lines": lines.weights,
        "weight_lines_again": lines.weights_again,
        "write_lines_fast": sum(_waiting(*part, _FAST_FILL) for part in bursts),
        "write_lines_slow": sum(_waiting(*part, _SLOW_FILL) for part in bursts),
        "write_lines_alone": alone * sum(_waiting(*part, _SLOW_FILL) for part in bursts),
        "write_lines_used": lines.writes * used,
        "write_lines_begun": lines.writes * (pooling & ~used),
        "unaligned_words": unaligned_words(c),
    }


def _first_pass(c: Calls) -> tuple[Numbers, Numbers]:
    """Lines stored to first in the first of several passes, and that pass's share of the work.

    A 1x1 convolution passes over all pixels for each pair of channels: what fits the cache comes
    early, when there is little work between two lines.
    """
    passing = (c.kernel == KernelClass.POINTWISE) & (c.stride_h * c.stride_w == 1)
    passes = np.where(passing, -(-c.out_c // 2), 1)
    pixels, width = c.out_h * c.out_w, np.minimum(2, c.out_c)
    swept = touched_lines(pixels, width, c.out_c, np.minimum(2, grain_of(c.out_c)))
    swept = np.minimum(swept, np.ceil(pixels * c.out_c / LINE_BYTES))
    return np.where(passing, swept, np.inf), 1 / passes


def _waiting(lines: Numbers, core_cycles: Numbers, fill_cycles: int) -> Numbers:
    """Lines times the share of a fill that the work between two does not cover."""
    share = np.maximum(1 - core_cycles / np.maximum(lines, 1) / fill_cycles, 0.0)
    waiting: Numbers = lines * share
    return waiting
