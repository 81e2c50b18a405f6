"""What a search by an estimator costs, in seconds and in trainings."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hwprof.errors import ConfigurationError
from hwprof.search.exhaustive import MOST_POINTS
from hwprof.search.loop import DEFAULT_TRIALS
from hwprof.search.performance import PerformanceStrategy
from hwprof.search.selection._agreement import Interval
from hwprof.search.selection._short_list import short_list_size

_ROUNDING = 1 + 1e-9
"""So that the price of 120 trainings pays for 120."""


@dataclass(frozen=True, slots=True)
class Prices:
    """A space, what one training in it costs, and how many a search takes.

    Attributes:
        space_size: architectures.
        training_s: seconds of one full training with its evaluation.
        n_trials: trials of a search that does not ask of all.
        short_list: candidates that are trained behind a search; None for ``short_list_size``.

    Raises:
        ConfigurationError: a number that is not positive and finite.
    """

    space_size: int
    training_s: float
    n_trials: int = DEFAULT_TRIALS
    short_list: int | None = None

    def __post_init__(self) -> None:
        counts = self.space_size, self.n_trials, 1 if self.short_list is None else self.short_list
        if min(counts) < 1 or not 0 < self.training_s < math.inf:
            raise ConfigurationError(
                "a search has a space, trials and a short list of at least 1, and trainings of "
                f"positive, finite seconds; got {counts} and {self.training_s:g}."
            )

    @property
    def is_small(self) -> bool:
        """Whether what needs nothing but architectures can be asked of all of them."""
        return self.space_size <= MOST_POINTS

    @property
    def trials(self) -> int:
        """Different designs that a search asks, at most: a point that comes again costs nothing."""
        return min(self.n_trials, self.space_size)

    def asks_all(self, strategy: PerformanceStrategy) -> bool:
        """Whether a search by a strategy asks of the whole space."""
        return self.is_small and is_portable(strategy)

    def queries(self, strategy: PerformanceStrategy) -> int:
        """Designs that a search by a strategy asks about."""
        return self.space_size if self.asks_all(strategy) else self.trials

    def list_size(self, tau: Interval) -> int:
        """Candidates that are trained behind a search by an estimator of that tau."""
        return min(self.short_list or short_list_size(tau), self.space_size)

    def trainings(self, seconds: float) -> int:
        """Whole trainings that so many seconds pay for."""
        return math.floor(seconds / self.training_s * _ROUNDING)


def is_portable(strategy: PerformanceStrategy) -> bool:
    """Whether its fit asks for nothing but architectures, so that a file can hold it."""
    needs = strategy.needs
    return not (needs.probe or needs.minibatches or needs.curve_epochs or needs.validation)
