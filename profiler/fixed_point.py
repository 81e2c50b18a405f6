"""Fixed-point arithmetic that firmware, lowering and the host's reference share.

docs/FORMATS.md, "Fixed-point arithmetic", is the definition; the convention is that of gemmlowp
and TFLite (Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, section 2.2), which CMSIS-NN follows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError

Int64 = npt.NDArray[np.int64]

INT8_MIN = -128
INT8_MAX = 127
INT32_MAX = (1 << 31) - 1
SMALLEST_SHIFT = -31
LARGEST_SHIFT = 30
_MULTIPLIER_BITS = 31


class Multiplier(NamedTuple):
    """A positive real factor as ``multiplier * 2^(shift - 31)``, multiplier in [2^30, 2^31)."""

    multiplier: int
    shift: int

    @property
    def real(self) -> float:
        """The factor that the two integers stand for."""
        return math.ldexp(self.multiplier, self.shift - _MULTIPLIER_BITS)


def quantise_multiplier(factor: float) -> Multiplier:
    """The nearest fixed-point form of a positive real factor.

    A factor below 2^-31 becomes the smallest one: every 32-bit accumulator rescales to 0 or +-1.

    Raises:
        ModelError: the factor is not positive and finite, or not below 2^30.
    """
    if not (math.isfinite(factor) and factor > 0):
        raise ModelError(
            f"a rescaling factor must be positive and finite; got {factor}; check the scales."
        )
    mantissa, shift = math.frexp(factor)
    # Halves go up, as in TFLite; the sum is exact, a mantissa has 22 bits behind the point here.
    multiplier = math.floor(math.ldexp(mantissa, _MULTIPLIER_BITS) + 0.5)
    if multiplier > INT32_MAX:
        multiplier, shift = multiplier // 2, shift + 1
    if shift > LARGEST_SHIFT:
        raise ModelError(
            f"a rescaling factor must be below 2^{LARGEST_SHIFT}; got {factor:g}; check the scales."
        )
    if shift < SMALLEST_SHIFT:
        return Multiplier(1 << 30, SMALLEST_SHIFT)
    return Multiplier(multiplier, shift)


def doubling_high_mul(a: npt.ArrayLike, b: npt.ArrayLike) -> Int64:
    """(a * b + 2^30) >> 31 element by element, ties towards positive infinity."""
    product: Int64 = np.multiply(a, b, dtype=np.int64)
    product += 1 << 30
    product >>= _MULTIPLIER_BITS
    return product


def round_shift(x: npt.ArrayLike, bits: npt.ArrayLike) -> Int64:
    """X / 2^bits rounded to the nearest integer, halves away from zero; bits in [0, 31]."""
    values, places = np.asarray(x, np.int64), np.asarray(bits, np.int64)
    half = (np.int64(1) << places) >> 1
    # A negative value loses one before the floor, which turns "half up" into "half away". At 0
    # places there is no half, and nothing may be lost.
    nudge = np.where(places > 0, (values < 0).astype(np.int64), 0)
    rounded: Int64 = (values + half - nudge) >> places
    return rounded


def round_half_up(x: npt.ArrayLike, bits: npt.ArrayLike) -> Int64:
    """X / 2^bits rounded to the nearest integer, halves towards positive infinity; bits in [0, 30].

    What requantisation by shifts does, as CMSIS-NN's q7 kernels and Glow's scaling do.
    """
    values, places = np.asarray(x, np.int64), np.asarray(bits, np.int64)
    rounded: Int64 = (values + ((np.int64(1) << places) >> 1)) >> places
    return rounded


def rescale(x: npt.ArrayLike, multiplier: npt.ArrayLike, shift: npt.ArrayLike) -> Int64:
    """X * multiplier * 2^(shift - 31) in the firmware's two rounding steps.

    ``x`` holds int32 values that stay inside int32 when shifted left by ``max(shift, 0)``;
    multiplier and shift are scalars or arrays that broadcast against it.
    """
    places = np.asarray(shift, np.int64)
    left = np.asarray(x, np.int64) << np.maximum(places, 0)
    return round_shift(doubling_high_mul(left, multiplier), np.maximum(-places, 0))


def rescale_once(x: npt.ArrayLike, multiplier: npt.ArrayLike, shift: npt.ArrayLike) -> Int64:
    """X * multiplier * 2^(shift - 31) in one rounding step, halves away from zero.

    ``x`` holds int32 values; the firmware's dense layer rescales so.
    """
    product = np.multiply(x, multiplier, dtype=np.int64)
    places = _MULTIPLIER_BITS - np.asarray(shift, np.int64)
    half = np.int64(1) << (places - 1)
    rounded: Int64 = (product + half - (product < 0)) >> places
    return rounded


def divide_rounding(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Int64:
    """Numerator / denominator (positive) rounded to nearest, halves away from zero."""
    values, divisor = np.asarray(numerator, np.int64), np.asarray(denominator, np.int64)
    magnitude = (np.abs(values) + divisor // 2) // divisor
    signed: Int64 = np.where(values < 0, -magnitude, magnitude)
    return signed
