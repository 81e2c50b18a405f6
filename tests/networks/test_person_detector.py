"""The person detector's counts, over its whole search space."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.architecture import block_counts
from hwprof.blocks import BLOCK_TYPES
from hwprof.errors import ConfigurationError
from hwprof.graph import Activation, Conv2d
from hwprof.networks import fastestdet, person_detector
from hwprof.networks.person_detector import GROUPS, PYTORCH_EXPORT_CONSTANTS, InputSize, legal_sizes

HEADS = st.sampled_from(GROUPS).flatmap(
    lambda g: st.fixed_dictionaries(
        {
            "k": st.sampled_from((2, 3, 4, 5)),
            "g": st.just(g),
            "c": st.integers(24 // g, 96 // g).map(lambda n: n * g),
            "classes": st.sampled_from((1, 20, 80)),
        }
    )
)
SIZES = st.sampled_from(legal_sizes())


def macs_of(architecture, group):
    """MACs of one part of a network."""
    return sum(block_counts(b.config).macs for b in architecture.blocks if b.group == group)


@pytest.mark.parametrize(
    ("height", "width", "classes", "backbone", "head", "parameters"),
    [
        (256, 320, 1, 48_683_520, 29_214_720, 236_748),
        (256, 320, 20, 48_683_520, 29_798_400, 238_610),
        (256, 320, 80, 48_683_520, 31_641_600, 244_490),
        (352, 352, 1, 73_633_824, 44_187_264, 236_748),
        (352, 352, 80, 73_633_824, 47_857_920, 244_490),
        (192, 320, 1, 36_512_640, 21_911_040, 236_748),
    ],
)
def test_counts_equal_the_published_network(height, width, classes, backbone, head, parameters):
    """MACs of both parts and parameters are those counted on FastestDet itself."""
    network = fastestdet(height=height, width=width, classes=classes)
    assert (macs_of(network, "backbone"), macs_of(network, "head")) == (backbone, head)
    assert network.macs == backbone + head
    assert network.parameters_with_batch_norm == parameters


def test_folding_leaves_one_bias_for_each_channel():
    """The published count of 232,676 is that of an exported file, 38 constants included."""
    seed = person_detector()
    assert seed.parameters + PYTORCH_EXPORT_CONSTANTS == 232_676


@pytest.mark.parametrize(
    ("block", "macs", "weights"),
    [
        ("stage2.0", 4_976_640, 2_160),
        ("stage2.1", 1_751_040, 1_368),
        ("stage3.0", 4_700_160, 7_776),
        ("stage3.7", 1_612_800, 5_040),
        ("stage4.0", 4_561_920, 29_376),
        ("stage4.3", 1_543_680, 19_296),
        ("spp", 10_321_920 + 6 * 768_000 + 8_847_360, 32_256 + 6 * 2_400 + 27_648),
        ("dethead", 2_949_120 + 3 * 768_000 + 184_320, 9_216 + 3 * 2_400 + 576),
    ],
)
def test_each_block_counts_as_published(block, macs, weights):
    """MACs and weights of each block at 256 x 320 are those of the layer table."""
    (instance,) = (b for b in person_detector().blocks if b.name == block)
    counts = block_counts(instance.config)
    assert (counts.macs, counts.parameters - counts.conv_channels) == (macs, weights)


def test_operators_are_those_of_the_original():
    """70 convolutions and 48 ReLU, one of each pooling, resize, add, sigmoid and softmax."""
    graph = person_detector().graph()
    kinds = Counter(node.op.kind for node in graph.nodes)
    relus = [n for n in graph.nodes if getattr(n.op, "activation", None) is Activation.RELU]
    assert len(relus) == 48
    assert kinds == {
        "conv2d": 70, "max_pool": 1, "average_pool": 1, "resize_nearest": 1, "add": 1, "unary": 1,
        "softmax": 1, "slice": 26, "concat": 16 + 1 + 1 + 1,
    }  # fmt: skip


def test_the_output_holds_objectness_box_and_classes():
    """One map at a sixteenth of the input with 5 + classes channels."""
    graph = person_detector(classes=3).graph()
    assert graph.shapes[graph.outputs[0]] == (16, 20, 8)


@settings(max_examples=60, deadline=None)
@given(size=SIZES, head=HEADS)
def test_the_head_costs_what_its_formula_says(size, head):
    """MAC = P [336C/g + 6k²C + 3C²/g + C²/g + 3k²C + C(5 + classes)] with P grid cells."""
    k, g, c, classes = (head[name] for name in ("k", "g", "c", "classes"))
    cells = size.grid[0] * size.grid[1]
    per_cell = 336 * c // g + 9 * k * k * c + 4 * c * c // g + c * (5 + classes)
    detector = person_detector(width=size.width, aspect=size.aspect, **head)
    assert macs_of(detector, "head") == cells * per_cell


@settings(max_examples=30, deadline=None)
@given(size=SIZES, head=HEADS)
def test_blocks_are_configured_for_the_shapes_that_arrive(size, head):
    """The shapes written into the blocks are those their graph computes, at every legal input."""
    detector = person_detector(width=size.width, aspect=size.aspect, **head)
    assert detector.graph().macs == detector.macs


def draw_of(config):
    """The draw that must yield a block of the detector."""
    height, width, channels = config.inputs[0]
    spatial = {"height": height, "width": width}
    if config.block_type == "fusion":
        names = ("p1_channels", "p2_channels", "p3_channels")
        levels = dict(zip(names, (shape[2] for shape in config.inputs), strict=True))
        return {"p1_height": height, "p1_width": width, **levels}
    return {**spatial, "c_in": channels, "channels": channels, **config.values}


@pytest.mark.parametrize("size", legal_sizes()[::9] + legal_sizes()[-1:], ids=str)
def test_sampling_reaches_every_backbone_block(size):
    """At every legal input each block of the backbone is a draw from its type's axes."""
    for block in person_detector(width=size.width, aspect=size.aspect).blocks:
        kind, draw = BLOCK_TYPES[block.config.block_type], draw_of(block.config)
        assert all(draw[axis.name] in axis.values for axis in kind.axes())
        assert kind.config(draw) == block.config


