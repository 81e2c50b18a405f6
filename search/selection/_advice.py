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
    affordable = math.floor(budget_s / training_s * _ROUNDING)
    paid = (
        f"{minutes(budget_s)} pay for {affordable:,} trainings of {minutes(training_s)}, and the "
        f"space has {space_size:,} architectures"
    )
    walk = "exhaustive" if space_size <= _EXHAUSTIVE else "motpe"
    asked = "asked of every one" if walk == "exhaustive" else "asked by multi-objective TPE"
    if affordable >= space_size:
        return Advice(
            "exhaustive",
            "full-training",
            space_size,
            (
                f"{paid}.",
                f"Train every architecture once ({minutes(space_size * training_s)}).",
                "No estimator is needed where nothing is left to guess.",
            ),
        )
    if affordable >= DEFAULT_TRIALS:
        return Advice(
            "motpe",
            "full-training",
            affordable,
            (
                f"{paid}.",
                (
                    f"Search by multi-objective TPE with full training, {affordable:,} trials; "
                    f"{DEFAULT_TRIALS} are {minutes(DEFAULT_TRIALS * training_s)}."
                ),
                (
                    "Training is cheap here, and no estimator ranks as well as the training itself "
                    "(the best of 24 in the talk had a Kendall tau of 0.52)."
                ),
            ),
        )
    if affordable >= SAMPLES + SHORT_LIST:
        listed = affordable - SAMPLES
        return Advice(
            walk,
            "two-stage",
            affordable,
            (
                f"{paid}.",
                (
                    f"Train {SAMPLES} samples ({minutes(SAMPLES * training_s)}), let 'hwprof "
                    f"estimators' name the estimator, {asked}, and train a short list of {listed}."
                ),
                (
                    f"A search by full training wants {DEFAULT_TRIALS} trainings "
                    f"({minutes(DEFAULT_TRIALS * training_s)}), {DEFAULT_TRIALS - affordable} "
                    "more than there is time for."
                ),
            ),
        )
    few = f"the best {affordable}" if affordable else "nothing, as one training takes longer"
    return Advice(
        walk,
        "flops",
        affordable,
        (
            f"{paid}.",
            f"Rank by FLOPs, {asked}, and train {few}.",
            (
                f"{SAMPLES} samples and a short list of {SHORT_LIST} would take "
                f"{minutes((SAMPLES + SHORT_LIST) * training_s)}; FLOPs need none and were level "
                "with the best estimator in the talk (Kendall tau 0.50 beside 0.52)."
            ),
        ),
    )
