"""What every registered block type promises."""

import pickle
import subprocess
import sys

import pytest

from hwprof.architecture import block_architecture, block_counts, block_graph
from hwprof.blocks import (
    BLOCK_TYPES,
    BlockConfig,
    DepthwiseSeparable,
    InvertedResidual,
    ResidualBlock,
    SingleOperatorBlock,
    get_block_type,
)
from hwprof.errors import ModelError, UnknownNameError
from hwprof.graph import Conv2d
from hwprof.profiler.sampling import sample

EVERY_TYPE = pytest.mark.parametrize("name", BLOCK_TYPES)
_PICKLED_HASH = """
import pickle, sys
config = pickle.loads(sys.stdin.buffer.read())
print(config == type(config)(config.block_type, config.params, config.inputs)
      and hash(config) == hash(type(config)(config.block_type, config.params, config.inputs)))
"""


def test_the_fifteen_types_are_registered():
    """The registry holds the types that the networks and foreign graphs are cut into."""
    assert set(BLOCK_TYPES) == {
        "stem", "conv", "pwconv", "dwconv", "shufflev2", "spp", "dethead", "fusion", "pool", "fc",
        "elementwise", "reshape", "dwsep", "mbconv", "resnet",
    }  # fmt: skip


@EVERY_TYPE
def test_a_sampled_configuration_builds(name):
    """Whatever a type's axes yield builds a graph with one output, all of it in one block."""
    for config in sample(name, 20, seed=1):
        graph = block_graph(config)
        assert {node.block for node in graph.nodes} == {name}
        assert len(graph.outputs) == 1


@EVERY_TYPE
def test_a_block_and_its_architecture_are_one_graph(name):
    """A block built alone and as a network of one block has the same operators."""
    config = sample(name, 1, seed=2)[0]
    assert block_architecture(config).graph().nodes == block_graph(config).nodes


@EVERY_TYPE
def test_axes_ascend_where_they_are_numbers(name):
    """Numbers on an axis stand in strictly ascending order, as drawing by logarithm needs."""
    for axis in BLOCK_TYPES[name].axes():
        if not isinstance(axis.values[0], str):
            assert list(axis.values) == sorted(set(axis.values))


@pytest.mark.parametrize(
    "name", [n for n, kind in BLOCK_TYPES.items() if isinstance(kind, SingleOperatorBlock)]
)
def test_a_single_operator_comes_back_from_its_parameters(name):
    """The operator that a configuration builds yields the same configuration again."""
    for config in sample(name, 20, seed=3):
        (node,) = block_graph(config).nodes
        assert BLOCK_TYPES[name].config_of(node.op, config.inputs) == config


def test_every_convolution_belongs_to_exactly_one_type():
    """General, 1x1 and depthwise convolutions do not overlap and leave nothing out."""
    configs = [config for name in ("conv", "pwconv", "dwconv") for config in sample(name, 20)]
    for config in configs:
        (node,) = block_graph(config).nodes
        owners = [
            kind.name
            for kind in BLOCK_TYPES.values()
            if isinstance(kind, SingleOperatorBlock) and kind.config_of(node.op, config.inputs)
        ]
        assert owners == [config.block_type]


def test_an_unknown_type_suggests_the_nearest():
    """A misspelt block type is answered with the name that was probably meant."""
    with pytest.raises(
        UnknownNameError, match=r"unknown block type 'shuflev2'; did you mean shuff"
    ):
        get_block_type("shuflev2")


def test_the_shuffle_is_two_slices_of_every_second_channel():
    """At stride 1 even channels pass and odd channels are worked on, halves of the input."""
    graph = block_graph(BlockConfig.of("shufflev2", [(8, 10, 48)], stride=1, c_out=48))
    even, odd = graph.nodes[:2]
    assert (even.op.start, odd.op.start) == ((0, 0, 0), (0, 0, 1))
    assert even.op.step == odd.op.step == (1, 1, 2)
    assert graph.nodes[-1].inputs[0] == even.name