@settings(max_examples=60, deadline=None)
@given(size=SIZES, head=HEADS)
def test_sampling_reaches_every_head(size, head):
    """Every head of the space is a draw from the axes of its two block types."""
    detector = person_detector(width=size.width, aspect=size.aspect, **head)
    for block in detector.blocks[-2:]:
        kind, draw = BLOCK_TYPES[block.config.block_type], draw_of(block.config)
        assert all(draw[axis.name] in axis.values for axis in kind.axes())
        assert kind.config(draw) == block.config


def test_the_space_has_164_inputs():
    """25, 32, 26, 28 and 53 widths are legal for the five aspect ratios."""
    count = Counter(size.aspect for size in legal_sizes())
    assert count == {0.5625: 25, 0.6: 32, 0.75: 26, 0.8: 28, 1.0: 53}


def test_heights_round_half_to_even():
    """222 x 0.75 = 166.5 is 166 rows, as Python rounds."""
    assert InputSize(222, 0.75).height == 166


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({"width": 240, "aspect": 1.0}, "nearest are width=241,aspect=1 and width=242,aspect=1"),
        ({"width": 352, "aspect": 1.0}, "nearest are width=320,aspect=1 and width=319,aspect=1"),
        ({"width": 320, "aspect": 0.7}, "one of the 164 pairs"),
        ({"k": 6}, "k must be one of 2, 3, 4, 5; got 6"),
        ({"g": 3}, "g must be one of 1, 2, 4, 8; got 3"),
        ({"c": 97}, "c must be one of 24 to 96; got 97"),
        ({"c": 90, "g": 8}, "nearest are c=88 and c=96"),
        ({"classes": 0}, "classes must be one of 1 to 1000; got 0"),
        ({"k": 5.0}, "whole numbers; got k=5.0"),
    ],
)
def test_points_outside_the_space_are_refused(point, message):
    """An error names the rule, the value and the nearest legal points."""
    with pytest.raises(ConfigurationError, match=message):
        person_detector(**point)


def test_an_input_whose_levels_do_not_join_is_refused():
    """FastestDet itself fails at 240 x 240 in its concatenation; here it is a sentence."""
    with pytest.raises(ConfigurationError, match="even in sixteenths"):
        fastestdet(height=240, width=240)


def test_numpy_numbers_are_numbers():
    """A point that came out of an array is the same architecture."""
    made = person_detector(c=np.int64(48), width=np.int32(320), aspect=np.float64(0.8))
    assert made == person_detector(c=48)


def test_heads_share_a_backbone():
    """Detectors of one input size share their backbone's blocks, so a search prices them once."""
    first, second = person_detector(k=3), person_detector(k=2, c=24)
    assert first.blocks[0] is second.blocks[0]


def test_groups_touch_the_wide_convolutions_only():
    """Parameter g groups the three wide 1x1 convolutions and nothing else."""
    graph = person_detector(g=4).graph()
    grouped = [
        node.name for node in graph.nodes if isinstance(node.op, Conv2d) and node.op.groups == 4
    ]
    assert grouped == ["spp/in", "spp/out", "dethead/shared"]


def test_blocks_belong_to_backbone_or_head():
    """Parts of the network are named, so that reports can add them up."""
    groups = Counter(person_detector().groups.values())
    assert groups == {"backbone": 18, "head": 2}
