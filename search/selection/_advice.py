"""Which strategy and estimator suit a space, a training's price and a budget of time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hwprof.errors import ConfigurationError
from hwprof.search.planner import minutes
from hwprof.search.selection._prices import Prices
from hwprof.search.selection._ranking import Ranking, Scored
from hwprof.search.selection._short_list import LONGEST, SHORTEST

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
        trainings: full trainings that are to be run.
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
    require_budget(budget_s)
    case = _Case(prices, budget_s, ranking)
    if budget_s is None:
        plan = min(case.plans(), key=lambda plan: plan.price)
        return plan.advice(plan.price)
    affordable = prices.trainings(budget_s)
    plans = (*case.plans(), *case.makeshifts())
    plan = next(plan for plan in plans if plan.least <= affordable)
    return plan.advice(min(affordable, plan.most))


def require_budget(budget_s: float | None) -> None:
    """Refuse a budget of time that nobody can have.

    Raises:
        ConfigurationError: it is not positive and finite.
    """
    if budget_s is not None and not 0 < budget_s < math.inf:
        raise ConfigurationError(
            f"a budget of time is positive and finite; got {budget_s:g} s; give hours."
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    """One way to search.

    Attributes:
        least: trainings without which it is not worth while; queries count as the trainings that
            they take as long as.
        price: trainings that it takes if nobody counts them.
        most: trainings that it can use.
        advice: to go that way with so many trainings.
    """

    least: int
    price: int
    most: int
    advice: Callable[[int], Advice]


@dataclass(frozen=True, slots=True)
class _Case:
    """What is searched, what there is to pay for it, and what samples have said."""

    prices: Prices
    budget_s: float | None
    ranking: Ranking | None

    def plans(self) -> Iterator[_Plan]:
        """Ways to be trusted, the surest first."""
        left, trials = self._left, self.prices.trials
        yield _Plan(left, left, left, self._train_all)
        yield _Plan(trials, trials, self.prices.space_size, self._search_by_training)
        if self.ranking is None:
            least, most = SAMPLES + SHORTEST, SAMPLES + LONGEST
            yield _Plan(least, most, most, self._choose_by_samples)
        elif self.ranking.chosen.beats_chance:
            yield self._by_estimator(self.ranking, self.ranking.chosen)

    def makeshifts(self) -> Iterator[_Plan]:
        """What is left where none of these can be paid."""
        if self.ranking is None:
            yield _Plan(0, 0, SAMPLES + SHORTEST, self._rank_by_flops)
            return
        for row in (*self.ranking.top, *self.ranking.scored):
            if row.beats_chance:
                yield self._by_estimator(self.ranking, row)
        yield _Plan(1, 1, self.prices.trials, self._train_some)
        yield _Plan(0, 0, 0, self._train_none)

    @property
    def _left(self) -> int:
        """Architectures that nobody has trained."""
        return self.prices.space_size - (self.ranking.n_samples if self.ranking else 0)

    def _train_all(self, count: int) -> Advice:
        return Advice(
            EXHAUSTIVE,
            "full-training",
            count,
            self._said(
                f"Train every architecture {'that is left' if self.ranking else 'once'} "
                f"({self._time(count)}).",
                "No estimator is needed where nothing is left to guess.",
            ),
        )

    def _search_by_training(self, count: int) -> Advice:
        if self._doubt:
            why = self._doubt
        elif self.budget_s is None:
            why = f"An estimator that can be trusted takes no less than {self._thrift:,} trainings."
        else:
            trust = (
                _trust(self.ranking, self.ranking.chosen)
                if self.ranking
                else "the best of 24 in the talk had a Kendall tau of 0.52"
            )
            why = (
                "There is time for it, and no estimator ranks as well as the training itself: "
                f"{trust}."
            )
        return self._trained(count, why)

    def _train_some(self, count: int) -> Advice:
        scarce = (
            f"There is no time for {self.prices.trials} trials, nor for an estimator's answers."
        )
        return self._trained(count, self._doubt or scarce)

    def _trained(self, count: int, why: str) -> Advice:
        return Advice(
            SAMPLED,
            "full-training",
            count,
            self._said(
                "Search by multi-objective TPE with full training, "
                f"{_counted(count, 'trial')} ({self._time(count)}).",
                why,
            ),
        )

    def _train_none(self, count: int) -> Advice:
        return Advice(
            SAMPLED,
            "full-training",
            count,
            self._said(
                "Take the best of the samples that meets the latency budget.",
                "There is no time for one more training.",
            ),
        )

    def _choose_by_samples(self, count: int) -> Advice:
        return Advice(
            EXHAUSTIVE if self.prices.is_small else SAMPLED,
            "two-stage",
            count,
            self._said(
                f"Train {SAMPLES} samples ({self._time(SAMPLES)}), let 'hwprof estimators' name "
                f"the estimator, {self._asked}, and train a short list of {count - SAMPLES}.",
                f"All of it takes {self._time(count)} where a search by full training takes "
                f"{self._time(self.prices.trials)}, and the samples say how far the estimator can "
                "be trusted.",
            ),
        )

    def _rank_by_flops(self, count: int) -> Advice:
        few = f"the best {count}" if count else "nothing, as one training takes longer"
        return Advice(
            EXHAUSTIVE if self.prices.is_small else SAMPLED,
            "flops",
            count,
            self._said(
                f"Rank by FLOPs, {self._asked}, and train {few}.",
                f"{SAMPLES} samples and a short list of {SHORTEST} would take "
                f"{self._time(SAMPLES + SHORTEST)}; FLOPs need none and were level with the best "
                "estimator in the talk (Kendall tau 0.50 beside 0.52).",
            ),
        )

    def _by_estimator(self, ranking: Ranking, row: Scored) -> _Plan:
        search_s = ranking.search_s(row)
        search = math.ceil(search_s / self.prices.training_s)  # a part of one is not left for one
        every = self.prices.asks_all(row.strategy)
        asked = "every one" if every else _counted(self.prices.queries(row.strategy), "design")

        def advice(count: int) -> Advice:
            listed = count - search
            return Advice(
                EXHAUSTIVE if every else SAMPLED,
                row.strategy.name,
                listed,
                self._said(
                    f"Ask {row.strategy.title} of {asked} ({minutes(search_s)}) and train a short "
                    f"list of {listed} ({self._time(listed)}).",
                    f"{_trust(ranking, row)}, and a search by full training takes "
                    f"{self._time(self.prices.trials)}.",
                ),
            )

        whole = search + self.prices.list_size(row.tau)
        return _Plan(search + 1, whole, whole, advice)

    def _said(self, what: str, why: str) -> tuple[str, str, str]:
        return self._means, what, why

    @property
    def _doubt(self) -> str:
        """Why no estimator is trusted; empty where one is, or nobody knows."""
        if self.ranking is None or self.ranking.chosen.beats_chance:
            return ""
        trust = _trust(self.ranking, self.ranking.chosen)
        return f"{trust}, so none of them is sure to rank better than chance."

    @property
    def _means(self) -> str:
        """The first sentence."""
        size = f"the space has {_counted(self.prices.space_size, 'architecture')}"
        if self.budget_s is None:
            trials = self.prices.trials
            return (
                f"One training takes {self._time(1)} and a search by full training of "
                f"{_counted(trials, 'trial')} {self._time(trials)}; {size}."
            )
        pays = _counted(self.prices.trainings(self.budget_s), "training")
        return f"{minutes(self.budget_s)} pay for {pays} of {self._time(1)}, and {size}."

    @property
    def _asked(self) -> str:
        return "asked of every one" if self.prices.is_small else "asked by multi-objective TPE"

    @property
    def _thrift(self) -> int:
        """Trainings of the cheapest way by an estimator."""
        return min(plan.least for plan in list(self.plans())[2:])

    def _time(self, trainings: int) -> str:
        """What so many trainings take, in words."""
        return minutes(trainings * self.prices.training_s)


def _trust(ranking: Ranking, row: Scored) -> str:
    """How well a strategy ranks, without a full stop."""
    return (
        f"{row.strategy.title} has a Kendall tau of {row.tau.value:.2f} ({row.tau.low:.2f} to "
        f"{row.tau.high:.2f}) on {ranking.n_samples} samples"
    )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"
