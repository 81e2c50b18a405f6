"""Networks priced block by block: the prediction, and the predictor that remembers blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from threading import Lock
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from hwprof.architecture import Architecture
from hwprof.blocks import BlockConfig
from hwprof.measurement import DEFAULT_TARGET, Context
from hwprof.surrogates.artefact import Artefact, NetworkCorrection
from hwprof.surrogates.pricing import Pricer, Prices, Source

FloatArray: TypeAlias = npt.NDArray[np.float64]
Number = TypeVar("Number", float, FloatArray)

_FIRST_CAPACITY = 1024


@dataclass(frozen=True, slots=True)
class BlockPrediction:
    """Share of one block in a prediction.

    Attributes:
        source: ``surrogate``, ``lut``, ``macs``, or ``prior`` where nothing was fitted for it.
    """

    name: str
    block_type: str
    latency_us: float
    source: str

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof predict --json`` prints for a block."""
        return {
            "name": self.name,
            "block_type": self.block_type,
            "latency_us": self.latency_us,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True, eq=False)
class LatencyPrediction(Generic[Number]):
    """Predicted latency of one network, or arrays (n,) for n of them.

    Attributes:
        latency_us, low_us, high_us: prediction and ends of its interval, microseconds.
        interval_level: share of networks that the interval is to cover, 0 to 1.
        covered_macs_percent: MACs in blocks that a fitted model or table priced.
        blocks: a ``BlockPrediction`` for each block; for n networks a sequence of n such lists.
        kind: always ``predicted``; never to be stored among measured or modelled numbers.
    """

    latency_us: Number
    low_us: Number
    high_us: Number
    interval_level: float
    covered_macs_percent: Number
    blocks: Sequence[Any]
    context: Context
    target: str
    kind: Literal["predicted"] = "predicted"

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof predict --json`` prints for one network."""
        return {
            "target": self.target,
            "board": self.context.board,
            "kernels": self.context.kernels,
            "scheme": self.context.scheme,
            "placement": asdict(self.context.placement),
            "timing_model": self.context.timing_model,
            "kind": self.kind,
            "latency_us": self.latency_us,
            "low_us": self.low_us,
            "high_us": self.high_us,
            "interval_level": self.interval_level,
            "covered_macs_percent": self.covered_macs_percent,
            "blocks": [block.to_json() for block in self.blocks],
        }


class _Ledger:
    """Prices of every configuration seen, as columns that grow; safe to share by threads.

    A reader takes the columns after it has made sure that its configurations are in; columns
    are replaced when they grow, never shortened, so what it took stays valid.
    """

    def __init__(self, pricer: Pricer, us_per_cycle: float) -> None:
        self._pricer = pricer
        self._us_per_cycle = us_per_cycle
        self._lock = Lock()
        self.position: dict[BlockConfig, int] = {}
        # Columns: latency_us, low_us, high_us, macs, covered macs, source.
        self.columns: FloatArray = np.zeros((6, _FIRST_CAPACITY))

    def rows(self, configs: Iterable[BlockConfig]) -> npt.NDArray[np.int64]:
        """Row of each configuration, pricing those not seen before."""
        configs = configs if isinstance(configs, list) else list(configs)
        position = self.position
        try:
            return np.array([position[config] for config in configs], dtype=np.int64)
        except KeyError:
            self._add(configs)
        return np.array([position[config] for config in configs], dtype=np.int64)

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
        others = np.stack([prices.macs, covered, prices.source])
        return np.concatenate([cycles * self._us_per_cycle, others])


class Predictor:
    """Predicts networks in one context; remembers every block it has priced."""

    def __init__(self, artefact: Artefact, pricer: Pricer, target: str = DEFAULT_TARGET) -> None:
        self._artefact = artefact
        self._target = target
        self._ledger = _Ledger(pricer, 1e6 / artefact.context.clock_hz)

    @property
    def context(self) -> Context:
        """What the predictions belong to."""
        return self._artefact.context

    def predict(self, architecture: Architecture) -> LatencyPrediction[float]:
        """Latency of one network."""
        rows = self._ledger.rows([block.config for block in architecture.blocks])
        columns = self._ledger.columns[:, rows]
        latency, low, high, macs, covered, _ = columns.sum(axis=1).tolist()
        low, latency, high = _corrected(self._artefact.correction, low, latency, high)
        return LatencyPrediction(
            latency_us=latency,
            low_us=low,
            high_us=high,
            interval_level=self._artefact.interval_level,
            covered_macs_percent=100 * covered / macs if macs else 100.0,
            blocks=_block_predictions(architecture, columns),
            context=self.context,
            target=self._target,
        )

    def predict_many(self, architectures: Sequence[Architecture]) -> LatencyPrediction[FloatArray]:
        """Latencies of n networks, as arrays (n,)."""
        blocks = [architecture.blocks for architecture in architectures]
        rows = self._ledger.rows([block.config for block in chain.from_iterable(blocks)])
        sums = _segment_sums(self._ledger.columns[:5, rows], [len(part) for part in blocks])
        latency, low, high, macs, covered = sums
        low, latency, high = _corrected(self._artefact.correction, low, latency, high)
        return LatencyPrediction(
            latency_us=latency,
            low_us=low,
            high_us=high,
            interval_level=self._artefact.interval_level,
            covered_macs_percent=np.divide(
                100 * covered, macs, out=np.full(len(blocks), 100.0), where=macs > 0
            ),
            blocks=_BlockLists(self._ledger, architectures),
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
        architecture = self._architectures[index]
        rows = self._ledger.rows([block.config for block in architecture.blocks])
        return _block_predictions(architecture, self._ledger.columns[:, rows])


def _block_predictions(
    architecture: Architecture, columns: FloatArray
) -> tuple[BlockPrediction, ...]:
    latencies, sources = columns[0].tolist(), columns[5].tolist()
    return tuple(
        BlockPrediction(block.name, block.config.block_type, latency, _SOURCES[int(source)])
        for block, latency, source in zip(architecture.blocks, latencies, sources, strict=True)
    )


_SOURCES = {int(source): source.name.lower() for source in Source}


def _segment_sums(columns: FloatArray, sizes: list[int]) -> FloatArray:
    """Sums of consecutive stretches of each row of ``columns``; empty stretches give 0."""
    ends = np.cumsum(sizes, dtype=np.int64)
    totals = np.concatenate([np.zeros((len(columns), 1)), np.cumsum(columns, axis=1)], axis=1)
    sums: FloatArray = totals[:, ends] - totals[:, ends - np.array(sizes, dtype=np.int64)]
    return sums


def _corrected(
    correction: NetworkCorrection, low: Number, latency: Number, high: Number
) -> tuple[Number, Number, Number]:
    stretch = float(np.exp(correction.log_ratio))
    ratio = correction.ratio
    return low * ratio / stretch, latency * ratio, high * ratio * stretch
