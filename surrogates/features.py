"""Features of a block: how often each part of each kernel runs, in one table.

One row is one block, one column one of ``FEATURES`` (a name and a unit). Every column adds over
calls and blocks, so the features of a network are the sum of those of its blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwprof.architecture import block_graph
from hwprof.blocks import BLOCK_TYPES, BlockConfig
from hwprof.graph import Graph
from hwprof.surrogates.calls import Row, elementwise_call, graph_calls
from hwprof.surrogates.cost_terms import TERMS, Matrix, Term, count_terms

FEATURE_VERSION = 1
"""Raised whenever a column is added, removed or counted differently."""

FEATURES: tuple[Term, ...] = TERMS

_CHUNK = 512
"""Blocks featurised at a time: the (calls x columns) table stays at some 10 MB, near the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTable:
    """Features of n blocks.

    Attributes:
        X: counts, (n_blocks, n_features), in the units of ``FEATURES``.
        macs: multiply-accumulates of each block, (n_blocks,).
    """

    X: Matrix
    macs: npt.NDArray[np.float64]


def block_features(configs: Sequence[BlockConfig]) -> FeatureTable:
    """Features of each block configuration.

    A block whose type nobody registered counts as one element-wise pass over its first input:
    the least that an operator can do.

    Raises:
        ModelError: a configuration that its block type cannot build.
    """
    return _table([_config_calls(config) for config in configs])


def graph_features(graphs: Sequence[Graph]) -> FeatureTable:
    """Features of each graph."""
    return _table([graph_calls(graph) for graph in graphs])


def _config_calls(config: BlockConfig) -> list[Row]:
    if config.block_type in BLOCK_TYPES:
        return graph_calls(block_graph(config))
    return [elementwise_call(shape) for shape in config.inputs[:1]]


def _table(calls: Sequence[list[Row]]) -> FeatureTable:
    tables = [_chunk(calls[i : i + _CHUNK]) for i in range(0, len(calls), _CHUNK)]
    return FeatureTable(
        np.concatenate([table.X for table in tables] or [np.zeros((0, len(FEATURES)))]),
        np.concatenate([table.macs for table in tables] or [np.zeros(0)]),
    )


def _chunk(calls: Sequence[list[Row]]) -> FeatureTable:
    rows = [row for block in calls for row in block]
    sizes = np.array([len(block) for block in calls])
    X = np.zeros((len(calls), len(FEATURES)))
    macs = np.zeros(len(calls))
    if rows:
        busy = np.flatnonzero(sizes)
        starts = np.concatenate([[0], np.cumsum(sizes[busy])[:-1]])
        X[busy] = np.add.reduceat(count_terms(rows), starts)
        macs[busy] = np.add.reduceat([row[-1] for row in rows], starts)
    return FeatureTable(X, macs)
