"""TFLite's int8 softmax in gemmlowp's fixed point, vectorised over rows.

Notation: Qi.f is a 32-bit integer with i integer and f fraction bits, i + f = 31; a product is
``doubling_high_mul``, which adds the integer bits of its factors. The largest element of a row is
subtracted first, so exponents are at most zero. Constants are the nearest integers of the real
numbers beside them.
"""

from __future__ import annotations

import math

import numpy as np

from hwprof.profiler.fixed_point import (
    INT8_MAX,
    INT8_MIN,
    INT32_MAX,
    Int64,
    doubling_high_mul,
    rescale,
    round_shift,
)
from hwprof.profiler.program import SoftmaxRecord
from hwprof.profiler.reference._memory import Int8

_DIFFERENCE_FRACTION_BITS = 26  # Q5.26
_QUARTER = 1 << (_DIFFERENCE_FRACTION_BITS - 2)
_SUM_INTEGER_BITS = 12  # Q12.19
_NEWTON_STEPS = 3
_ONE = INT32_MAX  # 1.0 in Q0.31, as near as it gets


def _q(value: float, integer_bits: int) -> int:
    return round(math.ldexp(value, 31 - integer_bits))


_EXP_MINUS_EIGHTH = _q(math.exp(-1 / 8), 0)
_THIRD = _q(1 / 3, 0)
_EXP_POWERS = tuple(_q(math.exp(-(2.0**power)), 0) for power in range(-2, 5))
_48_OVER_17 = _q(48 / 17, 2)
_MINUS_32_OVER_17 = _q(-32 / 17, 2)


def softmax_rows(record: SoftmaxRecord, rows: Int8) -> Int8:
    """Softmax of each row of int8 (rows, row_size); output scale 1/256, zero point -128."""
    wide = rows.astype(np.int64)
    difference = wide - wide.max(axis=1, keepdims=True)
    counted = difference >= record.diff_min
    scaled = rescale(np.where(counted, difference, 0), record.multiplier, record.shift)
    exponentials = np.where(counted, _exp(scaled), 0)
    total = round_shift(exponentials, _SUM_INTEGER_BITS).sum(axis=1, keepdims=True)
    # total = (1 + a) * 2^bits with a in [0, 1); frexp gives 0.5 <= mantissa < 1
    length = np.frexp(total.astype(np.float64))[1].astype(np.int64)
    bits = length - (31 - _SUM_INTEGER_BITS + 1)
    above_one = (total << (32 - length)) - (1 << 31)
    share = doubling_high_mul(_reciprocal_one_plus(above_one), exponentials)
    levels = round_shift(share, bits + 31 - 8)  # Q0.31 of 2^bits to steps of 1/256
    return np.clip(levels + INT8_MIN, INT8_MIN, INT8_MAX).astype(np.int8)


def _exp(exponent: Int64) -> Int64:
    """e^a in Q0.31 for a <= 0 in Q5.26: a quarter's rest, then a factor for each power of two."""
    rest = (exponent & (_QUARTER - 1)) - _QUARTER
    quarters = (rest - exponent) >> (_DIFFERENCE_FRACTION_BITS - 2)
    result = _exp_of_quarter(rest << 5)
    for bit, factor in enumerate(_EXP_POWERS):
        result = np.where((quarters >> bit) & 1, doubling_high_mul(result, factor), result)
    return np.where(exponent == 0, _ONE, result)


def _exp_of_quarter(a: Int64) -> Int64:
    """e^a for a in [-1/4, 0), both Q0.31: the Taylor series of fourth order around -1/8."""
    x = a + _q(1 / 8, 0)
    x2 = doubling_high_mul(x, x)
    x3, x4 = doubling_high_mul(x2, x), doubling_high_mul(x2, x2)
    # x^4/24 + x^3/6 + x^2/2 as ((x^4/4 + x^3) / 3 + x^2) / 2
    tail = round_shift(doubling_high_mul(round_shift(x4, 2) + x3, _THIRD) + x2, 1)
    return _EXP_MINUS_EIGHTH + doubling_high_mul(x + tail, _EXP_MINUS_EIGHTH)


def _reciprocal_one_plus(a: Int64) -> Int64:
    """1 / (1 + a) for a in [0, 1), both Q0.31: Newton's iteration on d = (1 + a) / 2."""
    half = (a + _ONE + 1) >> 1
    x = _48_OVER_17 + doubling_high_mul(half, _MINUS_32_OVER_17)  # Q2.29
    for _ in range(_NEWTON_STEPS):
        error = _q(1.0, 2) - doubling_high_mul(half, x)
        x = x + _saturating_shift(doubling_high_mul(x, error), 2)
    return _saturating_shift(x, 1)


def _saturating_shift(x: Int64, bits: int) -> Int64:
    shifted: Int64 = np.clip(x << bits, -INT32_MAX - 1, INT32_MAX)
    return shifted
