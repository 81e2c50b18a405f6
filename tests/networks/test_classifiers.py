"""Classifiers with published latencies: their counts are the published ones."""

import pytest

from hwprof.errors import ConfigurationError
from hwprof.networks import NETWORKS, mobilenet_v1, parse_architecture


@pytest.mark.parametrize(
    ("text", "macs"),
    [
        # MEASUREMENTS: multiply-accumulates counted from the papers' tables.
        ("micronet-kws-l", 65_714_000),
        ("micronet-kws-s", 8_327_000),
        ("micronet-ad-s", 18_739_000),
        ("cifar10-cnn", 12_298_240),
    ],
)
def test_counts_are_the_published_ones(text, macs):
    """Within the rounding of a table that gives thousands."""
    assert parse_architecture(text).macs == pytest.approx(macs, abs=1000)


def test_mobilenet_counts_are_those_of_its_paper():
    """569 million multiply-accumulates and 4.2 million parameters (Howard et al., table 8)."""
    network = mobilenet_v1(alpha=1.0, size=224)
    assert network.macs == pytest.approx(569e6, rel=0.001)
    assert network.parameters == pytest.approx(4.2e6, rel=0.02)


def test_layers_are_those_that_were_profiled():
    """Layers 1 to 4 and 13 of MobileNetV1 0.25 at 160 x 160, as published profiles list them."""
    graph = mobilenet_v1().graph()
    counts = [graph.node_macs(node) for node in graph.nodes]
    assert counts[:4] == [1_382_400, 460_800, 819_200, 230_400]
    assert counts[12] == 819_200


@pytest.mark.parametrize("name", ["cifar10-cnn", "micronet-kws-s", "mobilenet-v1"])
def test_a_name_is_the_text_that_makes_the_network(name):
    """An architecture's own name, parsed, is the architecture."""
    network = NETWORKS[name]()
    assert parse_architecture(network.name) == network


@pytest.mark.parametrize("text", ["alpha=0", "alpha=9", "size=4", "classes=0", "alpha=nan"])
def test_values_outside_the_range_are_refused(text):
    """One sentence with the range and what was given."""
    with pytest.raises(ConfigurationError, match="alpha must be above 0 and at most 4"):
        parse_architecture(f"mobilenet-v1:{text}")
