"""Edits change what they say and nothing else, and an edited network is one that can be built."""

from __future__ import annotations

import pytest

from hwprof.architecture import Architecture
from hwprof.blocks import GraphBuilder
from hwprof.edits import (
    EDITS,
    Channels,
    EarlierStride,
    Groups,
    InputSize,
    Kernel,
    get_edit,
    proposals,
    regroup,
)
from hwprof.errors import ModelError, UnknownNameError
from hwprof.graph import (
    Add,
    AveragePool,
    Concat,
    Conv2d,
    FullyConnected,
    Graph,
    MaxPool,
    Op,
    Pads,
    Reshape,
    ResizeNearest,
    Slice,
    Transpose,
)
from hwprof.networks import parse_architecture
from hwprof.partition import partition

NETWORKS = (
    "person-detector:k=5,c=48,width=256,aspect=0.75",
    "mobilenet-v1:size=64",
    "micronet-kws-s",
    "cifar10-cnn",
)


def conv(channels: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> Conv2d:
    """A square convolution that keeps the size at stride 1."""
    return Conv2d(
        kernel_h=kernel,
        kernel_w=kernel,
        stride_h=stride,
        stride_w=stride,
        pads=Pads.same(kernel),
        out_channels=channels,
        groups=groups,
    )


def network(*layers: tuple[str, Op, str], shape: tuple[int, int, int] = (16, 16, 3)) -> Graph:
    """A graph of (name, operator, inputs separated by blanks); the last one is the output."""
    builder = GraphBuilder()
    builder.input("in", shape)
    for name, op, inputs in layers:
        builder.add("", name, op, *inputs.split())
    return partition(builder.finish("net", [layers[-1][0]]), {}).graph()


def named(graph: Graph, name: str) -> str:
    """The operator of a layer."""
    (found,) = (node.name for node in graph.nodes if node.block == name)
    return found


def operator(graph: Graph, name: str) -> Op:
    """What a layer computes."""
    (found,) = (node.op for node in graph.nodes if node.block == name)
    return found


RESIDUAL = network(
    ("a", conv(10), "in"),
    ("b", conv(10, groups=10), "a"),
    ("c", conv(10, 1), "b"),
    ("sum", Add(), "c a"),
    ("pool", AveragePool(kernel_h=16, kernel_w=16), "sum"),
    ("out", FullyConnected(out_features=4), "pool"),
)
SHUFFLE = network(
    ("a", conv(8), "in"),
    ("left", Slice(start=(0, 0, 0), size=(16, 16, 4)), "a"),
    ("right", Slice(start=(0, 0, 4), size=(16, 16, 4)), "a"),
    ("b", conv(4), "right"),
    ("join", Concat(), "left b"),
    ("mix", Transpose(view=(1, 256, 2, 4), permutation=(0, 1, 3, 2), shape=(16, 16, 8)), "join"),
    ("half", MaxPool(kernel_h=2, kernel_w=2, stride_h=2, stride_w=2), "mix"),
    ("double", ResizeNearest(out_h=16, out_w=16), "half"),
    ("flat", Reshape(shape=(1, 1, 2048)), "double"),
    ("out", FullyConnected(out_features=4), "flat"),
)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_proposed_builds_or_is_refused(name: str) -> None:
    """Edited networks compute, write as many channels as before, and come back as blocks."""
    architecture = parse_architecture(name)
    graph = architecture.graph()
    built = 0
    for edit in proposals(graph):
        try:
            edited = edit.apply(graph)
        except ModelError:
            continue
        again = regroup(architecture, graph, edited).architecture.graph()
        assert [node.op for node in again.nodes] == [node.op for node in edited.nodes]
        assert list(again.shapes.values()) == list(edited.shapes.values())
        assert [edited.shapes[o][2] for o in edited.outputs] == [
            graph.shapes[o][2] for o in graph.outputs
        ]
        built += 1
    assert built > 20


def test_every_kind_is_proposed_somewhere() -> None:
    """No kind of edit is dead."""
    kinds = {e.kind for name in NETWORKS for e in proposals(parse_architecture(name).graph())}
    assert kinds == set(EDITS)


def test_a_smaller_kernel_keeps_the_map() -> None:
    """5x5 becomes 4x4 and 3x3, with less padding and the odd row behind."""
    graph = network(("a", conv(4, 5, 2), "in"), ("b", conv(4, 5), "a"))
    edits = [edit for edit in Kernel.proposals(graph) if edit.nodes == (named(graph, "b"),)]
    assert [edit.change for edit in edits] == ["kernel 3x3", "kernel 4x4"]
    ops = [operator(edit.apply(graph), "b") for edit in edits]
    assert [op.pads for op in ops] == [Pads(1, 1, 1, 1), Pads(1, 1, 2, 2)]


def test_a_kernel_is_never_smaller_than_its_stride() -> None:
    """A 3x3 window at stride 2 may become 2x2, but not skip rows."""
    graph = network(("a", conv(4, 3, 2), "in"))
    assert [edit.values for edit in Kernel.proposals(graph)] == [(2, 2)]


def test_a_head_with_smaller_kernels_is_still_a_head() -> None:
    """All depthwise kernels of a detection head change together, and the block stays one."""
    architecture = parse_architecture("person-detector:k=5")
    graph = architecture.graph()
    (edit,) = (
        edit
        for edit in Kernel.proposals(graph)
        if edit.nodes[0].startswith("dethead") and edit.values == (3, 3)
    )
    made = regroup(architecture, graph, edit.apply(graph))
    assert not made.split
    assert made.architecture.blocks[-1] == parse_architecture("person-detector:k=3").blocks[-1]


def test_a_smaller_input_is_the_same_detector() -> None:
    """The picture's size goes through every block of the detector."""
    architecture = parse_architecture("person-detector:width=320,aspect=0.8")
    graph = architecture.graph()
    made = regroup(architecture, graph, InputSize((), (192, 256)).apply(graph))
    smaller = parse_architecture("person-detector:width=256,aspect=0.75")
    assert made.architecture.blocks == smaller.blocks


def test_layers_of_one_width_change_together() -> None:
    """What a residual sum joins has one width; what is between follows."""
    edits = list(Channels.proposals(RESIDUAL))
    assert [(edit.nodes, edit.values[0]) for edit in edits] == [
        ((named(RESIDUAL, "a"), named(RESIDUAL, "c")), width) for width in (12, 8, 4)
    ]
    edited = edits[0].apply(RESIDUAL)
    assert operator(edited, "b") == conv(12, groups=12)
    assert edited.shapes[named(edited, "sum")] == (16, 16, 12)


def test_part_of_a_width_cannot_change() -> None:
    """One side of a sum alone is refused."""
    with pytest.raises(ModelError, match="two tensors of one shape"):
        Channels((named(RESIDUAL, "a"),), (8,)).apply(RESIDUAL)


def test_slices_of_channels_hold_the_width() -> None:
    """A network that picks channels by number keeps their number."""
    with pytest.raises(ModelError, match="a slice takes some of the channels"):
        Channels((named(SHUFFLE, "a"),), (12,)).apply(SHUFFLE)


def test_movements_follow_a_smaller_map() -> None:
    """Slices, shuffles, resizes and flattenings are made for the new size."""
    edited = InputSize((), (8, 12)).apply(SHUFFLE)
    assert operator(edited, "left").size == (8, 12, 4)
    assert operator(edited, "mix").view == (1, 96, 2, 4)
    assert operator(edited, "double").out_w == 12
    assert operator(edited, "flat").shape == (1, 1, 768)


@pytest.mark.parametrize(
    ("op", "sentence"),
    [
        (Slice(start=(0, 0, 0), size=(8, 8, 3)), "a slice ends inside a map"),
        (ResizeNearest(out_h=24, out_w=24), "has no factor"),
        (Reshape(shape=(1, 16, 48)), "has no counterpart"),
        (
            Transpose(view=(16, 16, 3, 1), permutation=(1, 0, 2, 3), shape=(16, 16, 3)),
            "a transpose mixes axes",
        ),
        (
            Transpose(view=(1, 256, 3, 1), permutation=(2, 1, 0, 3), shape=(16, 16, 3)),
            "a transpose moves pixels",
        ),
    ],
)
def test_what_was_built_for_one_size_does_not_follow(op: Op, sentence: str) -> None:
    """Where nothing says what an operator would be, there is no edit."""
    graph = network(("a", op, "in"))
    with pytest.raises(ModelError, match=sentence):
        InputSize((), (8, 8)).apply(graph)


def test_groups_divide_both_sides_and_stay_wide() -> None:
    """Twice and four times the groups, where four channels are left in each."""
    graph = network(("a", conv(16), "in"), ("b", conv(8), "a"), ("c", conv(9), "b"))
    assert [(e.nodes, e.values) for e in Groups.proposals(graph)] == [((named(graph, "b"),), (2,))]


def test_a_stride_moves_to_an_earlier_layer() -> None:
    """What a pooling or a strided layer throws away is not computed, and its output is the same."""
    graph = network(
        ("a", conv(8), "in"),
        ("b", conv(8, 1), "a"),
        ("half", MaxPool(kernel_h=2, kernel_w=2, stride_h=2, stride_w=2), "b"),
    )
    (edit,) = EarlierStride.proposals(graph)
    edited = edit.apply(graph)
    assert [edited.shapes[node.name][0] for node in edited.nodes] == [8, 8, 8]
    assert edit.change == f"stride at {named(graph, 'a')}"


def test_a_tensor_that_others_read_keeps_its_size() -> None:
    """A stride does not move past a branch."""
    graph = network(
        ("a", conv(8), "in"),
        ("b", conv(8, 3, 2), "a"),
        ("c", conv(8, 3, 2), "a"),
        ("sum", Add(), "b c"),
    )
    assert not list(EarlierStride.proposals(graph))


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (Kernel(("nobody",), (1, 1)), "no convolution"),
        (Kernel(("a/conv2d",), (1,)), "2 positive values"),
        (Kernel(("a/conv2d",), (5, 5)), "makes windows smaller"),
        (Channels(("nobody",), (4,)), "no operator 'nobody'"),
        (Channels(("b/conv2d",), (4,)), "does not choose"),
        (Channels(("a/conv2d",), (0,)), "1 positive values"),
        (Channels(("out/fully_connected",), (8,)), "instead of"),
        (Groups(("b/conv2d",), (2,)), "no convolution that mixes channels"),
        (Groups(("nobody",), (2,)), "no convolution that mixes channels"),
        (EarlierStride(("a/conv2d",), ()), "names two operators"),
        (EarlierStride(("a/conv2d", "sum/add"), ()), "has no stride"),
        (InputSize((), (0, 3)), "2 positive values"),
    ],
    ids=str,
)
def test_an_edit_of_something_else_is_refused(edit: Kernel, sentence: str) -> None:
    """Edits out of a file may name anything; what does not fit is one sentence."""
    with pytest.raises(ModelError, match=sentence):
        edit.apply(RESIDUAL)


def test_only_one_input_has_a_size() -> None:
    """A network of two inputs has no edit of its input."""
    builder = GraphBuilder()
    builder.input("one", (8, 8, 4))
    builder.input("two", (8, 8, 4))
    builder.add("", "sum", Add(), "one", "two")
    graph = builder.finish("two", ["sum"])
    assert not list(InputSize.proposals(graph))
    with pytest.raises(ModelError, match="has 2 inputs"):
        InputSize((), (4, 4)).apply(graph)


def test_unknown_kinds_are_refused() -> None:
    """A misspelt kind is answered with the nearest."""
    with pytest.raises(UnknownNameError, match="did you mean kernel"):
        get_edit("kernels")


def test_another_graph_is_no_edit() -> None:
    """Blocks are found again only in the graph that was edited."""
    architecture: Architecture = parse_architecture("cifar10-cnn")
    with pytest.raises(ModelError, match="not edited but exchanged"):
        regroup(architecture, architecture.graph(), parse_architecture("micronet-kws-s").graph())
