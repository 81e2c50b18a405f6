"""Which strategies rank trained designs as their quality does, and which of them are tied."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.search.estimators import FloatArray
from hwprof.search.performance import Evidence, PerformanceStrategy
from hwprof.search.selection._agreement import Interval, Labels, Ranks, interval
from hwprof.search.selection._confidence_set import confidence_set
from hwprof.search.selection._folds import out_of_fold
from hwprof.search.selection._prices import Prices, is_portable

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Query:
    """What a strategy said of one design, and how many seconds that took."""

    score: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Sample:
    """A design that was trained fully, and what is known of it without that.

    Attributes:
        quality: of the full training; more is better.
        early_s: seconds of the broken-off training that ``evidence`` has its early values of, its
            evaluation included.
        curve_s: seconds of the epochs that a learning curve is looked at.
        asked: answers that were computed beside the training, by strategy.
        refused: why strategies could not be asked there, by strategy.
    """

    evidence: Evidence
    quality: float
    early_s: float = 0.0
    curve_s: float = 0.0
    asked: Mapping[str, Query] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scored:
    """One strategy on the samples.

    Attributes:
        tau: Kendall's tau-b with the quality.
        within: the same inside bins of equal FLOPs.
        behind: tau of the first in rank less this one's, paired; 0 of the first itself.
        is_top: whether it may be the best, as far as the samples tell.
        query_s: seconds of one answer as a search asks for it, what it trains included: of many
            at a time where nothing but architectures is needed.
        fit_s: seconds of one fit on all samples; 0 where nothing is fitted.
    """

    strategy: PerformanceStrategy
    tau: Interval
    within: Interval
    behind: Interval
    is_top: bool
    query_s: float
    fit_s: float

    @property
    def beats_chance(self) -> bool:
        """Whether its rank is better than one by lot, as far as the samples tell."""
        return self.tau.low > 0


@dataclass(frozen=True, slots=True)
class Unscored:
    """A strategy that could not be asked, and why in a sentence."""

    strategy: PerformanceStrategy
    reason: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """All strategies, the highest tau first.

    Attributes:
        prices: what searches by them cost.
    """

    scored: tuple[Scored, ...]
    unscored: tuple[Unscored, ...]
    n_samples: int
    prices: Prices

    @property
    def top(self) -> tuple[Scored, ...]:
        """Those that may be the best, the one to take first.

        What is sure to beat chance goes before what is not; then what costs fewer trainings, and
        among equals what ranked the samples better.
        """
        may_be_best = (row for row in self.scored if row.is_top)
        return tuple(
            sorted(
                may_be_best,
                key=lambda row: (not row.beats_chance, self.price(row), -row.tau.value),
            )
        )

    @property
    def chosen(self) -> Scored:
        """Whom to trust with a search."""
        return self.top[0]

    def search_s(self, row: Scored) -> float:
        """Seconds of all queries of a search, and of the fit before them."""
        return row.fit_s + self.prices.queries(row.strategy) * row.query_s

    def after_s(self, row: Scored) -> float:
        """Seconds of the trainings of its short list."""
        return self.prices.list_size(row.tau) * self.prices.training_s

    def price(self, row: Scored) -> int:
        """What both cost, in whole trainings, because less than one decides nothing."""
        return self.prices.trainings(self.search_s(row) + self.after_s(row))

    def named(self, name: str) -> Scored | None:
        """A strategy's row, None where it was not scored."""
        return next((s for s in self.scored if s.strategy.name == name), None)


def rank_strategies(
    samples: Sequence[Sample],
    strategies: Sequence[PerformanceStrategy],
    prices: Prices,
    *,
    strict: bool = False,
    seed: int = 0,
) -> Ranking:
    """Score every strategy on the samples.

    Args:
        prices: what a search by them costs; ties are broken by it.
        strict: whether a strategy that cannot be asked is an error.

    Raises:
        ConfigurationError: fewer than three samples, all of one quality, or no strategy can be
            asked.
    """
    quality = np.array([sample.quality for sample in samples], np.float64)
    macs = np.array([sample.evidence.architecture.macs for sample in samples], np.float64)
    ranks = Ranks(quality, macs, seed=seed)
    answers: dict[PerformanceStrategy, _Answers] = {}
    unscored = []
    for strategy in strategies:
        try:
            answers[strategy] = _answers(strategy, samples, quality, seed)
        except ConfigurationError as error:
            if strict:
                raise
            unscored.append(Unscored(strategy, str(error)))
    if not answers:
        raise ConfigurationError(f"no strategy can be asked: {unscored[0].reason}")
    return Ranking(_scored(ranks, answers), tuple(unscored), len(samples), prices)


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """Scores (n,), or (repeats, n) with their folds, and what they cost."""

    scores: FloatArray
    query_s: float
    fit_s: float = 0.0
    folds: Labels | None = None


def _answers(
    strategy: PerformanceStrategy, samples: Sequence[Sample], quality: FloatArray, seed: int
) -> _Answers:
    if all(strategy.name in sample.asked for sample in samples):
        asked = [sample.asked[strategy.name] for sample in samples]
        scores = np.array([query.score for query in asked], np.float64)
        return _Answers(scores, float(np.mean([query.seconds for query in asked])))
    reasons = (sample.refused.get(strategy.name) for sample in samples)
    if reason := next(filter(None, reasons), None):
        raise ConfigurationError(reason)
    evidence = [sample.evidence for sample in samples]
    needs = strategy.needs
    unseen = out_of_fold(strategy, evidence, quality, seed=seed) if needs.samples else None
    fitted, fit_s = _timed(lambda: strategy.fit(evidence, quality))
    # Of architectures that nobody has counted yet, in the portions in which a search asks.
    new = [replace(one, architecture=replace(one.architecture)) for one in evidence]
    portions = [new] if is_portable(strategy) else [[one] for one in new]
    scored, all_s = _timed(lambda: [fitted.scores(portion) for portion in portions])
    scores, query_s = np.concatenate(scored), all_s / len(samples)
    if needs.validation:
        query_s += float(np.mean([sample.early_s for sample in samples]))
    if needs.curve_epochs:
        query_s += float(np.mean([sample.curve_s for sample in samples]))
    if unseen is None:
        return _Answers(scores, query_s)
    return _Answers(unseen.scores, query_s, fit_s, unseen.folds)


def _timed(work: Callable[[], _Result]) -> tuple[_Result, float]:
    """What work returns, and its seconds.

    No garbage is collected meanwhile, as ``timeit`` does: with all that a training imports, one
    collection takes as long as thousands of queries of whoever is asked when it is due.
    """
    was_collecting = gc.isenabled()
    gc.disable()
    start_s = time.perf_counter()
    try:
        return work(), time.perf_counter() - start_s
    finally:
        if was_collecting:
            gc.enable()


def _scored(ranks: Ranks, answers: Mapping[PerformanceStrategy, _Answers]) -> tuple[Scored, ...]:
    taus = np.array([ranks.taus(each.scores, each.folds) for each in answers.values()])
    first = taus[taus[:, 0].argmax()]
    rows = [
        Scored(
            strategy,
            tau=interval(replicates),
            within=interval(ranks.within(each.scores, each.folds)),
            behind=interval(first - replicates),
            is_top=may_be_best,
            query_s=each.query_s,
            fit_s=each.fit_s,
        )
        for (strategy, each), replicates, may_be_best in zip(
            answers.items(), taus, confidence_set(taus).tolist(), strict=True
        )
    ]
    return tuple(sorted(rows, key=lambda row: -row.tau.value))
