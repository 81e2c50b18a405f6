"""Block types made of subgraphs: what varies, what follows, and where they are found again."""

import json
from itertools import product

import numpy as np
import pytest

from hwprof.architecture import block_architecture, block_counts, block_graph
from hwprof.blocks import GraphBuilder, ShuffleV2, SpatialPyramid
from hwprof.documents import BrokenRuleError
from hwprof.errors import ConfigurationError, ModelError, UnknownNameError
from hwprof.graph import (
    Activation,
    Add,
    AveragePool,
    Concat,
    Conv2d,
    FullyConnected,
    Pads,
    Reshape,
    ResizeNearest,
    Transpose,
)
from hwprof.networks import mobilenet_v1, person_detector, resnet
from hwprof.onnx_io import read_onnx
from hwprof.onnx_io.writer import to_model_proto
from hwprof.partition import architecture_metadata, partition
from hwprof.profiler.sampling import sample
from hwprof.surrogates.keys import parse_key
from hwprof.templates import (
    TemplateBlock,
    cut,
    parse_variation,
    read_template,
    template_document,
)

WIDELY = ("kernel=3,5", "channels=8..64", "channels@wide=8..256")


def square(kernel, channels, *, stride=1, groups=1, pads=None):
    """A convolution with ReLU."""
    return Conv2d(
        kernel_h=kernel, kernel_w=kernel, stride_h=stride, stride_w=stride, groups=groups,
        out_channels=channels, pads=Pads.same(kernel) if pads is None else pads,
        activation=Activation.RELU,
    )  # fmt: skip


