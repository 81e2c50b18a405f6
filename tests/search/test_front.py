"""Fronts and hypervolumes, against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.search.front import hypervolume, pareto_indices

PLANES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30)


def columns(points):
    """Latencies and scores of some points."""
    table = np.array(points, dtype=np.float64)
    return table[:, 0], table[:, 1]


def beats(one, other):
    """Whether a point is no slower, no worse, and not the same."""
    return one[0] <= other[0] and one[1] >= other[1] and one != other


@settings(max_examples=200, deadline=None)
@given(points=PLANES)
def test_the_front_is_what_nothing_beats(points):
    """Exactly the distinct points that no other beats are on the front, fastest first."""
    front = [points[index] for index in pareto_indices(*columns(points))]
    expected = {point for point in points if not any(beats(other, point) for other in points)}
    assert front == sorted(expected)


@settings(max_examples=200, deadline=None)
@given(points=PLANES)
def test_the_hypervolume_counts_the_cells_that_are_dominated(points):
    """On a grid of whole numbers the area is the number of unit cells under the front."""
    cells = sum(
        any(latency <= x and score >= y + 1 for latency, score in points)
        for x in range(8)
        for y in range(1, 10)
    )
    assert hypervolume(*columns(points), reference=(8.0, 1.0)) == cells


def test_points_beyond_the_reference_add_nothing():
    """Slower than the reference is no solution, however good."""
    assert hypervolume(*columns([(9, 9), (1, 0)]), reference=(8.0, 1.0)) == 0


def test_of_equal_points_the_first_stays():
    """A duplicate is on the front once."""
    assert list(pareto_indices(*columns([(2, 2), (1, 1), (2, 2)]))) == [1, 0]


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_a_share_does_not_depend_on_units(scale):
    """Scaling an objective scales every area alike."""
    latency, score = columns([(1, 2), (3, 5), (4, 6)])
    some = hypervolume(latency[:2], score[:2], (9.0, 0.0)) / hypervolume(latency, score, (9.0, 0.0))
    scaled = hypervolume(latency[:2] * scale, score[:2], (9.0 * scale, 0.0)) / hypervolume(
        latency * scale, score, (9.0 * scale, 0.0)
    )
    assert scaled == pytest.approx(some)
