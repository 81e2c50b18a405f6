"""Networks priced block by block, by a predictor that remembers blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.architecture import Architecture, BlockInstance, SharedBlocks
from hwprof.blocks import BlockConfig
from hwprof.measurement import DEFAULT_TARGET, Context
from hwprof.surrogates.artefact import Artefact, NetworkCorrection
from hwprof.surrogates.boundaries import boundary_us
from hwprof.surrogates.predictions import BlockPrediction, FloatArray, LatencyPrediction
from hwprof.surrogates.pricing import Pricer, Prices, Source
from hwprof.templates import TemplateBlock

_FIRST_CAPACITY = 1024

# Columns of the ledger: latency_us, low_us, high_us, boundary_us, macs, covered macs, source.
_LATENCY_TO_BOUNDARY, _BOUNDARY, _MACS, _SOURCE = slice(0, 4), 3, slice(4, 6), 6

_LARGEST_CORRECTION = 2.0
"""A network is at most this factor from the sum of its blocks; measured ones are within percents,
and costs fitted on others must not make nonsense of a tiny one."""


class _Ledger:
    """Prices of every configuration seen, as columns that grow; safe to share by threads.

    A reader takes the columns after it has made sure that its configurations are in; columns
    are replaced when they grow, never shortened, so what it took stays valid.
    """

    def __init__(
        self, pricer: Pricer, us_per_cycle: float, boundary_us: Mapping[str, float]
    ) -> None:
        self._pricer = pricer
        self._us_per_cycle = us_per_cycle
        self._boundary_us = boundary_us
        self._lock = Lock()
        self.position: dict[BlockConfig, int] = {}
        self.columns: FloatArray = np.zeros((_SOURCE + 1, _FIRST_CAPACITY))

    def rows(self, configs: Sequence[BlockConfig]) -> npt.NDArray[np.int64]:
        """Row of each configuration, pricing those not seen before.

        Networks of one space share the objects of their blocks, so objects are told apart by
        identity first: comparing configurations is what many networks cost.
        """
        ids = np.fromiter(map(id, configs), np.int64, len(configs))
        _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
        distinct = [configs[index] for index in first.tolist()]
        position = self.position
        try:
            rows = [position[config] for config in distinct]
        except KeyError:
            self._add(distinct)
            rows = [position[config] for config in distinct]
        return np.array(rows, dtype=np.int64)[inverse]

    def predictions(self, blocks: Sequence[BlockInstance]) -> tuple[BlockPrediction, ...]:
        """What each block of a network adds to it."""
        rows = self.rows([block.config for block in blocks])
        return _block_predictions(blocks, self.columns[:, rows])

    def _add(self, configs: list[BlockConfig]) -> None:
        with self._lock:
            fresh = [config for config in dict.fromkeys(configs) if config not in self.position]
            start, stop = len(self.position), len(self.position) + len(fresh)
            self._grow(stop)
            self.columns[:, start:stop] = self._priced(fresh)
            self.position |= zip(fresh, range(start, stop), strict=True)

    def _grow(self, needed: int) -> None:
        capacity = self.columns.shape[1]
        if needed > capacity:
            wider = np.zeros((len(self.columns), max(needed, 2 * capacity)))
            wider[:, :capacity] = self.columns
            self.columns = wider

    def _priced(self, configs: list[BlockConfig]) -> FloatArray:
        prices: Prices = self._pricer.price(configs)
        covered = prices.macs * (prices.source != Source.PRIOR)
        cycles = np.stack([prices.cycles, prices.low_cycles, prices.high_cycles])
        boundaries = boundary_us(configs, self._boundary_us)[None]
        others = np.stack([prices.macs, covered, prices.source])
        return np.concatenate([cycles * self._us_per_cycle, boundaries, others])


class Predictor:
    """Predicts networks in one context; remembers every block it has priced."""

    def __init__(self, artefact: Artefact, pricer: Pricer, target: str = DEFAULT_TARGET) -> None:
        self._artefact = artefact
        self._target = target
        self._ledger = _Ledger(
            pricer, 1e6 / artefact.context.clock_hz, artefact.correction.boundary_us
        )

    @property
    def context(self) -> Context:
        """What the predictions belong to."""
        return self._artefact.context

    @property
    def templates(self) -> tuple[TemplateBlock, ...]:
        """Block types of the user's own that a model is to be searched for."""
        return tuple(self._artefact.templates.values())

    def predict(self, architecture: Architecture) -> LatencyPrediction[float]:
        """Latency of one network."""
        rows = self._ledger.rows([block.config for block in architecture.blocks])
        columns = self._ledger.columns[:, rows]
        sums = _network_sums(columns[:_SOURCE], [len(rows)])[:, 0]
        low, latency, high = _corrected(self._artefact.correction, sums[_LATENCY_TO_BOUNDARY])
        macs, covered = sums[_MACS].tolist()
        return LatencyPrediction(
            latency_us=float(latency),
            low_us=float(low),
            high_us=float(high),
            interval_level=self._artefact.interval_level,
            covered_macs_percent=100 * covered / macs if macs else 100.0,
            blocks=_block_predictions(architecture.blocks, columns),
            context=self.context,
            target=self._target,
        )

    def predict_many(self, architectures: Sequence[Architecture]) -> LatencyPrediction[FloatArray]:
        """Latencies of n networks, as arrays (n,)."""
        blocks = [architecture.blocks for architecture in architectures]
        rows = self._ledger.rows([block.config for block in chain.from_iterable(blocks)])
        columns = self._ledger.columns[:_SOURCE, rows]
        sums = _network_sums(columns, [len(part) for part in blocks])
        return self._networks(sums, _BlockLists(self._ledger, architectures))

    def predict_table(self, parts: Sequence[SharedBlocks]) -> LatencyPrediction[FloatArray]:
        """Latencies of n networks that share their parts, as arrays (n,); a million is few.

        Args:
            parts: of all networks the first, the second and so on; at least one.
        """
        sums = self._stretch_sums(parts[0], first=True)[:, parts[0].index]
        for part in parts[1:]:
            sums += self._stretch_sums(part, first=False)[:, part.index]
        return self._networks(sums, _TableBlockLists(self._ledger, parts))

    def _stretch_sums(self, part: SharedBlocks, *, first: bool) -> FloatArray:
        rows = self._ledger.rows([block.config for block in chain.from_iterable(part.stretches)])
        columns = self._ledger.columns[:_SOURCE, rows]
        return _network_sums(columns, [len(stretch) for stretch in part.stretches], first=first)

    def _networks(
        self, sums: FloatArray, blocks: Sequence[Sequence[BlockPrediction]]
    ) -> LatencyPrediction[FloatArray]:
        """Predictions from the sums of the columns over each network's blocks, (_SOURCE, n)."""
        low, latency, high = _corrected(self._artefact.correction, sums[_LATENCY_TO_BOUNDARY])
        macs, covered = sums[_MACS]
        return LatencyPrediction(
            latency_us=latency,
            low_us=low,
            high_us=high,
            interval_level=self._artefact.interval_level,
            covered_macs_percent=np.divide(
                100 * covered, macs, out=np.full(len(macs), 100.0), where=macs > 0
            ),
            blocks=blocks,
            context=self.context,
            target=self._target,
        )


