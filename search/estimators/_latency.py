"""Latency estimators: functions handed in, because the search room talks to no device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.search.estimators._base import FloatArray, LatencyEstimator
from hwprof.search.estimators._estimate import Kind, LatencyEstimate

LatencyFunction = Callable[[Sequence[Architecture]], npt.ArrayLike]


@dataclass(frozen=True, slots=True)
class GivenLatency(LatencyEstimator):
    """Latencies from a function of n architectures that returns n microseconds."""

    name: str
    function: LatencyFunction

    def latencies_us(self, architectures: Sequence[Architecture]) -> FloatArray:
        return _checked(self.name, self.function(architectures), len(architectures))


class Prediction(Protocol):
    """Predictions of n architectures, arrays (n,) in microseconds."""

    @property
    def latency_us(self) -> npt.ArrayLike: ...
    @property
    def low_us(self) -> npt.ArrayLike: ...
    @property
    def high_us(self) -> npt.ArrayLike: ...
    @property
    def interval_level(self) -> float: ...


@dataclass(frozen=True, slots=True)
class PredictedLatency(LatencyEstimator):
    """Latencies with calibrated intervals from a function that predicts n architectures."""

    name: str
    predict: Callable[[Sequence[Architecture]], Prediction]

    def latencies_us(self, architectures: Sequence[Architecture]) -> FloatArray:
        return self._column(self.predict(architectures).latency_us, architectures)

    def estimates(self, architectures: Sequence[Architecture]) -> list[LatencyEstimate]:
        predicted = self.predict(architectures)
        ends = predicted.latency_us, predicted.low_us, predicted.high_us
        columns = (self._column(values, architectures).tolist() for values in ends)
        return [
            LatencyEstimate(latency_us, low_us, high_us, predicted.interval_level, "predicted")
            for latency_us, low_us, high_us in zip(*columns, strict=True)
        ]

    def _column(self, values: npt.ArrayLike, architectures: Sequence[Architecture]) -> FloatArray:
        return _checked(self.name, values, len(architectures))


@dataclass(frozen=True, slots=True)
class BoardLatency(LatencyEstimator):
    """Latencies of a board: each architecture is run once, and its value kept.

    Attributes:
        run: latency in microseconds of one architecture, verified.
        kind: ``modelled`` for a virtual board, ``measured`` for silicon.
    """

    is_cheap: ClassVar[bool] = False

    name: str
    run: Callable[[Architecture], float]
    kind: Kind
    _known_us: dict[str, float] = field(default_factory=dict, init=False, compare=False)

    @property
    def runs(self) -> int:
        """How many architectures were run."""
        return len(self._known_us)

    def latencies_us(self, architectures: Sequence[Architecture]) -> FloatArray:
        return _checked(self.name, [self._latency_us(a) for a in architectures], len(architectures))

    def estimates(self, architectures: Sequence[Architecture]) -> list[LatencyEstimate]:
        return [
            LatencyEstimate.exactly(latency_us, self.kind)
            for latency_us in self.latencies_us(architectures).tolist()
        ]

    def _latency_us(self, architecture: Architecture) -> float:
        if architecture.name not in self._known_us:
            self._known_us[architecture.name] = self.run(architecture)
        return self._known_us[architecture.name]


@dataclass(frozen=True, slots=True)
class SettledLatency(LatencyEstimator):
    """Predictions, and the board's word where a prediction leaves open what a candidate is.

    Attributes:
        predicted: answers for every candidate.
        board: asked for those on either side of budget or front within their interval.
    """

    predicted: LatencyEstimator
    board: LatencyEstimator

    @property
    def name(self) -> str:  # type: ignore[override]  # read, never set
        return f"{self.predicted.name} + {self.board.name}"

    def latencies_us(self, architectures: Sequence[Architecture]) -> FloatArray:
        return self.predicted.latencies_us(architectures)

    def estimates(self, architectures: Sequence[Architecture]) -> list[LatencyEstimate]:
        return self.predicted.estimates(architectures)

    def settle(
        self,
        architecture: Architecture,
        estimate: LatencyEstimate,
        is_decided: Callable[[LatencyEstimate], bool],
    ) -> LatencyEstimate:
        if is_decided(estimate):
            return estimate
        (answer,) = self.board.estimates([architecture])
        return answer


def _checked(name: str, values: npt.ArrayLike, count: int) -> FloatArray:
    latency_us = np.asarray(values, np.float64)
    if latency_us.shape != (count,) or not np.isfinite(latency_us).all():
        raise ConfigurationError(
            f"the latency estimator {name!r} owes one finite number for each of {count} "
            f"architectures; got an array of shape {latency_us.shape}."
        )
    return latency_us
