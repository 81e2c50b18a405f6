"""Which strategy and estimator suit a space, a training's price and a budget of time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hwprof.errors import ConfigurationError
from hwprof.search.loop import DEFAULT_TRIALS
from hwprof.search.planner import minutes

SAMPLES = 40
SHORT_LIST = 8
_EXHAUSTIVE = 1_000_000
"""Architectures that counts and fitted models score in some minutes."""

_ROUNDING = 1 + 1e-9
"""So that the price of 120 trainings pays for 120."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, and why.

    Attributes:
        strategy: ``exhaustive`` or ``motpe``: how the space is walked.
        estimator: ``full-training``, ``two-stage`` or ``flops``.
        trainings: full trainings that the plan pays for.
        sentences: three, with the numbers.
    """

    strategy: str
    estimator: str
    trainings: int
    sentences: tuple[str, str, str]


def advise(*, space_size: int, training_s: float, budget_s: float) -> Advice:
    """Advice for a search.

    Trainings are what costs: the budget is counted in them. If all of the space, or a whole search
    of it, can be trained, nothing beats that; if the samples of stage one and a short list can be,
    an estimator may be chosen by them; below that only counts are free of trainings.

    Args:
        space_size: architectures.
        training_s: seconds of one full training with its evaluation.
        budget_s: seconds for everything.

    Raises:
        ConfigurationError: a number that is not positive.
    """
    if space_size < 1 or not 0 < training_s < math.inf or not 0 < budget_s < math.inf:
        raise ConfigurationError(
            "advice needs a space of at least 1 architecture and positive, finite seconds; got "
            f"{space_size}, {training_s:g} and {budget_s:g}."
        )
    means = _Means(space_size, training_s, budget_s)
    if means.affordable >= space_size:
        return _train_all(means)
    if means.affordable >= DEFAULT_TRIALS:
        return _search_by_training(means)
    if means.affordable >= SAMPLES + SHORT_LIST:
        return _two_stages(means)
    return _rank_by_flops(means)


@dataclass(frozen=True, slots=True)
class _Means:
    """What there is to search, and to pay for it."""

    space_size: int
    training_s: float
    budget_s: float

    @property
    def affordable(self) -> int:
        """Full trainings that the budget pays for."""
        return math.floor(self.budget_s / self.training_s * _ROUNDING)

    @property
    def sentence(self) -> str:
        """The same in words."""
        return (
            f"{minutes(self.budget_s)} pay for {self.affordable:,} trainings of "
            f"{minutes(self.training_s)}, and the space has {self.space_size:,} architectures."
        )

    @property
    def walk(self) -> str:
        """How the space is walked by an estimator that needs no training."""
        return "exhaustive" if self.space_size <= _EXHAUSTIVE else "motpe"

    @property
    def asked(self) -> str:
        """The same in words."""
        every = self.walk == "exhaustive"
        return "asked of every one" if every else "asked by multi-objective TPE"

    def price(self, trainings: int) -> str:
        """What so many trainings take."""
        return minutes(trainings * self.training_s)


def _train_all(means: _Means) -> Advice:
    return Advice(
        "exhaustive",
        "full-training",
        means.space_size,
        (
            means.sentence,
            f"Train every architecture once ({means.price(means.space_size)}).",
            "No estimator is needed where nothing is left to guess.",
        ),
    )


def _search_by_training(means: _Means) -> Advice:
    return Advice(
        "motpe",
        "full-training",
        means.affordable,
        (
            means.sentence,
            (
                "Search by multi-objective TPE with full training, "
                f"{means.affordable:,} trials; {DEFAULT_TRIALS} are {means.price(DEFAULT_TRIALS)}."
            ),
            (
                "There is time for it, and no estimator ranks as well as the training itself "
                "(the best of 24 in the talk had a Kendall tau of 0.52)."
            ),
        ),
    )


def _two_stages(means: _Means) -> Advice:
    listed = means.affordable - SAMPLES
    return Advice(
        means.walk,
        "two-stage",
        means.affordable,
        (
            means.sentence,
            (
                f"Train {SAMPLES} samples ({means.price(SAMPLES)}), let 'hwprof estimators' name "
                f"the estimator, {means.asked}, and train a short list of {listed}."
            ),
            (
                f"A search by full training wants {DEFAULT_TRIALS} trainings "
                f"({means.price(DEFAULT_TRIALS)}), {DEFAULT_TRIALS - means.affordable} more than "
                "there is time for."
            ),
        ),
    )


def _rank_by_flops(means: _Means) -> Advice:
    count = means.affordable
    few = f"the best {count}" if count else "nothing, as one training takes longer"
    return Advice(
        means.walk,
        "flops",
        count,
        (
            means.sentence,
            f"Rank by FLOPs, {means.asked}, and train {few}.",
            (
                f"{SAMPLES} samples and a short list of {SHORT_LIST} would take "
                f"{means.price(SAMPLES + SHORT_LIST)}; FLOPs need none and were level with the "
                "best estimator in the talk (Kendall tau 0.50 beside 0.52)."
            ),
        ),
    )