class _BlockLists(Sequence[Sequence[BlockPrediction]]):
    """Block predictions of many networks, made when asked for: most callers never ask."""

    def __init__(self, ledger: _Ledger, architectures: Sequence[Architecture]) -> None:
        self._ledger = ledger
        self._architectures = architectures

    def __len__(self) -> int:
        return len(self._architectures)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return _BlockLists(self._ledger, self._architectures[index])
        return self._ledger.predictions(self._architectures[index].blocks)


class _TableBlockLists(Sequence[Sequence[BlockPrediction]]):
    """Block predictions of networks that share parts, made when asked for."""

    def __init__(self, ledger: _Ledger, parts: Sequence[SharedBlocks]) -> None:
        self._ledger = ledger
        self._parts = parts

    def __len__(self) -> int:
        return len(self._parts[0].index)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            parts = [replace(part, index=part.index[index]) for part in self._parts]
            return _TableBlockLists(self._ledger, parts)
        stretches = (part.stretches[int(part.index[index])] for part in self._parts)
        return self._ledger.predictions(tuple(chain.from_iterable(stretches)))


def _block_predictions(
    blocks: Sequence[BlockInstance], columns: FloatArray
) -> tuple[BlockPrediction, ...]:
    prices = columns[[0, 1, 2, _SOURCE]].T.tolist()
    return tuple(
        BlockPrediction(
            block.name, block.config.block_type, latency, low, high, _SOURCES[int(source)]
        )
        for block, (latency, low, high, source) in zip(blocks, prices, strict=True)
    )


_SOURCES = {int(source): source.name.lower() for source in Source}


def _network_sums(columns: FloatArray, sizes: list[int], *, first: bool = True) -> FloatArray:
    """Sums of consecutive stretches of each row of ``columns``; empty stretches give 0.

    Args:
        first: whether networks begin with these stretches: nothing is before their first block,
            so it has no boundary.
    """
    lengths = np.array(sizes, dtype=np.int64)
    ends = np.cumsum(lengths)
    totals = np.concatenate([np.zeros((len(columns), 1)), np.cumsum(columns, axis=1)], axis=1)
    sums: FloatArray = totals[:, ends] - totals[:, ends - lengths]
    busy = (lengths > 0) & first
    sums[_BOUNDARY, busy] -= columns[_BOUNDARY, (ends - lengths)[busy]]
    return sums


def _corrected(
    correction: NetworkCorrection, sums: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Low, latency and high of networks.

    The blocks' half-widths added up would be right if all blocks erred together; the correction
    says how much of that measured networks need. Exactly known blocks have no width: there the
    correction itself is the measure of what is not known.

    Args:
        sums: over blocks: latency, low, high and what boundaries cost, (4,) or (4, n).
    """
    summed, low, high, boundaries = sums
    if correction.n == 0:
        return low, summed, high
    safe = np.maximum(summed, np.finfo(np.float64).tiny)
    factor = correction.ratio + boundaries / safe
    factor = np.clip(factor, 1 / _LARGEST_CORRECTION, _LARGEST_CORRECTION)
    log_width = correction.stretch * np.log(np.maximum(high, safe) / safe)
    stretch = np.exp(np.where(high > summed, log_width, np.abs(np.log(factor))))
    latency = summed * factor
    return latency / stretch, latency, latency * stretch
