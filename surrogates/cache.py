"""The data cache that features assume: 32 KiB, 4 ways, lines of 32 bytes, random replacement.

That of the i.MX RT boards and the STM32H730 (Arm DDI 0489F leaves ways and lines no choice). A
measured board has no file to read a size from, and boards with 4 or 16 KiB miss more: there the
fit corrects what it can by coefficients and residuals.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LINE_BYTES = 32
WAYS = 4
CACHE_BYTES = 32 << 10
CACHE_LINES = CACHE_BYTES // LINE_BYTES
SETS = CACHE_LINES // WAYS
"""Neighbouring lines go to neighbouring sets, so a stretch of this many lines takes one way."""


def touched_lines(runs: Any, length: Any, stride: Any, grain: Any) -> Any:
    """Lines that runs of bytes touch, on average over where they begin.

    Args:
        runs: how many.
        length: bytes of each.
        stride: bytes from the start of one to that of the next, at least ``length``.
        grain: runs begin anywhere at a multiple of this power of two; 32 where all lines.
    """
    gap = np.maximum(stride - length, 0)
    rest = length % grain
    # Whole lines inside a gap: the mean of floor((a + gap) / 32) - (a > 0) over the a that can be.
    skipped = np.maximum((rest + gap - LINE_BYTES) / LINE_BYTES, 0)
    skipped = skipped + (gap >= LINE_BYTES) * (rest == 0) * grain / LINE_BYTES
    spanned = ((runs - 1) * stride + length) / LINE_BYTES
    return np.maximum(spanned - (runs - 1) * skipped, 1)


def grain_of(number: Any) -> Any:
    """The largest power of two that divides a number, at most a line."""
    return np.minimum(number & -number, LINE_BYTES)
