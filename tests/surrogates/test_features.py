"""The feature table adds up and knows its units."""

from __future__ import annotations

import numpy as np
import pytest

from hwprof import networks
from hwprof.architecture import block_graph
from hwprof.blocks import BLOCK_TYPES, BlockConfig
from hwprof.errors import ModelError
from hwprof.surrogates import features
from hwprof.surrogates.features import (
    FEATURES,
    MEMORY_FEATURES,
    block_features,
    graph_features,
    parameter_table,
)


@pytest.fixture(name="detector")
def detector_fixture():
    """The seed person detector."""
    return networks.person_detector()


def test_blocks_add_up_to_the_network(detector):
    """What kernels count in a network is the sum over its blocks."""
    blocks = block_features([block.config for block in detector.blocks])
    whole = graph_features([detector.graph()])

    work = [i for i, term in enumerate(FEATURES) if term.name not in MEMORY_FEATURES]
    np.testing.assert_array_equal(blocks.X.sum(axis=0)[work], whole.X[0, work])


def test_blocks_begin_cold(detector):
    """Blocks one by one fetch more lines than a network, where a block finds its input cached."""
    blocks = block_features([block.config for block in detector.blocks])
    whole = graph_features([detector.graph()])
    column = [term.name for term in FEATURES].index("read_lines")

    assert blocks.X[:, column].sum() > whole.X[0, column] > 0


def test_macs(detector):
    """The table's MACs are the architecture's."""
    table = block_features([block.config for block in detector.blocks])

    assert table.macs.sum() == detector.macs


def test_chunks_change_nothing(detector, monkeypatch):
    """Featurising in chunks gives the same table."""
    configs = [block.config for block in detector.blocks]
    whole = block_features(configs).X
    monkeypatch.setattr(features, "_CHUNK", 3)

    np.testing.assert_array_equal(block_features(configs).X, whole)


def test_company_changes_nothing(board):
    """Blocks counted together, those of one structure in arrays, count what each counts alone."""
    configs = [config for name in BLOCK_TYPES for config in board.draw(name, 12, seed=6)]
    alone = [block_features([config]) for config in configs]
    together = block_features(configs)

    np.testing.assert_array_equal(together.X, np.concatenate([table.X for table in alone]))
    np.testing.assert_array_equal(together.macs, np.concatenate([table.macs for table in alone]))


@pytest.mark.parametrize("count", [1, 3])
def test_too_many_macs(count):
    """What 64 bits cannot count is refused, alone and among blocks of its structure."""
    block = BlockConfig.of("fc", [(999_999, 999_999, 999)], activation="none", out_features=99_999)
    small = BlockConfig.of("fc", [(1, 1, 9)], activation="none", out_features=9)

    with pytest.raises(ModelError, match="64 bits"):
        block_features([block, small, small][:count])


def test_nothing():
    """No block gives an empty table."""
    assert block_features([]).X.shape == (0, len(FEATURES))


def test_block_without_calls():
    """A block of views has no features and disturbs no neighbour."""
    pool = BlockConfig.of("spp", [(4, 4, 16)], c_out=8, kernel=3, groups=1)
    view = BlockConfig.of("reshape", [(4, 4, 16)], kind="reshape", shape="1x1x256")
    table = block_features([view, pool, view])

    assert not table.X[[0, 2]].any()
    np.testing.assert_array_equal(table.X[1], graph_features([block_graph(pool)]).X[0])


def test_words_keep_apart():
    """In the table of parameters, another word is farther than any other extent."""
    relu, none, large = (
        BlockConfig.of("fc", [(1, 1, extent)], activation=word, out_features=8)
        for extent, word in ((4, "relu"), (4, "none"), (100_000, "relu"))
    )
    table = parameter_table([relu, none, large])
    distance = np.linalg.norm(table - table[0], axis=1)

    assert distance[1] > distance[2] > 0


def test_unknown_block_type():
    """An operator that no block type describes counts as one pass over its input."""
    table = block_features([BlockConfig.of("mystery", [(4, 5, 6)])])
    counted = {FEATURES[i].name: table.X[0, i] for i in np.flatnonzero(table.X[0])}

    assert counted == {
        "requantise_calls": 1,
        "requantise_words": 30,
        "read_lines": 4,
    }
