"""docs/FORMATS.md, "Fixed-point arithmetic", against Python's exact integers and fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ModelError
from hwprof.profiler.fixed_point import (
    divide_rounding,
    doubling_high_mul,
    quantise_multiplier,
    rescale,
    round_shift,
)

INT32 = st.integers(-(1 << 31), (1 << 31) - 1)
MULTIPLIERS = st.integers(1 << 30, (1 << 31) - 1)


def half_away(value: Fraction) -> int:
    """Nearest integer, halves away from zero."""
    magnitude = int(abs(value) + Fraction(1, 2))
    return -magnitude if value < 0 else magnitude


@given(INT32, INT32)
def test_doubling_high_mul_rounds_half_up(a, b):
    """doubling_high_mul(a, b) = (a * b + 2^30) >> 31."""
    assert int(doubling_high_mul(a, b)) == (a * b + (1 << 30)) >> 31


@given(INT32, st.integers(0, 31))
def test_round_shift_rounds_half_away_from_zero(x, bits):
    """round_shift(x, n) is x / 2^n rounded half away from zero."""
    assert int(round_shift(x, bits)) == half_away(Fraction(x, 1 << bits))


@given(st.integers(-(1 << 23), 1 << 23), MULTIPLIERS, st.integers(-31, 7))
def test_rescale_is_its_definition(x, multiplier, shift):
    """A rescaling shifts left, multiplies high, and shifts right with rounding."""
    high = ((x << max(shift, 0)) * multiplier + (1 << 30)) >> 31

    expected = half_away(Fraction(high, 1 << max(-shift, 0)))

    assert int(rescale(x, multiplier, shift)) == expected


@pytest.mark.parametrize("bits", range(5))
def test_every_small_value_is_shifted_as_defined(bits):
    """Halves on both sides of zero are few, so all small values are tried."""
    values = range(-40, 41)

    expected = [half_away(Fraction(value, 1 << bits)) for value in values]
    assert round_shift(list(values), bits).tolist() == expected


def test_rescale_takes_a_factor_for_each_channel():
    """Multipliers and shifts of shape (c,) apply to the last axis."""
    sums = np.array([[1000, 1000], [-1000, 3]])

    scaled = rescale(sums, np.array([1 << 30, 1 << 30]), np.array([0, -1]))

    assert scaled.tolist() == [[500, 250], [-500, 1]]


@given(st.floats(1e-9, 1e8))
def test_quantised_multiplier_is_the_nearest(factor):
    """The fixed-point factor is within half a unit of its 31 bits of the real one."""
    quantised = quantise_multiplier(factor)

    assert 1 << 30 <= quantised.multiplier < 1 << 31
    assert abs(Fraction(quantised.real) - Fraction(factor)) <= Fraction(quantised.real) / (1 << 31)


def test_factor_just_below_a_power_of_two_carries_into_the_shift():
    """A mantissa that rounds to 2^31 becomes 2^30 and one more bit of shift."""
    assert quantise_multiplier(1 - 2**-40) == (1 << 30, 1)


def test_vanishing_factor_becomes_the_smallest():
    """A factor below 2^-31 keeps the multiplier in range."""
    assert quantise_multiplier(1e-20) == (1 << 30, -31)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_factor_must_be_positive_and_finite(factor):
    """A factor that no scales give is refused."""
    with pytest.raises(ModelError, match="must be positive and finite; got"):
        quantise_multiplier(factor)


def test_huge_factor_is_refused():
    """A factor of 2^30 or more has no shift."""
    with pytest.raises(ModelError, match=r"must be below 2\^30; got 2\.14748e\+09"):
        quantise_multiplier(2.0**31)


@given(INT32, st.integers(1, 10_000))
def test_divide_rounding_rounds_half_away_from_zero(numerator, denominator):
    """Means round half away from zero, for odd and even counts."""
    expected = half_away(Fraction(numerator, denominator))

    assert int(divide_rounding(numerator, denominator)) == expected
