"""Latency estimators: a function handed in, by default hwprof's own prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.search.estimators._base import FloatArray, LatencyEstimator

LatencyFunction = Callable[[Sequence[Architecture]], npt.ArrayLike]


@dataclass(frozen=True, slots=True)
class GivenLatency(LatencyEstimator):
    """Latencies from a function of n architectures that returns n microseconds.

    The search room talks to no device: a prediction, a table or a board comes in as a function.
    """

    name: str
    function: LatencyFunction

    def latencies_us(self, architectures: Sequence[Architecture]) -> FloatArray:
        values = np.asarray(self.function(architectures), np.float64)
        if values.shape != (len(architectures),) or not np.isfinite(values).all():
            raise ConfigurationError(
                f"the latency estimator {self.name!r} owes one finite number for each of "
                f"{len(architectures)} architectures; got an array of shape {values.shape}."
            )
        return values
