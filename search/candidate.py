"""One point of a space and what was found out about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hwprof.search.estimators import Details, Kind, LatencyEstimate
from hwprof.search.spaces import Point


@dataclass(frozen=True, slots=True)
class Candidate:
    """One point of the space and what the estimators said of it.

    Attributes:
        arch: the architecture's name.
        estimate: of its latency, by the search's latency estimator.
        score: by its task estimator; more is better.
        details: what the task estimator kept beside the score.
        amounts: of what the problem limits besides latency, by name.
        latency_s: what the answer to its latency took, in seconds; 0 where nobody counted.
    """

    point: Point
    arch: str
    estimate: LatencyEstimate
    score: float
    details: Details = field(default_factory=dict, hash=False)
    amounts: Mapping[str, float] = field(default_factory=dict, hash=False)
    latency_s: float = field(default=0.0, compare=False)

    @property
    def latency_us(self) -> float:
        """The estimate's median."""
        return self.estimate.latency_us

    @property
    def low_us(self) -> float:
        """Lower end of the estimate's interval."""
        return self.estimate.low_us

    @property
    def high_us(self) -> float:
        """Upper end of the estimate's interval."""
        return self.estimate.high_us

    @property
    def kind(self) -> Kind:
        """Whether the latency is predicted, modelled or measured."""
        return self.estimate.kind
