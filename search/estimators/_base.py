"""The two numbers a search trades: how good a design is, and how long it takes."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.search.design import Design
from hwprof.search.estimators._estimate import LatencyEstimate

FloatArray = npt.NDArray[np.float64]
Details: TypeAlias = Mapping[str, float | str]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a task estimator says of one design.

    Attributes:
        score: finite; more is better.
        details: what is worth keeping beside it, by name: ``ap50_float``, ``training_s``.

    Raises:
        ConfigurationError: the score is not finite.
    """

    score: float
    details: Details = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not isfinite(self.score):
            raise ConfigurationError(
                f"a task estimator owes a finite score; got {self.score}; check its training."
            )


class TaskEstimator(abc.ABC):
    """How good designs are at their task; more is better.

    Attributes:
        name: printed beside every value; the name of a proxy ends in ``-proxy``.
        is_proxy: whether values only rank designs and measure no task.
    """

    name: str
    is_proxy: bool

    @abc.abstractmethod
    def scores(self, designs: Sequence[Design]) -> FloatArray:
        """One finite score for each design, (n,)."""

    def judge(self, design: Design) -> Judgement:
        """The score of one design, and what is worth keeping beside it."""
        (score,) = self.scores([design]).tolist()
        return Judgement(score)


class LatencyEstimator(abc.ABC):
    """How long architectures take on the target; less is better.

    Attributes:
        name: where the numbers come from, kept with a stored study.
        is_cheap: whether it answers thousands in a second, so that a whole space can be asked for.
    """

    name: str
    is_cheap: ClassVar[bool] = True

    @abc.abstractmethod
    def latencies_us(self, architectures: Sequence[Architecture]) -> FloatArray:
        """One latency in microseconds for each architecture, (n,)."""

    def estimates(self, architectures: Sequence[Architecture]) -> list[LatencyEstimate]:
        """The latencies with their intervals and kinds; points where nothing is known of errors."""
        return [
            LatencyEstimate.exactly(latency_us, "predicted")
            for latency_us in self.latencies_us(architectures).tolist()
        ]

    def settle(
        self,
        architecture: Architecture,
        estimate: LatencyEstimate,
        is_decided: Callable[[LatencyEstimate], bool],
    ) -> LatencyEstimate:
        """A better answer for a candidate where the one at hand does not decide what it is.

        Args:
            architecture: the candidate, of which the task score is known by now.
            estimate: what ``estimates`` said of it.
            is_decided: whether an estimate tells on which side of budget and front it is.
        """
        del architecture, is_decided
        return estimate