def network(channels=24, kernel=3, extent=16, stride=1):
    """A stem; a residual block of a wide, a depthwise and a narrow convolution; a classifier."""
    builder = GraphBuilder()
    image = builder.input("image", (extent, extent, 3))
    stem = builder.add("", "stem", square(3, channels), image)
    wide = builder.add("", "wide", square(1, 4 * channels), stem)
    depth = square(kernel, 4 * channels, groups=4 * channels, stride=stride)
    narrow = builder.add("", "narrow", square(1, channels), builder.add("", "deep", depth, wide))
    last = builder.add("", "sum", Add(), narrow, stem) if stride == 1 else narrow
    pool = AveragePool(kernel_h=extent // stride, kernel_w=extent // stride)
    pooled = builder.add("", "pool", pool, last)
    return builder.finish(
        "small", [builder.add("", "dense", FullyConnected(out_features=5), pooled)]
    )


def template(graph, stretch, *vary: str, name="mine"):
    """A block type of a stretch of a graph."""
    return TemplateBlock(name, cut(graph, stretch), tuple(map(parse_variation, vary)))


def keys(kind):
    """Keys of every configuration of a small range."""
    axes = kind.axes()
    points = product(*(axis.values for axis in axes))
    drawn = (
        kind.config(dict(zip((axis.name for axis in axes), point, strict=True))) for point in points
    )
    return [config.key for config in drawn if config]


class TestVarying:
    """What follows when one thing varies."""

    def test_the_template_itself_is_one_of_its_configurations(self):
        """With the values of the template the subgraph comes out as it was."""
        graph = network()
        kind = template(graph, "wide..sum", "kernel=3", "channels=24", "channels@wide=96")
        (key,) = keys(kind)
        built = block_graph(parse_key(key, {"mine": kind}))
        assert key == "mine(channels=24,channels_0=96,kernel=3)[16x16x24]"
        assert [node.op for node in built.nodes] == [node.op for node in graph.nodes[1:5]]

    def test_a_width_reaches_everything_tied_to_it(self):
        """The sum has two operands of one shape, so the input follows the output."""
        kind = template(network(), "wide..sum", "channels=8,40")
        assert keys(kind) == ["mine(channels=8)[16x16x8]", "mine(channels=40)[16x16x40]"]

    def test_a_width_of_a_node_reaches_what_passes_it_on(self):
        """The depthwise convolution has as many channels as it reads."""
        kind = template(network(), "wide..sum", "channels@wide=32")
        (key,) = keys(kind)
        wide, deep, narrow, _ = block_graph(parse_key(key, {"mine": kind})).nodes
        assert (wide.op.out_channels, deep.op.out_channels, deep.op.groups) == (32, 32, 32)
        assert narrow.op.out_channels == 24

    @pytest.mark.parametrize("kernel", [2, 3, 5, 6])
    @pytest.mark.parametrize("pads", ["pytorch", "tensorflow", "none"])
    def test_padding_keeps_its_rule(self, kernel, pads):
        """A kernel is padded as that of the template was."""
        rules = {
            "pytorch": Pads.same,
            "tensorflow": lambda k: Pads.tensorflow((16, 16), (k, k), 2),
            "none": lambda _: Pads(),
        }
        builder = GraphBuilder()
        image = builder.input("image", (16, 16, 8))
        conv = square(3, 8, stride=2, pads=rules[pads](3))
        graph = builder.finish("conv", [builder.add("", "conv", conv, image)])
        kind = template(graph, "conv", f"kernel={kernel}")
        (key,) = keys(kind)
        (node,) = block_graph(parse_key(key, {"mine": kind})).nodes
        assert (node.op.kernel_h, node.op.pads) == (kernel, rules[pads](kernel))

    def test_padding_of_no_rule_does_not_vary_with_a_kernel(self):
        """A kernel whose padding nobody can guess makes no block."""
        builder = GraphBuilder()
        conv = square(3, 8, pads=Pads(2, 2, 2, 2))
        image = builder.input("image", (16, 16, 8))
        graph = builder.finish("conv", [builder.add("", "conv", conv, image)])
        assert keys(template(graph, "conv", "kernel=5")) == []
        assert keys(template(graph, "conv", "channels=5")) == ["mine(channels=5)[16x16x5]"]

    def test_extents_reach_pools_and_classifiers(self):
        """A window over the whole map is one over the new map."""
        kind = template(network(), "sum..dense", "height=8,32", "width=12")
        assert keys(kind) == ["mine()[8x12x24,8x12x24]", "mine()[32x12x24,32x12x24]"]
        pool = block_graph(parse_key(keys(kind)[1], {"mine": kind})).nodes[1]
        assert (pool.op.kernel_h, pool.op.kernel_w) == (32, 12)

    def test_groups_that_do_not_divide_make_no_block(self):
        """Of three numbers of groups only the divisors of both widths are blocks."""
        kind = template(network(channels=12), "wide", "groups=2,5,12")
        assert keys(kind) == ["mine(groups=2)[16x16x12]", "mine(groups=12)[16x16x12]"]

    def test_a_stride_that_breaks_a_sum_makes_no_block(self):
        """Stride 2 beside a shortcut gives operands of two shapes."""
        assert keys(template(network(), "wide..sum", "stride=1,2")) == ["mine(stride=1)[16x16x24]"]

    def test_slices_and_joins_scale(self):
        """A shuffle block in halves of its channels stays one at every even width."""
        config = ShuffleV2().of((8, 10, 48), stride=1, c_out=48)
        graph = block_graph(config)
        kind = template(graph, "shufflev2/pass..shufflev2/concat", "channels=24,25,64")
        assert keys(kind) == ["mine(channels=24)[8x10x24]", "mine(channels=64)[8x10x64]"]
        ours = block_graph(parse_key("mine(channels=64)[8x10x64]", {"mine": kind}))
        theirs = block_graph(ShuffleV2().of((8, 10, 64), stride=1, c_out=64))
        assert [node.op for node in ours.nodes] == [node.op for node in theirs.nodes]

    def test_a_pyramid_is_that_of_the_block_type(self):
        """Branches, join and shortcut vary in kernel, groups, channels and extents at once."""
        graph = block_graph(SpatialPyramid().of((16, 20, 336), c_out=96, kernel=5, groups=2))
        kind = template(
            graph, "spp/in..spp/add", "kernel=2,3", "groups=4", "channels=48", "height=8", "c_in=64"
        )
        for kernel, key in zip((2, 3), keys(kind), strict=True):
            wanted = SpatialPyramid().of((8, 20, 64), c_out=48, kernel=kernel, groups=4)
            ours, theirs = block_graph(parse_key(key, {"mine": kind})), block_graph(wanted)
            assert [node.op for node in ours.nodes] == [node.op for node in theirs.nodes]

    def test_shuffles_resizes_and_flat_views_follow(self):
        """Operators that hold shapes of their own are given the new ones."""
        builder = GraphBuilder()
        image = builder.input("image", (4, 6, 8))
        shuffle = Transpose(view=(1, 24, 2, 4), permutation=(0, 1, 3, 2), shape=(4, 6, 8))
        tensor = builder.add("", "shuffle", shuffle, image)
        tensor = builder.add("", "resize", ResizeNearest(out_h=8, out_w=12), tensor)
        tensor = builder.add("", "flat", Reshape(shape=(1, 1, 768)), tensor)
        graph = builder.finish("views", [tensor])
        kind = template(graph, "shuffle..flat", "height=2", "c_in=5,12")
        assert keys(kind) == ["mine()[2x6x12]"]
        assert block_counts(parse_key(keys(kind)[0], {"mine": kind})).output == (1, 1, 576)

    @pytest.mark.parametrize(
        "op", [Reshape(shape=(6, 4, 8)), Transpose(view=(1, 4, 6, 8), permutation=(0, 2, 1, 3),
                                                   shape=(6, 4, 8))]
    )  # fmt: skip
    def test_views_that_cannot_follow_make_no_block(self, op):
        """A reshape between maps says nothing about other shapes; unchanged it stays."""
        builder = GraphBuilder()
        image = builder.input("image", (4, 6, 8))
        graph = builder.finish("views", [builder.add("", "view", op, image)])
        assert keys(template(graph, "view", "c_in=8,16")) == ["mine()[4x6x8]"]

    def test_sampling_draws_from_the_values(self):
        """A template is sampled like a block type that ships, each configuration once."""
        kind = template(network(), "wide..sum", "kernel=3,5", "channels=16..96", "height=8..32")
        configs = sample(kind, 60, seed=2)
        assert len(set(configs)) == 60
        assert {config.integer("kernel") for config in configs} == {3, 5}
        assert all(block_architecture(config).graph().macs > 0 for config in configs)


class TestFinding:
    """A template in other models."""

    def test_a_foreign_model_is_cut_into_the_template(self):
        """The subgraph of another width and kernel is one block, the rest single operators."""
        kind = template(network(), "wide..sum", *WIDELY)
        model = read_onnx(to_model_proto(network(channels=40, kernel=5)))
        cut_up = partition(model.graph, {}, [kind])
        assert [block.config.block_type for block in cut_up.blocks] == [
            "conv",
            "mine",
            "pool",
            "fc",
        ]
        assert cut_up.blocks[1].config.key == "mine(channels=40,channels_0=160,kernel=5)[16x16x40]"
        assert cut_up.graph().macs == cut_up.macs == model.graph.macs
        assert {"wide", "deep", "narrow", "sum"} <= {node.name for node in cut_up.graph().nodes}

    @pytest.mark.parametrize(
        "other",
        [
            network(channels=72),  # wider than was varied
            network(kernel=7),
            network(extent=12),  # extents did not vary
            network(stride=2),  # no sum
        ],
    )
    def test_outside_what_was_varied_single_operators_answer(self, other):
        """Nothing is said about blocks beyond the values that were sampled."""
        kind = template(network(), "wide..sum", *WIDELY)
        assert partition(other, {}, [kind]) == partition(other, {})

    def test_a_tensor_read_elsewhere_keeps_its_operators_apart(self):
        """A block hides its inner tensors, so none of them may be read outside."""
        graph = network()
        kind = template(graph, "wide..deep", "channels=8..256")
        assert partition(graph, {}, [kind]).blocks[1].config.block_type == "mine"
        builder = GraphBuilder()
        image = builder.input("image", (16, 16, 24))
        wide = builder.add("", "wide", square(1, 96), image)
        deep = builder.add("", "deep", square(3, 96, groups=96), wide)
        both = builder.finish("both", [builder.add("", "join", Concat(), deep, wide)])
        assert partition(both, {}, [kind]) == partition(both, {})

    def test_every_repetition_is_found_and_none_overlaps(self):
        """The thirteen pairs of MobileNetV1 in a file without metadata."""
        graph = mobilenet_v1(alpha=0.25, size=64, classes=4).graph()
        names = [node.name for node in graph.nodes]
        kind = template(
            graph, f"{names[1]}..{names[2]}", "channels=8..256", "c_in=8..256", "stride=1,2",
            "height=1..64", "width=1..64",
        )  # fmt: skip
        found = partition(graph, {}, [kind])
        own = [block for block in found.blocks if block.config.block_type == "mine"]
        # The nine pairs of stride 1; at stride 2 TensorFlow pads an even extent on one side only,
        # which a template of stride 1 does not speak of.
        assert len(own) == 9
        assert found.graph().macs == graph.macs

    def test_the_larger_template_goes_first(self):
        """A stretch that two templates know is a block of the one with more operators."""
        graph = network()
        pair = template(graph, "wide..deep", "channels=8..256", name="pair")
        whole = template(graph, "wide..sum", "channels=8..64", name="whole")
        kinds = {block.config.block_type for block in partition(graph, {}, [pair, whole]).blocks}
        assert kinds == {"conv", "whole", "pool", "fc"}

    def test_metadata_of_our_own_files_speaks_first(self):
        """A network of hwprof's stays cut as it was built."""
        detector = person_detector(c=24)
        kind = template(detector.graph(), "stem/conv..stem/pool", "channels=8..64")
        assert partition(detector.graph(), architecture_metadata(detector), [kind]) == detector

    def test_a_sampled_file_is_its_configuration(self):
        """What is written for a configuration is read as that configuration."""
        kind = template(resnet(depth=8).graph(), "2.resnet/conv1..2.resnet/add", "channels=8..64")
        for config in sample(kind, 5):
            model = read_onnx(
                to_model_proto(
                    block_graph(config), metadata=architecture_metadata(block_architecture(config))
                )
            )
            (block,) = partition(model.graph, model.metadata, [kind]).blocks
            assert block.config == config


class TestDocument:
    """Templates as JSON."""

    def test_a_template_comes_back(self):
        """Through JSON the block type is the same, and builds the same."""
        kind = template(network(), "wide..sum", "kernel=3,5", "channels=8..64:8", "stride=1,2")
        again = read_template(json.loads(json.dumps(template_document(kind))))
        assert again == kind
        assert sample(again, 8) == sample(kind, 8)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"format_version": 2}, "format_version 1"),
            ({"name": "../mine"}, "letters, digits and _"),
            ({"name": "conv"}, "not like one that hwprof has"),
            ({"inputs": []}, "inputs and 1 to 256 nodes"),
            ({"nodes": []}, "inputs and 1 to 256 nodes"),
            ({"nodes": 5}, "a list"),
            ({"vary": []}, "something to vary"),
            ({"vary": [{"quantity": "batch", "node": "", "values": [1]}]}, "unknown quantity"),
            ({"vary": [{"quantity": "kernel", "node": "", "values": [5, 3]}]}, "ascend"),
            ({"vary": [{"quantity": "kernel", "node": "", "values": []}]}, "up to 10000 whole"),
            ({"vary": [{"quantity": "height", "node": "wide", "values": [3]}]}, "not of a node"),
            ({"inputs": [{"name": "stem", "shape": [16, 16, 7]}]}, "that can be built"),
        ],
    )
    def test_a_broken_document_is_refused(self, change, message):
        """Every entry is checked; what is wrong is said in one sentence."""
        document = template_document(template(network(), "wide..sum", "kernel=3,5"))
        with pytest.raises(BrokenRuleError, match=message):
            read_template(document | change)

    @pytest.mark.parametrize(
        ("node", "change", "message"),
        [
            (0, {"inputs": ["sum"]}, "written before it"),
            (0, {"inputs": []}, "written before it"),
            (0, {"name": "sum"}, "its own name"),
            (2, {"inputs": ["wide"]}, "one output"),
            (0, {"operator": {"type": "spp", "params": {}, "shapes": []}}, "single operators"),
            (0, {"operator": {"type": "pwconv", "params": {}, "shapes": []}}, "can be built"),
        ],
    )
    def test_a_broken_node_is_refused(self, node, change, message):
        """Operators are joined in order and end in one tensor."""
        document = template_document(template(network(), "wide..sum", "kernel=3,5"))
        document["nodes"][node] |= change
        with pytest.raises(BrokenRuleError, match=message):
            read_template(document)

    @pytest.mark.parametrize(
        ("key", "message"),
        [
            ("mine()[16x16x24]", "has the parameters channels, kernel; got"),
            ("mine(channels=24,kernel=3,stride=1)[16x16x24]", "has the parameters channels"),
            ("mine(channels=24,kernel=3)[16x16x25]", r"reads \[\(16, 16, 24\)\]"),
            ("mine(channels=24,kernel=big)[16x16x24]", "an integer kernel"),
            ("mine(channels=24,kernel=3)[16x16x24,16x16x24]", "has 1 to 1 inputs; got 2"),
        ],
    )
    def test_a_key_that_is_no_block_is_refused(self, key, message):
        """A stranger's row ends in a sentence."""
        kind = template(network(), "wide..sum", "kernel=3,5", "channels=8..64")
        with pytest.raises(ModelError, match=message):
            block_graph(parse_key(key, {"mine": kind}))

    def test_without_its_template_a_key_is_of_no_type(self):
        """A name alone says nothing about a user's block type."""
        with pytest.raises(UnknownNameError, match="unknown block type 'mine'"):
            block_graph(parse_key("mine(kernel=3)[16x16x24]"))

    def test_two_templates_of_one_name_are_two_blocks(self):
        """Configurations of two workspaces never stand for each other."""
        one, two = (template(network(kernel=k), "deep", "channels=8") for k in (3, 5))
        first, second = (parse_key("mine(channels=8)[16x16x8]", {"mine": k}) for k in (one, two))
        assert first != second
        assert np.ptp([block_counts(config).macs for config in (first, second)]) > 0


