"""Classifiers with published latencies: their counts are the published ones."""

from collections import Counter

import pytest

from hwprof.architecture import block_counts
from hwprof.errors import ConfigurationError
from hwprof.networks import (
    NETWORKS,
    mcunet_chain,
    mobilenet_v1,
    mobilenet_v2,
    parse_architecture,
    resnet,
)


@pytest.mark.parametrize(
    ("text", "macs"),
    [
        # MEASUREMENTS: multiply-accumulates counted from the papers' tables.
        ("micronet-kws-l", 65_714_000),
        ("micronet-kws-s", 8_327_000),
        ("micronet-ad-s", 18_739_000),
        ("cifar10-cnn", 12_298_240),
        # Counted on the TFLite files of mlcommons/tiny and of mit-han-lab/tinyengine.
        ("mlperf-tiny-ic", 12_501_632),
        ("mlperf-tiny-kws", 2_656_768),
        ("mlperf-tiny-vww", 7_489_664),
        ("mlperf-tiny-ad", 264_192),
        ("mcunet-vww1", 11_578_816),
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


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"person-detector", "fastestdet"}))
def test_a_name_is_the_text_that_makes_the_network(name):
    """An architecture's own name, parsed, is the architecture."""
    network = NETWORKS[name]()
    assert parse_architecture(network.name) == network


@pytest.mark.parametrize("text", ["alpha=0", "alpha=9", "size=4", "classes=0", "alpha=nan"])
def test_values_outside_the_range_are_refused(text):
    """One sentence with the range and what was given."""
    with pytest.raises(ConfigurationError, match="alpha must be above 0 and at most 4"):
        parse_architecture(f"mobilenet-v1:{text}")


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        # Weights and biases in the same TFLite files.
        ("mlperf-tiny-ic", 77_706),
        ("mlperf-tiny-kws", 22_604),
        ("mlperf-tiny-vww", 210_850),
        ("mlperf-tiny-ad", 265_864),
        ("mcunet-vww1", 426_634),
    ],
)
def test_parameters_are_those_of_the_published_files(text, parameters):
    """Every weight and bias of the file is there."""
    assert parse_architecture(text).parameters == parameters


@pytest.mark.parametrize(
    ("alpha", "size", "mega_macs", "mega_weights"),
    [
        # Table of tf.keras.applications.mobilenet_v2 (tensorflow.org, 2.4), which cuts decimals
        # off and counts no biases.
        (1.4, 224, 582, 6.06),
        (1.3, 224, 509, 5.34),
        (1.0, 224, 300, 3.47),
        (1.0, 160, 154, 3.47),
        (0.75, 224, 209, 2.61),
        (0.5, 192, 71, 1.95),
        (0.35, 224, 59, 1.66),
        (0.35, 96, 11, 1.66),
    ],
)
def test_mobilenet_v2_counts_are_the_published_ones(alpha, size, mega_macs, mega_weights):
    """Multiply-accumulates and weights in millions, at every width that was published."""
    network = mobilenet_v2(alpha=alpha, size=size, classes=1000)
    biases = sum(block_counts(block.config).conv_channels for block in network.blocks) + 1000
    assert network.macs // 1_000_000 == mega_macs
    assert (network.parameters - biases) / 1e6 == pytest.approx(mega_weights, abs=0.01)


def test_mobilenets_are_made_of_their_blocks():
    """Thirteen pairs in the first version, seventeen inverted residuals in the second."""
    first, second = (
        Counter(block.config.block_type for block in network.blocks)
        for network in (mobilenet_v1(), mobilenet_v2())
    )
    assert first == {"conv": 1, "dwsep": 13, "pool": 1, "fc": 1}
    assert second == {"conv": 1, "mbconv": 17, "pwconv": 1, "pool": 1, "fc": 1}


def test_pairs_keep_the_names_of_their_layers():
    """A pair is one block and two layers, numbered with the others of the network."""
    names = [node.name for node in mobilenet_v1().graph().nodes]
    assert names[:4] == [f"{layer}.conv2d/conv2d" for layer in range(4)]


@pytest.mark.parametrize(("depth", "bottleneck"), [(8, 0), (20, 0), (11, 1), (29, 1)])
def test_depth_counts_the_weighted_layers(depth, bottleneck):
    """Convolutions of the main path and the dense layer; projections are not counted."""
    nodes = resnet(depth=depth, bottleneck=bottleneck).graph().nodes
    layers = [node for node in nodes if node.op.kind in {"conv2d", "fully_connected"}]
    assert len([node for node in layers if not node.name.endswith("/shortcut")]) == depth


def test_every_point_is_a_network_of_its_own():
    """A point is one network always, and a hundred points are hardly ever the same."""
    names = {tuple(block.config for block in mcunet_chain(point=p).blocks) for p in range(100)}
    assert len(names) == 100
    assert mcunet_chain(point=7).macs == 13_525_840


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mcunet-chain:point=-1", "point of mcunet-chain is 0 to 999999; got -1"),
        ("mcunet-chain:alpha=0", "alpha must be above 0"),
        ("mobilenet-v2:size=4", "size 16 to 512"),
        ("resnet:depth=9", "depth of resnet is one of 8, 14, 20"),
        ("resnet:depth=8,bottleneck=1", "depth of resnet is one of 11, 20, 29"),
        ("resnet:width=2", "width of resnet is 4 to 128; got 2"),
        ("resnet:bottleneck=2", "bottleneck of resnet is one of 0, 1; got 2"),
    ],
)
def test_new_networks_refuse_what_they_cannot_build(text, message):
    """One sentence with the range and what was given."""
    with pytest.raises(ConfigurationError, match=message):
        parse_architecture(text)
