"""Features of a block: how often each part of each kernel runs, in one table.

One row is one block, one column one of ``FEATURES`` (a name and a unit). Every column adds over
calls. Over blocks those add that count a kernel's work; those of ``MEMORY_FEATURES``, lines that
the data cache fetches, are counted as if each block began with a cold cache, as measured ones do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import log1p
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hwprof.architecture import block_nodes
from hwprof.blocks import BlockConfig, has_type
from hwprof.graph import Graph
from hwprof.surrogates.calls import BlockCalls
from hwprof.surrogates.cost_terms import TERMS, Matrix, Term, count_terms
from hwprof.surrogates.outlines import Outline, outline_calls, outline_graph, outline_unknown

FEATURE_VERSION = 4
"""Raised whenever a column is added, removed or counted differently."""

FEATURES: tuple[Term, ...] = TERMS

MEMORY_FEATURES = tuple(term.name for term in TERMS if term.kernel is None)
"""Names of the columns that depend on what ran before."""

_Block = TypeVar("_Block")

_CHUNK = 8192
"""Blocks featurised at a time: what is in the making beside the table stays below 100 MB."""


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
    return _table(configs, _outline)


def graph_features(graphs: Sequence[Graph]) -> FeatureTable:
    """Features of each graph."""
    return _table(graphs, outline_graph)


def parameter_table(configs: Sequence[BlockConfig]) -> Matrix:
    """What a user would look blocks up by, (n_blocks, n_columns): extents and parameters.

    Numbers are log(1 + value); a word is a column of its own, far enough from its absence that
    blocks of different words are never neighbours.
    """
    described = [lookup_values(config) for config in configs]
    names = {name: column for column, name in enumerate(dict.fromkeys(chain(*described)))}
    table = np.zeros((len(configs), len(names)))
    for row, values in enumerate(described):
        for name, value in values.items():
            table[row, names[name]] = value
    return table


_WORD_DISTANCE = 100.0


def lookup_values(config: BlockConfig) -> dict[str, float]:
    """A row of ``parameter_table`` by column name; columns that are not named are 0."""
    values = {
        f"input_{i}_{axis}": log1p(extent)
        for i, shape in enumerate(config.inputs)
        for axis, extent in zip("hwc", shape, strict=True)
    }
    for name, value in config.params:
        if isinstance(value, int):
            values[name] = log1p(value)
        else:
            values[f"{name}={value}"] = _WORD_DISTANCE
    return values


def _outline(config: BlockConfig) -> Outline:
    return (
        outline_graph(block_nodes(config)) if has_type(config) else outline_unknown(config.inputs)
    )


def _table(blocks: Sequence[_Block], outline: Callable[[_Block], Outline]) -> FeatureTable:
    """Outlines are made one by one and dropped: a heap of them is what garbage collection costs."""
    chunks = [blocks[i : i + _CHUNK] for i in range(0, len(blocks), _CHUNK)] or [[]]
    counted = [_counted(outline_calls(map(outline, chunk))) for chunk in chunks]
    X, macs = (np.concatenate(columns) for columns in zip(*counted, strict=True))
    return FeatureTable(X, macs)


def _counted(calls: BlockCalls) -> tuple[Matrix, npt.NDArray[np.float64]]:
    weights = calls.calls.macs.astype(np.float64)
    macs = np.bincount(calls.block, weights=weights, minlength=calls.n_blocks)
    return count_terms(calls), macs.astype(np.float64)
