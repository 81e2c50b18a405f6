"""Which strategy and estimator suit a space, a training's price and a budget of time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hwprof.errors import ConfigurationError
from hwprof.search.planner import minutes
from hwprof.search.selection._prices import Prices
from hwprof.search.selection._ranking import Ranking, Scored
from hwprof.search.selection._short_list import LONGEST, SHORTEST, short_list_size

SAMPLES = 40
"""Trained designs that tell strategies apart as far as the talk's did: tau is sure to 0.11."""

EXHAUSTIVE, SAMPLED = "exhaustive", "motpe"


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, and why.

    Attributes:
        strategy: ``exhaustive`` or ``motpe``: how the space is walked.
        estimator: ``full-training``; ``two-stage``, which has yet to be chosen; or a performance
            strategy's name.
        trainings: full trainings that the plan takes.
        sentences: three, with the numbers.
    """

    strategy: str
    estimator: str
    trainings: int
    sentences: tuple[str, str, str]


def advise(
    prices: Prices, *, budget_s: float | None = None, ranking: Ranking | None = None
) -> Advice:
    """Advice for a search.

    Trainings are what costs, so the budget is counted in them. What can be trained whole is; a
    budget that pays for a whole search by full training is best spent so, because no guess ranks
    as well. Else an estimator is asked: one that samples have shown to rank better than chance, or
    one that samples, if there is time for them, shall choose; without that only FLOPs are left.

    Args:
        budget_s: seconds for everything that is still to do; None for as little as can be.
        ranking: of samples that are trained already; None before there are any.

    Raises:
        ConfigurationError: a budget that is not positive and finite.
    """
    if budget_s is not None and not 0 < budget_s < math.inf:
        raise ConfigurationError(
            f"a budget of time is positive and finite; got {budget_s:g} s; give more."
        )
    blind = _Blind(prices, budget_s)
    return (blind if ranking is None else _Ranked(prices, budget_s, ranking)).advice()


@dataclass(frozen=True, slots=True)
class _Case:
    """What is searched, and what there is to pay for it."""

    prices: Prices
    budget_s: float | None

    def advice(self) -> Advice:
        """The dearest plan that the budget pays for, or the cheapest without one."""
        if self.pays_for(self.prices.space_size):
            return self.train_all()
        if self.budget_s is not None and self.pays_for(self.prices.n_trials):
            return self.search_by_training()
        return self.by_estimator()

    def by_estimator(self) -> Advice:
        """A search that trains a part of what it asks about."""
        raise NotImplementedError

    def why_training(self) -> str:
        """What speaks for full training where there is time for it."""
        raise NotImplementedError

    @property
    def thrift(self) -> int:
        """Trainings of the cheapest plan to be trusted."""
        raise NotImplementedError

    @property
    def affordable(self) -> int:
        """Full trainings that the budget pays for; those of the cheapest plan without one."""
        return self.thrift if self.budget_s is None else self.prices.trainings(self.budget_s)

    def pays_for(self, trainings: int) -> bool:
        return self.affordable >= trainings

    def price(self, trainings: int) -> str:
        """What so many trainings take, in words."""
        return minutes(trainings * self.prices.training_s)

    @property
    def means(self) -> str:
        """The first sentence."""
        size = f"the space has {_counted(self.prices.space_size, 'architecture')}"
        if self.budget_s is None:
            trials = self.prices.n_trials
            return (
                f"One training takes {self.price(1)} and a search by full training of {trials} "
                f"trials {self.price(trials)}; {size}."
            )
        pays = _counted(self.affordable, "training")
        return f"{minutes(self.budget_s)} pay for {pays} of {self.price(1)}, and {size}."

    def train_all(self) -> Advice:
        size = self.prices.space_size
        return Advice(
            EXHAUSTIVE,
            "full-training",
            size,
            (
                self.means,
                f"Train every architecture once ({self.price(size)}).",
                "No estimator is needed where nothing is left to guess.",
            ),
        )

    def search_by_training(self) -> Advice:
        count = self.affordable
        return Advice(
            SAMPLED,
            "full-training",
            count,
            (
                self.means,
                (
                    "Search by multi-objective TPE with full training, "
                    f"{_counted(count, 'trial')} ({self.price(count)})."
                ),
                self.why_training(),
            ),
        )


@dataclass(frozen=True, slots=True)
class _Blind(_Case):
    """Nothing is trained yet."""

    @property
    def thrift(self) -> int:
        return SAMPLES + LONGEST

    @property
    def walk(self) -> str:
        return EXHAUSTIVE if self.prices.is_small else SAMPLED

    @property
    def asked(self) -> str:
        return "asked of every one" if self.prices.is_small else "asked by multi-objective TPE"

    def by_estimator(self) -> Advice:
        if not self.pays_for(SAMPLES + SHORTEST):
            return self.rank_by_flops()
        listed = min(self.affordable - SAMPLES, LONGEST)
        return Advice(
            self.walk,
            "two-stage",
            SAMPLES + listed,
            (
                self.means,
                (
                    f"Train {SAMPLES} samples ({self.price(SAMPLES)}), let 'hwprof estimators' "
                    f"name the estimator, {self.asked}, and train a short list of {listed}."
                ),
                (
                    f"All of it takes {self.price(SAMPLES + listed)} where a search by full "
                    f"training takes {self.price(self.prices.n_trials)}, and the samples say how "
                    "far the estimator can be trusted."
                ),
            ),
        )

    def why_training(self) -> str:
        return (
            "There is time for it, and no estimator ranks as well as the training itself (the best "
            "of 24 in the talk had a Kendall tau of 0.52)."
        )

    def rank_by_flops(self) -> Advice:
        count = self.affordable
        few = f"the best {count}" if count else "nothing, as one training takes longer"
        return Advice(
            self.walk,
            "flops",
            count,
            (
                self.means,
                f"Rank by FLOPs, {self.asked}, and train {few}.",
                (
                    f"{SAMPLES} samples and a short list of {SHORTEST} would take "
                    f"{self.price(SAMPLES + SHORTEST)}; FLOPs need none and were level with the "
                    "best estimator in the talk (Kendall tau 0.50 beside 0.52)."
                ),
            ),
        )


@dataclass(frozen=True, slots=True)
class _Ranked(_Case):
    """Samples are trained and have ranked the strategies."""

    ranking: Ranking

    @property
    def chosen(self) -> Scored:
        return self.ranking.chosen

    @property
    def title(self) -> str:
        return self.chosen.strategy.title

    @property
    def search(self) -> int:
        """What the estimator's answers cost, in trainings."""
        return self.prices.trainings(self.ranking.search_s(self.chosen))

    @property
    def thrift(self) -> int:
        if not self.chosen.beats_chance:
            return self.prices.n_trials
        return self.search + short_list_size(self.chosen.tau)

    def by_estimator(self) -> Advice:
        if not self.chosen.beats_chance or not self.pays_for(self.search):
            return self.search_by_training()
        listed = min(self.affordable - self.search, short_list_size(self.chosen.tau))
        few = f"a short list of {listed} ({self.price(listed)})"
        queries = self.prices.queries(self.chosen.strategy)
        every = queries == self.prices.space_size
        return Advice(
            EXHAUSTIVE if every else SAMPLED,
            self.chosen.strategy.name,
            listed,
            (
                self.means,
                (
                    f"Ask {self.title} of {'every one' if every else _counted(queries, 'design')} "
                    f"({minutes(self.ranking.search_s(self.chosen))}) and train "
                    f"{few if listed else 'nothing, as one training takes longer'}."
                ),
                (
                    f"{self.trust}, and a search by full training takes "
                    f"{self.price(self.prices.n_trials)}."
                ),
            ),
        )

    def why_training(self) -> str:
        if not self.chosen.beats_chance:
            return f"{self.trust}, so none of them is sure to rank better than chance."
        return (
            "There is time for it, and no estimator ranks as well as the training itself: "
            f"{self.trust}."
        )

    @property
    def trust(self) -> str:
        """How well the chosen ranks, without a full stop."""
        tau = self.chosen.tau
        return (
            f"{self.title} has a Kendall tau of {tau.value:.2f} ({tau.low:.2f} to "
            f"{tau.high:.2f}) on {self.ranking.n_samples} samples"
        )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"
