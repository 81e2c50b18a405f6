"""Scalar functions as tables from input byte to output byte."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hwprof.functions import values_of
from hwprof.graph import QuantParams, Unary
from hwprof.profiler.fixed_point import INT8_MAX, INT8_MIN


def lookup_table(op: Unary, source: QuantParams, target: QuantParams) -> bytes:
    """256 int8 entries: entry q + 128 is the function's value at the real number q stands for."""
    steps = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.float64)
    values = values_of(op, source.scale * (steps - source.zero_point))
    quantised = np.rint(values / target.scale) + target.zero_point
    entries: npt.NDArray[np.int8] = np.clip(quantised, INT8_MIN, INT8_MAX).astype(np.int8)
    return entries.tobytes()
