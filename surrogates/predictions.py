"""What a prediction says: of one block, of one network, or of many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from hwprof.measurement import Context

FloatArray: TypeAlias = npt.NDArray[np.float64]
Number = TypeVar("Number", float, FloatArray)


@dataclass(frozen=True, slots=True)
class BlockPrediction:
    """Share of one block in a prediction, before the network's correction.

    Attributes:
        latency_us, low_us, high_us: of the block alone, and the ends of its interval.
        source: ``surrogate``, ``lut`` for a table's own value, ``interpolated`` between known
            blocks of a table, ``macs``; ``operators`` where its type has no model and its
            operators' models were added up; ``prior`` where nothing was fitted for it.
    """

    name: str
    block_type: str
    latency_us: float
    low_us: float
    high_us: float
    source: str

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof predict --json`` prints for a block."""
        return {
            "name": self.name,
            "block_type": self.block_type,
            "latency_us": self.latency_us,
            "low_us": self.low_us,
            "high_us": self.high_us,
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
