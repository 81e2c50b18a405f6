"""Lines that calls ask of memories behind the data cache."""

from math import exp

import pytest

from hwprof.graph import Conv2d, FullyConnected, Graph, Node, Pads
from hwprof.surrogates.calls import graph_calls
from hwprof.surrogates.cost_terms import TERMS, count_terms
from hwprof.surrogates.cost_terms._memory import CACHE_BYTES, _missed_share


def counts(op, shape):
    """Counts of one operator by name."""
    graph = Graph("one", {"x": shape}, (Node("y", op, ("x",), "b"),), ("y",))
    row = count_terms(graph_calls(graph)).sum(axis=0)
    return {term.name: value for term, value in zip(TERMS, row.tolist(), strict=True)}


def pointwise(out_channels):
    """A dense 1x1 convolution."""
    return Conv2d(kernel_h=1, kernel_w=1, out_channels=out_channels)


def test_a_small_tensor_is_fetched_once():
    """8 x 8 x 32 and 8 x 8 x 64 bytes fit the cache: no pass but the first misses."""
    found = counts(pointwise(64), (8, 8, 32))
    assert found["input_lines_small"] == 64
    assert found["output_lines"] == 128
    assert found["weight_lines"] == 64
    assert found["input_lines_again"] == found["output_lines_again"] == 0


def test_a_large_tensor_is_fetched_for_each_pair_of_channels():
    """64 x 64 x 32 bytes in and out are eight caches: 15 further passes miss nearly all of it."""
    found = counts(pointwise(32), (64, 64, 32))
    assert found["input_lines"] == 4096
    assert 0.97 * 15 * 4096 < found["input_lines_again"] < 15 * 4096


def test_weights_of_columns_are_passed_for_each_pair_of_columns():
    """3 x 3 x 64 x 64 bytes are more than the cache: each of 32 pairs of columns fetches anew."""
    op = Conv2d(kernel_h=3, kernel_w=3, out_channels=64, pads=Pads.same(3))
    found = counts(op, (8, 8, 64))
    assert found["weight_lines"] == 9 * 64 * 64 / 32
    assert 0 < found["weight_lines_again"] < 32 * found["weight_lines"]


def test_dense_layers_read_each_weight_once():
    """100 features to 10 outputs: 1,000 bytes of weights."""
    found = counts(FullyConnected(out_features=10), (1, 1, 100))
    assert found["weight_lines"] == 1000 / 32
    assert found["weight_lines_again"] == 0


@pytest.mark.parametrize("caches", [1.05, 1.2, 1.5, 2, 3, 5, 10])
def test_the_missed_share_is_near_its_definition(caches):
    """It solves m = 1 - exp(-m W / C), found here by bisection; the closed form is within 0.03."""
    low, high = 1e-9, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if middle < 1 - exp(-middle * caches) else (low, middle)
    assert _missed_share(caches * CACHE_BYTES) == pytest.approx(low, abs=0.03)


def test_what_fits_is_not_missed():
    """Up to the cache's size a second pass finds everything."""
    assert _missed_share(CACHE_BYTES) == 0