@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
def test_the_pyramid_keeps_its_size_with_every_kernel(kernel):
    """Even kernels are padded by one less in front than behind, so chains and residual join."""
    config = BlockConfig.of("spp", [(6, 8, 336)], c_out=24, kernel=kernel, groups=8)
    graph = block_graph(config)
    assert graph.shapes[graph.outputs[0]] == (6, 8, 24)


def operators(config):
    """Kind, kernel, stride, output channels and activation of each node of a block."""
    return [
        (
            node.op.kind,
            *(getattr(node.op, name, 0) for name in ("kernel_h", "stride_h", "out_channels")),
            str(node.op.activation),
        )
        for node in block_graph(config).nodes
    ]


def test_the_inverted_residual_is_that_of_its_paper():
    """Widened and filtered with ReLU6, narrowed without, added to its input (table 1)."""
    config = InvertedResidual().of((14, 14, 64), expanded=384, c_out=64)
    assert operators(config) == [
        ("conv2d", 1, 1, 384, "relu6"),
        ("conv2d", 3, 1, 384, "relu6"),
        ("conv2d", 1, 1, 64, "none"),
        ("add", 0, 0, 0, "none"),
    ]


@pytest.mark.parametrize(("stride", "c_out"), [(2, 64), (1, 96)])
def test_nothing_is_added_where_shapes_differ(stride, c_out):
    """A block that changes extents or channels has no shortcut."""
    config = InvertedResidual().of((14, 14, 64), expanded=384, c_out=c_out, stride=stride)
    assert [kind for kind, *_ in operators(config)] == ["conv2d"] * 3


def test_a_block_that_does_not_expand_has_no_first_convolution():
    """The first block of MobileNetV2 filters its input as it comes."""
    config = InvertedResidual().of((112, 112, 32), expanded=32, c_out=16)
    assert operators(config) == [("conv2d", 3, 1, 32, "relu6"), ("conv2d", 1, 1, 16, "none")]


def test_a_basic_residual_block_projects_where_shapes_differ():
    """Two 3x3 convolutions, a strided 1x1 beside them, ReLU behind the sum."""
    config = ResidualBlock().of((32, 32, 16), c_out=32, stride=2)
    assert operators(config) == [
        ("conv2d", 3, 2, 32, "relu"),
        ("conv2d", 3, 1, 32, "none"),
        ("conv2d", 1, 2, 32, "none"),
        ("add", 0, 0, 0, "relu"),
    ]


