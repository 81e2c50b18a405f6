"""Architectures: what their blocks promise each other, and what is refused."""

import pytest

from hwprof.architecture import Architecture, BlockInstance
from hwprof.blocks import BlockConfig
from hwprof.errors import ModelError, UnknownNameError
from hwprof.networks import person_detector

STEM = BlockConfig.of("stem", [(32, 32, 3)], c_out=24)
KEEP = BlockConfig.of("shufflev2", [(8, 8, 24)], stride=1, c_out=24)


def network(*blocks: BlockInstance, outputs=("last",)):
    """A network on one 32 x 32 picture."""
    return Architecture("small", (("image", (32, 32, 3)),), blocks, outputs)


def test_blocks_are_joined_by_name():
    """A block reads the output of the block it names."""
    made = network(BlockInstance("stem", STEM, ("image",)), BlockInstance("last", KEEP, ("stem",)))
    graph = made.graph(seed=7)
    assert graph.outputs == ("last/concat",)
    assert graph.seed == 7


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([BlockInstance("last", STEM, ("picture",))], "'last' reads 'picture' before anything"),
        ([BlockInstance("last", KEEP, ("image",))], r"configured for inputs \[\(8, 8, 24\)\]"),
        ([BlockInstance("image", STEM, ("image",))], "two blocks are called 'image'"),
        ([BlockInstance("first", STEM, ("image",))], "output 'last' is no block"),
    ],
)
def test_blocks_that_do_not_join_are_refused(blocks, message):
    """Wrong names and wrong shapes end in a sentence when the graph is asked for."""
    with pytest.raises(ModelError, match=message):
        network(*blocks).graph()


def test_a_block_of_no_type_is_refused():
    """A graph cannot be built from a block nobody registered."""
    config = BlockConfig.of("operator:lstm", [(32, 32, 3)])
    with pytest.raises(UnknownNameError, match="unknown block type 'operator:lstm'"):
        network(BlockInstance("last", config, ("image",))).graph()


def test_uncovered_blocks_are_listed_and_not_counted():
    """What no type describes stays in the network, beside the counts of what one does."""
    strange = BlockInstance("last", BlockConfig.of("operator:lstm", [(8, 8, 24)]), ("stem",))
    made = network(BlockInstance("stem", STEM, ("image",)), strange)
    assert made.uncovered == (strange,)
    assert made.macs == 16 * 16 * 24 * 27


def test_equal_architectures_are_one_key():
    """Architectures made apart from the same parameters are equal and hash equally."""
    assert len({person_detector(c=32), person_detector(c=32)}) == 1


def test_operators_may_keep_names_of_their_own():
    """Names given to a block's operators are theirs; the next block is named as ever."""
    stem = BlockInstance("stem", STEM, ("image",), nodes=("first", "second"))
    graph = network(stem, BlockInstance("last", KEEP, ("stem",))).graph()
    assert [node.name for node in graph.nodes[:3]] == ["first", "second", "last/pass"]
    assert graph.nodes[2].inputs == ("second",)


@pytest.mark.parametrize("names", [("first",), ("first", "second", "third")])
def test_names_are_one_for_each_operator(names):
    """A wrong number of names, as a stranger's file may hold, is a sentence."""
    stem = BlockInstance("last", STEM, ("image",), nodes=names)
    with pytest.raises(ModelError, match=f"block of 2 nodes got names for {len(names)}"):
        network(stem).graph()
