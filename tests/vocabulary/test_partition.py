"""Graphs cut into blocks."""

import json
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.errors import ModelError
from hwprof.graph import Graph, Node, Op
from hwprof.networks import fastestdet, mobilenet_v1, person_detector
from hwprof.onnx_io import metadata as onnx_metadata
from hwprof.partition import (
    ARCHITECTURE_KEY,
    architecture_metadata,
    partition,
    read_architecture,
)

DETECTOR = person_detector(c=24)
DOCUMENT = json.loads(architecture_metadata(DETECTOR)[ARCHITECTURE_KEY])


def changed(**entries):
    """The detector's metadata with some entries replaced."""
    return json.dumps(DOCUMENT | entries)


def block(**entries):
    """Metadata of which the first block has some entries replaced."""
    first, *rest = DOCUMENT["blocks"]
    return changed(blocks=[first | entries, *rest])


def test_our_own_metadata_brings_the_blocks_back():
    """A graph with the metadata that it was exported with becomes the same architecture."""
    assert partition(DETECTOR.graph(), architecture_metadata(DETECTOR)) == DETECTOR


def test_names_of_operators_come_back():
    """A network whose blocks name their operators themselves survives its metadata."""
    network = mobilenet_v1()
    assert partition(network.graph(), architecture_metadata(network)) == network


def test_a_foreign_graph_becomes_single_operators():
    """Without metadata each node is a block of its own and nothing is lost."""
    graph = DETECTOR.graph()
    cut = partition(graph, {})
    assert [b.name for b in cut.blocks] == [node.name for node in graph.nodes]
    assert (cut.macs, cut.parameters, cut.uncovered) == (graph.macs, graph.parameters, ())


def test_single_operators_build_the_graph_again():
    """The blocks of a foreign graph hold all that its operators are."""
    graph = fastestdet().graph()
    rebuilt = partition(graph, {}).graph()
    assert [node.op for node in rebuilt.nodes] == [node.op for node in graph.nodes]


@pytest.mark.parametrize(
    "other",
    [
        person_detector(k=3, c=24),
        person_detector(c=24, aspect=1.0),
        person_detector(c=24, classes=2),
    ],
)
def test_metadata_of_another_network_is_not_believed(other):
    """A claim that the graph's operators do not bear out is as good as none."""
    graph = DETECTOR.graph()
    assert partition(graph, architecture_metadata(other)) == partition(graph, {})


def test_metadata_that_builds_nothing_is_not_believed():
    """Blocks of an unknown type, well written, are as good as no metadata."""
    text = block(config={"type": "transformer", "params": {}, "shapes": [[256, 320, 3]]})
    graph = DETECTOR.graph()
    assert partition(graph, {ARCHITECTURE_KEY: text}) == partition(graph, {})


def test_rewired_operators_are_another_network():
    """The same operators in the same order, joined differently, are not what was claimed."""
    graph = DETECTOR.graph()
    nodes = list(graph.nodes)
    concat = next(i for i, node in enumerate(nodes) if node.name == "stage2.1/concat")
    nodes[concat] = replace(nodes[concat], inputs=nodes[concat].inputs[::-1])
    rewired = replace_nodes(graph, nodes)
    assert partition(rewired, architecture_metadata(DETECTOR)) == partition(rewired, {})


def replace_nodes(graph, nodes):
    """The same graph with other nodes."""
    return Graph(graph.name, graph.inputs, tuple(nodes), graph.outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse(Op):
    """An operator no block type describes."""

    kind = "reverse"


def test_an_operator_without_a_type_is_kept_and_listed():
    """What no block type covers stays in its place in the network."""
    node = Node("last", Reverse(), ("image",), "")
    cut = partition(Graph("odd", {"image": (4, 4, 3)}, (node,), ("last",)), {})
    assert [b.config.block_type for b in cut.uncovered] == ["operator:reverse"]
    assert cut.blocks == cut.uncovered


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not what hwprof writes"),
        ("[]", "an object where it has list"),
        ("[" * 100_000, "brackets nested less deeply"),
        (changed(format_version=2), "format_version 1"),
        (changed(name="x" * 2_000), "at most 1024 characters"),
        (changed(name=None), "where it has None"),
        (changed(inputs={"image": [0, 1, 1]}), "three positive extents"),
        (changed(inputs={"image": [1, 1]}), "three positive extents"),
        (changed(inputs={"image": [1, 1, 1.5]}), r"a whole number where it has 1\.5"),
        (changed(inputs={"image": [1, 1, True]}), "a whole number where it has True"),
        (changed(inputs={"image": [1, 1, 10**30]}), "a whole number where it has 1000"),
        (changed(blocks={}), "a list"),
        (block(config=None), "an object where it has None"),
        (block(inputs="image"), "a list of at most 200000 items where it has 'image'"),
    ],
)
def test_broken_metadata_is_refused(text, message):
    """Text that breaks the format ends in a sentence that names the entry and the rule."""
    with pytest.raises(ModelError, match=f"{ARCHITECTURE_KEY}.*{message}"):
        read_architecture(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(entry=st.sampled_from(sorted(DOCUMENT)), value=VALUES)
def test_any_value_anywhere_is_read_or_refused(entry, value):
    """Whatever stands in an entry, a graph is cut into blocks or a ModelError says why not."""
    text = changed(**{entry: value})
    try:
        cut = partition(DETECTOR.graph(), {ARCHITECTURE_KEY: text})
    except ModelError:
        return
    assert cut.macs == DETECTOR.macs


def test_reader_and_writer_agree_on_the_key():
    """The ONNX reader leaves alone the entry that is read here."""
    assert onnx_metadata.ARCHITECTURE == ARCHITECTURE_KEY