@pytest.mark.parametrize(
    ("stretch", "message"),
    [
        ("wide..summ", "unknown node 'summ'; did you mean sum"),
        ("wyde..sum", "unknown node 'wyde'; did you mean wide"),
        ("wyde", "unknown node 'wyde'"),
        ("sum..wide", "the second comes before the first"),
        ("stem..narrow", "2 tensors are read outside: stem, narrow"),
    ],
)
def test_stretches_that_are_no_block_are_refused(stretch, message):
    """One sentence says which node or which outputs."""
    with pytest.raises(ConfigurationError, match=message):
        cut(network(), stretch)


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        (["kernel"], "written kernel=3,5"),
        (["kernel=big"], "written kernel=3,5"),
        (["kernel=3,"], "written kernel=3,5"),
        (["kernel=0"], "from 1 to 65536"),
        (["kernel=9..3"], r"a range ascends, as 3\.\.9; got 9\.\.3"),
        (["channels=8..64:0"], "written kernel=3,5"),
        (["channels=1..50000"], "up to 10000 whole numbers"),
        (["kernle=3"], "did you mean kernel"),
        (["height@deep=3"], "not of a node"),
        (["kernel@sum=3"], "needs a convolution"),
        (["kernel@stem=3"], "unknown node of the block 'stem'"),
        (["kernel=3", "kernel=5"], "each quantity varies once"),
        (["channels=8", "c_in=8"], "every width that channels would mean|are one width"),
        (["channels@sum=8", "channels@narrow=8"], "are one width in this block"),
        ([], "needs something to vary"),
    ],
)
def test_variations_that_mean_nothing_are_refused(vary, message):
    """One sentence says what is written how, and what it could mean."""
    with pytest.raises(ConfigurationError, match=message):
        template(network(), "wide..sum", *vary)


