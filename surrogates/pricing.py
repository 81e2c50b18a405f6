"""Prices of block configurations, batch by batch: by surrogate, by table, or by MACs."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from threading import Lock
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hwprof.architecture import block_graph
from hwprof.blocks import BLOCK_TYPES, BlockConfig, SingleOperatorBlock, has_type
from hwprof.errors import ArtefactError
from hwprof.luts import LookupTable
from hwprof.partition import partition
from hwprof.surrogates.artefact import Artefact, FittedModel
from hwprof.surrogates.features import FeatureTable, block_features
from hwprof.surrogates.interpolated import BlocksBetween, known_blocks
from hwprof.surrogates.regressors import Vector


class Source(IntEnum):
    """What priced a block."""

    PRIOR = 0
    SURROGATE = 1
    LUT = 2
    MACS = 3
    INTERPOLATED = 4
    OPERATORS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Prices of n blocks, each array (n,).

    Attributes:
        cycles, low_cycles, high_cycles: prediction and ends of its interval.
        source: a ``Source`` each.
    """

    cycles: Vector
    low_cycles: Vector
    high_cycles: Vector
    macs: Vector
    source: npt.NDArray[np.int8]

    @classmethod
    def empty(cls, n: int, macs: Vector) -> Prices:
        """Prices to be filled in."""
        return cls(np.zeros(n), np.zeros(n), np.zeros(n), macs, np.zeros(n, dtype=np.int8))

    def put(
        self, rows: npt.NDArray[np.int64], cycles: Vector, log_ratio: float, source: Source
    ) -> None:
        """Set some rows from a prediction and its half-width in log ratio."""
        factor = np.exp(log_ratio)
        self.cycles[rows] = cycles
        self.low_cycles[rows] = cycles / factor
        self.high_cycles[rows] = cycles * factor
        self.source[rows] = source


class Pricer(Protocol):
    """Prices configurations; stateless, so threads may share one."""

    def price(self, configs: Sequence[BlockConfig]) -> Prices:
        """Prices of n configurations in their order."""


class SurrogatePricer:
    """The model of each block's type.

    Where a type has none: the models of its operators, added up; the prior where one of those
    has none either.
    """

    def __init__(self, artefact: Artefact) -> None:
        self._artefact = artefact

    def price(self, configs: Sequence[BlockConfig]) -> Prices:
        table = block_features(configs)
        prices = Prices.empty(len(configs), table.macs)
        by_type: dict[str, list[int]] = {}
        for row, config in enumerate(configs):
            by_type.setdefault(config.block_type, []).append(row)
        for kind, rows in by_type.items():
            fitted = self._artefact.types.get(kind)
            source = Source.SURROGATE if fitted else Source.PRIOR
            _put_model(prices, np.array(rows), table, (fitted or self._artefact.prior, source))
            if not fitted and _SINGLE_OPERATORS & self._artefact.types.keys():
                self._put_operators(prices, rows, configs)
        return prices

    def _put_operators(
        self, prices: Prices, rows: Sequence[int], configs: Sequence[BlockConfig]
    ) -> None:
        """Price blocks whose operators all have models; their intervals add up, as if all erred."""
        parts = {row: _operators(configs[row]) for row in rows}
        known = self._artefact.types.keys()
        parts = {row: ops for row, ops in parts.items() if {op.block_type for op in ops} <= known}
        if not parts:
            return
        priced = self.price(list(chain.from_iterable(parts.values())))
        starts = np.cumsum([0, *map(len, parts.values())])[:-1]
        chosen = np.array(list(parts))
        for name in ("cycles", "low_cycles", "high_cycles"):
            getattr(prices, name)[chosen] = np.add.reduceat(getattr(priced, name), starts)
        prices.source[chosen] = Source.OPERATORS


_SINGLE_OPERATORS = frozenset(
    name for name, kind in BLOCK_TYPES.items() if isinstance(kind, SingleOperatorBlock)
)


def _operators(config: BlockConfig) -> list[BlockConfig]:
    """A block's operators, each a block of its own; the block itself where nobody can build it."""
    if not has_type(config):
        return [config]
    return [block.config for block in partition(block_graph(config), {}).blocks]


def _put_model(
    prices: Prices,
    rows: npt.NDArray[np.int64],
    table: FeatureTable,
    model: tuple[FittedModel, Source],
) -> None:
    fitted, source = model
    prices.put(rows, fitted.regressor.predict(table.X[rows]), fitted.log_ratio, source)


class LutPricer:
    """A table's own value, exact; between known blocks a blend; elsewhere the surrogate.

    Of several tables the first that knows a block answers. What is blended or answered by the
    surrogate says so and has an interval; an exact value has none.
    """

    def __init__(self, artefact: Artefact, tables: Sequence[LookupTable]) -> None:
        self._artefact = artefact
        self._values = ChainMap(*(dict(table.values) for table in tables))
        self._surrogate = SurrogatePricer(artefact)
        self._lock = Lock()
        self._between: dict[str, BlocksBetween | None] = {}

    def price(self, configs: Sequence[BlockConfig]) -> Prices:
        values = [self._values.get(config.key) for config in configs]
        prices = self._surrogate.price(configs)
        known = np.array([row for row, value in enumerate(values) if value is not None], dtype=int)
        cycles = np.array([value for value in values if value is not None])
        prices.put(known, cycles, 0.0, Source.LUT)
        by_type: dict[str, list[int]] = {}
        for row, config in enumerate(configs):
            if values[row] is None:
                by_type.setdefault(config.block_type, []).append(row)
        for kind, rows in by_type.items():
            self._interpolate(prices, np.array(rows), configs, kind)
        return prices

    def _interpolate(
        self,
        prices: Prices,
        rows: npt.NDArray[np.int64],
        configs: Sequence[BlockConfig],
        kind: str,
    ) -> None:
        between = self._blocks_between(kind)
        if between is None:
            return
        asked = [configs[row] for row in rows.tolist()]
        expected = self._artefact.prior.regressor.predict(block_features(asked).X)
        cycles = between.cycles(asked, expected)
        inside = np.isfinite(cycles)
        if between.log_ratio is not None:
            prices.put(rows[inside], cycles[inside], between.log_ratio, Source.INTERPOLATED)

    def _blocks_between(self, kind: str) -> BlocksBetween | None:
        """Made when first asked for: a table that knows every block never is."""
        with self._lock:
            if kind not in self._between:
                known = known_blocks(self._values, kind)
                prior, level = self._artefact.prior.regressor, self._artefact.interval_level
                self._between[kind] = BlocksBetween(known, prior, level) if known else None
            return self._between[kind]


class MacsPricer:
    """Cycles in proportion to MACs: the baseline, good for comparison only."""

    def __init__(self, artefact: Artefact) -> None:
        if artefact.macs is None:
            raise ArtefactError(
                "no row behind this surrogate had MACs, so there is no coefficient; "
                "use method='surrogate'."
            )
        self._fitted = artefact.macs

    def price(self, configs: Sequence[BlockConfig]) -> Prices:
        macs = block_features(configs).macs
        prices = Prices.empty(len(configs), macs)
        cycles = self._fitted.regressor.predict(macs[:, None])
        prices.put(np.arange(len(configs)), cycles, self._fitted.log_ratio, Source.MACS)
        return prices
