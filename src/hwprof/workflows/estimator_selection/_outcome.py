"""What a selection of estimators found, as it is printed and read by programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from math import isnan
from pathlib import Path

from hwprof.search.selection import (
    FULL_TRAINING,
    PUBLISHED,
    PUBLISHED_NOTE,
    PUBLISHED_SOURCE,
    SIZE_RULE,
    Advice,
    CostRow,
    Ranking,
    Scored,
    economics,
)
from hwprof.workflows.estimator_selection._full_search import FullSearch
from hwprof.workflows.estimator_selection._second_stage import Listed


@dataclass(frozen=True, slots=True)
class SecondStage:
    """A search by the chosen estimator, its short list trained.

    Attributes:
        walk: ``exhaustive``, or the strategy that asked for ``queries`` designs.
        search_s, after_s: of the queries, and of the short list's trainings.
        samples_s: of the samples that are not on the short list.
        listed: the short list, by the estimator's score.
        best: the best of that and of the samples within the budget, on the pictures for selection.
        reported: int8 AP50 of the best on pictures that nothing was chosen by.
        full_search: the same budget searched by full training.
        full_reported: as ``reported``, of that search's best; None where none is known.
    """

    estimator: str
    budget_us: float | None
    walk: str
    queries: int
    search_s: float
    after_s: float
    samples_s: float
    listed: tuple[Listed, ...]
    best: Listed
    reported: float
    full_search: FullSearch
    full_reported: float | None = None

    @property
    def is_of_samples(self) -> bool:
        """Whether a sample is better than all of the short list."""
        return self.best not in self.listed

    @property
    def total_s(self) -> float:
        """Without the samples of stage one."""
        return self.search_s + self.after_s

    @property
    def whole_s(self) -> float:
        """With them."""
        return self.total_s + self.samples_s

    def to_json(self) -> dict[str, object]:
        """The documented object."""
        best = self.best
        return {
            "estimator": self.estimator,
            "budget_us": self.budget_us,
            "walk": self.walk,
            "queries": self.queries,
            "search_s": self.search_s,
            "after_s": self.after_s,
            "total_s": self.total_s,
            "whole_s": self.whole_s,
            "short_list_rule": SIZE_RULE,
            "short_list": [_listed(one) for one in self.listed],
            "best": {
                **_listed(best),
                "ap50_int8_reported": self.reported,
                "is_of_samples": self.is_of_samples,
            },
            "full_search": self._compared(),
        }

    def measured(self, row: CostRow) -> CostRow:
        """A row of the costs as it was measured, where this search or the full one was run."""
        full = self.full_search
        if row.estimator == FULL_TRAINING and full.origin == "measured":
            return replace(
                row, queries=len(full.seconds), search_s=full.seconds[-1], origin="measured"
            )
        if row.estimator == self.estimator:
            return replace(
                row,
                queries=self.queries,
                search_s=self.search_s,
                after_s=self.after_s,
                samples_s=self.samples_s,
                origin="measured",
            )
        return row

    def _compared(self) -> dict[str, object]:
        full, quality = self.full_search, self.best.trained.ap50_int8
        return {
            "origin": full.origin,
            "source": full.source,
            "trainings": len(full.seconds),
            "seconds": full.seconds[-1],
            "seconds_beyond_budget": full.beyond_s,
            "best": full.best[-1],
            "best_reported": self.full_reported,
            "designs_as_good": full.as_good(quality),
            "trainings_to_equal": full.trainings_to(quality),
            "seconds_to_equal": full.seconds_to(quality),
            "best_in_total_s": full.best_within(self.total_s),
            "best_in_whole_s": full.best_within(self.whole_s),
        }


@dataclass(frozen=True, slots=True)
class Selection:
    """Both stages.

    Attributes:
        task: what a full training measures.
        samples_s: of all samples' full trainings.
        judging_s: at most what broken-off trainings and zero-cost answers of the samples took.
        n_diverged: samples whose training diverged; their quality is 0.
        second: None where stage two was not asked for.
        saved: file of the fitted estimator; None where none can be saved.
        saved_name: the strategy in it.
    """

    space: str
    task: str
    ranking: Ranking
    samples_s: float
    judging_s: float
    n_diverged: int
    advice: Advice
    second: SecondStage | None
    saved: Path | None
    saved_name: str

    @property
    def training_s(self) -> float:
        """Mean seconds of a full training that ended."""
        return self.ranking.prices.training_s

    @property
    def economics(self) -> tuple[CostRow, ...]:
        """Our rows, full training first; measured where stage two was, else extrapolated."""
        rows = economics(self.ranking, self.samples_s)
        return rows if self.second is None else tuple(map(self.second.measured, rows))

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof estimators --json`` prints."""
        rows = self.economics
        return {
            "space": self.space,
            "space_size": self.ranking.prices.space_size,
            "task": self.task,
            "samples": self.ranking.n_samples,
            "training_s": self.training_s,
            "samples_s": self.samples_s,
            "judging_s": self.judging_s,
            "samples_diverged": self.n_diverged,
            "strategies": [_scored(row) for row in self.ranking.scored],
            "unscored": [
                {"strategy": one.strategy.name, "reason": one.reason}
                for one in self.ranking.unscored
            ],
            "top": [row.strategy.name for row in self.ranking.top],
            "chosen": self.ranking.chosen.strategy.name,
            "chosen_beats_chance": self.ranking.chosen.beats_chance,
            "economics": [row.to_json(rows[0]) for row in rows],
            "published_economics": {
                "source": PUBLISHED_SOURCE,
                "note": PUBLISHED_NOTE,
                "rows": [row.to_json(PUBLISHED[0]) for row in PUBLISHED],
            },
            "second_stage": self.second.to_json() if self.second else None,
            "advice": asdict(self.advice),
            "estimator_file": str(self.saved) if self.saved else None,
            "estimator_saved": self.saved_name,
        }


def _scored(row: Scored) -> dict[str, object]:
    return {
        "strategy": row.strategy.name,
        "kind": row.strategy.kind,
        "source": row.strategy.source,
        "needs": str(row.strategy.needs),
        "tau": asdict(row.tau),
        "tau_within_flops_bins": None if isnan(row.within.value) else asdict(row.within),
        "behind_first": asdict(row.behind),
        "is_top": row.is_top,
        "query_s": row.query_s,
        "fit_s": row.fit_s,
    }


def _listed(one: Listed) -> dict[str, object]:
    return {
        "arch": one.arch,
        "index": one.index,
        "score": one.score,
        "predicted_us": one.latency_us,
        "ap50_int8": one.trained.ap50_int8,
        "ap50_float": one.trained.ap50_float,
        "training_s": one.trained.seconds,
    }