def test_a_bottleneck_keeps_its_input_where_shapes_agree():
    """The 3x3 convolution works on ``middle`` channels, between two 1x1."""
    config = ResidualBlock().of((8, 8, 256), kind="bottleneck", middle=64, c_out=256)
    assert operators(config) == [
        ("conv2d", 1, 1, 64, "relu"),
        ("conv2d", 3, 1, 64, "relu"),
        ("conv2d", 1, 1, 256, "none"),
        ("add", 0, 0, 0, "relu"),
    ]


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("extent", [7, 8])
def test_mobile_blocks_halve_rounding_up(kernel, extent):
    """Padding is TensorFlow's: at stride 2 every kernel leaves half, rounded up."""
    for config in (
        InvertedResidual().of((extent, 9, 8), expanded=24, c_out=8, kernel=kernel, stride=2),
        DepthwiseSeparable().of((extent, 9, 8), c_out=8, kernel=kernel, stride=2),
    ):
        assert block_counts(config).output == (4, 5, 8)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (BlockConfig.of("shufflev2", [(8, 8, 7)], stride=1, c_out=7), "even number of channels"),
        (BlockConfig.of("shufflev2", [(8, 8, 8)], stride=3, c_out=8), "stride 1 or 2"),
        (BlockConfig.of("shufflev2", [(8, 8, 8)], stride=2, c_out=8), "adds channels"),
        (BlockConfig.of("shufflev2", [(8, 8, 8)], c_out=8), "integer stride of at least 1"),
        (BlockConfig.of("mbconv", [(8, 8, 8)], kernel=3, stride=1, c_out=8), "integer expanded"),
        (BlockConfig.of("dwsep", [(8, 8, 8)], kernel=3, stride=1, c_out=8), "a word as activation"),
        (
            BlockConfig.of("dwsep", [(8, 8, 8)], kernel=3, stride=1, c_out=8, activation="gelu"),
            "one of none, relu, relu6; got 'gelu'",
        ),
        (
            BlockConfig.of("resnet", [(8, 8, 8)], kind="wide", middle=8, stride=1, c_out=8),
            "of kind basic or bottleneck; got 'wide'",
        ),
        (BlockConfig.of("fusion", [(9, 9, 4), (4, 4, 4), (3, 3, 4)]), "doubles its third input"),
        (BlockConfig.of("fusion", [(9, 9, 4)]), "3 to 3 inputs; got 1"),
        (BlockConfig.of("spp", [(8, 8, 30)], c_out=24, kernel=3, groups=4), "must divide"),
        (BlockConfig.of("pool", [(8, 8, 3)], kind="median_pool"), "one of average_pool, max_pool"),
        (BlockConfig.of("fc", [(1, 1, 3)], out_features=0, activation="none"), "at least 1; got 0"),
        (BlockConfig.of("fc", [(1, 1, 3)], out_features=1, activation="gelu"), "one of none, relu"),
        (BlockConfig.of("reshape", [(1, 1, 3)], kind="concat", axis=3), "axis of a 'reshape'"),
        (BlockConfig.of("reshape", [(1, 1, 3)], kind="reshape", shape="1xx3"), "like 32x40x48"),
        (BlockConfig.of("reshape", [(1, 1, 3)], kind="reshape", shape="1x3"), "has 3 numbers"),
        (BlockConfig.of("elementwise", [(1, 1, 3)], kind="add", activation="none"), "2 inputs"),
        (
            BlockConfig.of("reshape", [(1, 1, 3)] * 2, kind="reshape", shape="1x1x3"),
            "takes one input; got 2",
        ),
    ],
)
def test_parameters_that_make_no_block_are_refused(config, message):
    """Parameters from a stranger's file end in a sentence, not in arithmetic."""
    with pytest.raises(ModelError, match=message):
        block_graph(config)


def test_a_configuration_prints_as_its_key():
    """The key holds type, parameters in order, and input shapes."""
    config = BlockConfig.of("shufflev2", [(32, 40, 48)], stride=1, c_out=48)
    assert config.key == "shufflev2(c_out=48,stride=1)[32x40x48]"


def test_equal_configurations_hash_equally():
    """Two configurations made apart are one key of a dictionary."""
    made = [BlockConfig.of("stem", [(224, 224, 3)], c_out=24) for _ in range(2)]
    assert len({*made}) == 1


def test_a_pickled_configuration_hashes_anew():
    """A configuration carried to another process, whose text hashes differ, is found there."""
    data = pickle.dumps(BlockConfig.of("stem", [(224, 224, 3)], c_out=24))
    answer = subprocess.run(
        [sys.executable, "-c", _PICKLED_HASH], input=data, capture_output=True, check=True
    )
    assert answer.stdout.decode().strip() == "True"


def test_counts_of_a_block_are_those_of_its_graph():
    """MACs, parameters and convolution channels are counted on the block's operators."""
    config = BlockConfig.of("shufflev2", [(64, 80, 24)], stride=2, c_out=48)
    counts = block_counts(config)
    convs = [node.op for node in block_graph(config).nodes if isinstance(node.op, Conv2d)]
    assert counts.macs == 4_976_640  # stage2.0 at 256 x 320, NETWORK table
    assert counts.conv_channels == sum(op.out_channels for op in convs)
    assert counts.parameters == 2_160 + counts.conv_channels
    assert counts.output == (32, 40, 48)
