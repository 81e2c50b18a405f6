"""Interpolation blends the corners around a point, and refuses what is outside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import LinearNDInterpolator

from hwprof.luts import Interpolator

RNG = np.random.default_rng(0)
POINTS = RNG.random((80, 3))


@given(st.lists(st.floats(-0.2, 1.2), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_delaunay(point):
    """Inside and outside, the answer is that of the Delaunay triangulation."""
    values = np.sin(5 * POINTS).sum(axis=1)
    theirs = float(LinearNDInterpolator(POINTS, values)(point)[0])

    ours = Interpolator(POINTS, values).at(np.array(point))

    # On the hull itself rounding decides.
    if ours is not None and np.isfinite(theirs):
        assert ours == pytest.approx(theirs, abs=1e-6)
    elif ours is not None or np.isfinite(theirs):
        nudged = np.array(point) + 1e-6 * (POINTS.mean(axis=0) - point)
        assert (Interpolator(POINTS, values).at(nudged) is None) == (ours is None)


def test_known():
    """A known point has its own value."""
    values = RNG.random(80)

    assert Interpolator(POINTS, values).at(POINTS[17]) == pytest.approx(values[17])


def test_linear():
    """What is linear is blended exactly, also where a dimension never varies."""
    flat = np.column_stack([POINTS, np.full(80, 3.0)])
    interpolator = Interpolator(flat, flat @ [1.0, -2.0, 0.5, 0.0])

    assert interpolator.at(np.array([0.5, 0.5, 0.5, 3.0])) == pytest.approx(-0.25)
    assert interpolator.at(np.array([0.5, 0.5, 0.5, 3.1])) is None
    np.testing.assert_allclose(interpolator.held_out, 0, atol=1e-9)


def test_words_apart():
    """Points of another word, a column of 0 or 100, are no neighbours."""
    words = np.repeat([0.0, 100.0], 3)
    points = np.column_stack([[0, 1, 2, 10, 11, 12], words])
    values = np.array([0.0, 1, 2, 70, 80, 90])

    assert Interpolator(points, values).at(np.array([1.5, 0.0])) == pytest.approx(1.5)
    assert Interpolator(points, values).at(np.array([1.5, 100.0])) is None
    assert Interpolator(points, values).at(np.array([11.5, 50.0])) is None


def test_nothing_known():
    """Without points nothing is inside."""
    empty = Interpolator(np.zeros((0, 2)), np.zeros(0))

    assert empty.at(np.zeros(2)) is None
    assert len(empty.held_out) == 0
