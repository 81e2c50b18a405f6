"""A latency with its interval, and the probability that it meets a budget."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, Self, TypeAlias

from hwprof.errors import ConfigurationError

Kind: TypeAlias = Literal["predicted", "modelled", "measured"]
"""Where a latency comes from: a fit, the virtual board, silicon."""

_STANDARD = NormalDist()


@dataclass(frozen=True, slots=True)
class LatencyEstimate:
    """One architecture's latency in microseconds and what is known of its error.

    Attributes:
        latency_us: the median.
        low_us, high_us: ends of the interval; both ``latency_us`` where it has none.
        level: share of architectures whose true latency the interval is to cover, 0 to 1.

    Raises:
        ConfigurationError: the interval does not hold the latency, or the level is no share.
    """

    latency_us: float
    low_us: float
    high_us: float
    level: float
    kind: Kind

    def __post_init__(self) -> None:
        ordered = 0 < self.low_us <= self.latency_us <= self.high_us < math.inf
        if not ordered or not 0 <= self.level <= 1:
            raise ConfigurationError(
                "a latency estimate is positive, inside its interval, at a level from 0 to 1; got "
                f"{self.latency_us} in [{self.low_us}, {self.high_us}] us at {self.level}."
            )

    @classmethod
    def exactly(cls, latency_us: float, kind: Kind) -> Self:
        """A latency without an interval."""
        return cls(latency_us, latency_us, latency_us, 1.0, kind)

    def chance_within(self, budget_us: float) -> float:
        """Probability that the true latency is at most ``budget_us``, 0 to 1.

        Assumes a split log-normal: the logarithm of the latency has its median at the estimate
        and falls off on each side as a normal does, with the width that puts half of ``level``
        between the estimate and that side's end. Calibrated intervals are factors, [p / q, p q],
        so errors are compared as logarithms; a side without width is a step.
        """
        if budget_us <= 0:
            return 0.0
        end_us = self.low_us if budget_us < self.latency_us else self.high_us
        width = abs(math.log(end_us / self.latency_us))
        if not width or not 0 < self.level < 1:
            return float(self.latency_us <= budget_us)
        sigma = width / _STANDARD.inv_cdf((1 + self.level) / 2)
        return _STANDARD.cdf(math.log(budget_us / self.latency_us) / sigma)
