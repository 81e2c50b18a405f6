"""What is reported, and how thoroughly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hwprof.errors import ConfigurationError
from hwprof.profiler.bench import Setup
from hwprof.search.problem import Candidate, Problem
from hwprof.workflows.trained_detectors import TrainedDetectors

Progress = Callable[[str, int, int], None]
"""Told what is going on, how many more are done, and how many there are in all."""

_MOST_SEEDS, _MOST_PICTURES = 100, 24


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRequest:
    """A finished search and what is made of it.

    Attributes:
        problem: space, estimators and budget of the search.
        trials: distinct candidates, settled.
        n_trials: how many trials there were.
        strategy: what chose them, in words.
        detectors: trains them; its recipe and start are those of every row of the report.
        setup: board, placement and quantisation scheme.
        seeds: trainings of each row.
        drawn: pictures that are drawn.

    Raises:
        ConfigurationError: no trials, or a number is out of range.
    """

    problem: Problem
    trials: tuple[Candidate, ...]
    n_trials: int
    strategy: str
    detectors: TrainedDetectors
    setup: Setup = field(default_factory=Setup)
    seeds: int = 5
    drawn: int = 4

    def __post_init__(self) -> None:
        if not self.trials:
            raise ConfigurationError("a search is reported after its first trial; it has none.")
        if not (1 <= self.seeds <= _MOST_SEEDS and 0 <= self.drawn <= _MOST_PICTURES):
            raise ConfigurationError(
                f"a report has 1 to {_MOST_SEEDS} trainings of each detector and at most "
                f"{_MOST_PICTURES} drawn pictures; got {self.seeds} and {self.drawn}."
            )
