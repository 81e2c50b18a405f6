"""Candidates of a transfer, and the measuring of those that it chooses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from hwprof.architecture import block_graph
from hwprof.blocks import BLOCK_TYPES, BlockConfig
from hwprof.errors import ModelError
from hwprof.measurement import Measurement
from hwprof.profiler.bench import Bench
from hwprof.profiler.sampling import sample
from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.features import block_features
from hwprof.surrogates.regressors import Vector
from hwprof.surrogates.transfer import Design, choose_block

CANDIDATES = 12
"""Blocks of each type among which those to measure are chosen."""

_SEED_OF_CHECKS = 1 << 20
"""Checks are drawn apart from candidates, whatever the seed."""


def draw_candidates(types: Iterable[str], count: int, seed: int) -> list[BlockConfig]:
    """Random blocks of each registered type among ``types`` that cost something."""
    drawn = [
        config
        for kind in sorted(types)
        if kind in BLOCK_TYPES
        for config in sample(kind, count, method="random", seed=seed)
    ]
    free = (block_features(drawn).X.sum(axis=1) == 0).tolist()
    return [config for config, is_free in zip(drawn, free, strict=True) if not is_free]


def draw_checks(types: Iterable[str], count: int, seed: int) -> list[BlockConfig]:
    """As many blocks of each type as are asked for in all, then every n-th of them."""
    known = [kind for kind in types if kind in BLOCK_TYPES]
    each = -(-count // max(len(known), 1))
    drawn = draw_candidates(known, each, seed + _SEED_OF_CHECKS) if each else []
    order = np.random.default_rng(seed).permutation(len(drawn))[:count]
    return [drawn[i] for i in order]


class Measures(Protocol):
    """Measures blocks."""

    def measure(self, config: BlockConfig) -> Measurement | None:
        """A row of the block, None where the board cannot run it or its row is no data point."""


class StoringBoard:
    """Measures blocks and keeps their rows; counts those that it has no room for."""

    def __init__(self, bench: Bench, store: MeasurementStore) -> None:
        self._bench = bench
        self._store = store
        self.refused = 0

    def measure(self, config: BlockConfig) -> Measurement | None:
        """As ``Measures``."""
        try:
            program = self._bench.lower(block_graph(config))
            row = self._bench.measure(program, block_type=config.block_type, block_key=config.key)
        except ModelError:
            self.refused += 1
            return None
        self._store.add(row)
        self.refused += bool(row.error)
        return None if row.error else row


def measure_chosen(
    configs: Sequence[BlockConfig], design: Design, count: int, board: Measures
) -> dict[int, Measurement]:
    """Rows by candidate; what the board refuses is no candidate, and another is chosen.

    Raises:
        ConfigurationError: the board runs fewer candidates than are to be measured.
    """
    usable = list(range(len(configs)))
    rows: dict[int, Measurement] = {}
    while len(rows) < count:
        measured = [usable.index(number) for number in rows]
        number = usable[choose_block(design.take(usable), measured, cycles_of(rows.values()))]
        row = board.measure(configs[number])
        if row is None:
            usable.remove(number)
        else:
            rows[number] = row
    return rows


def cycles_of(rows: Iterable[Measurement]) -> Vector:
    """Cycles of rows, (n,)."""
    return np.array([row.cycles for row in rows], dtype=np.float64)