def test_what_could_mean_several_things_is_asked_back():
    """Two kernels in a block, or several that could stride, need a node's name."""
    builder = GraphBuilder()
    image = builder.input("image", (16, 16, 8))
    tensor = builder.add("", "a", square(3, 8), image)
    tensor = builder.add("", "b", square(5, 8), tensor)
    long = Conv2d(kernel_h=1, kernel_w=7, pads=Pads(0, 3, 0, 3), out_channels=8)
    graph = builder.finish("two", [builder.add("", "c", long, tensor)])
    with pytest.raises(ConfigurationError, match="3x3 at a, 5x5 at b; name a node"):
        template(graph, "a..b", "kernel=3,5")
    with pytest.raises(ConfigurationError, match="several could: a, b; name one: stride@NODE"):
        template(graph, "a..b", "stride=1,2")
    with pytest.raises(ConfigurationError, match="'c' has 1x7"):
        template(graph, "c", "kernel=3,5")
    assert keys(template(graph, "a..b", "kernel@b=3", "stride@a=2")) == [
        "mine(kernel_1=3,stride_0=2)[16x16x8]"
    ]


def test_a_block_without_convolutions_has_no_kernel():
    """What does not exist cannot vary."""
    with pytest.raises(ConfigurationError, match="no convolution of the block has a kernel"):
        template(network(), "pool..dense", "kernel=3")
