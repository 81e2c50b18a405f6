"""What a search costs by each estimator: asking it, training its choice, choosing whom to ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hwprof.search.selection._ranking import Ranking, Scored

Origin: TypeAlias = Literal["measured", "extrapolated", "published"]

PUBLISHED_SOURCE = (
    "Lu et al., two-stage strategy selection for a person detector, talk of NXP and TU Eindhoven"
)
PUBLISHED_NOTE = (
    "the published totals are said to contain the selection, but 40 trainings of 800 s are "
    "32,000 s, more than two of the totals have; they cannot be in them"
)
_COMPARED = ("early-stop-ap", "bayesian-ridge", "flops")


@dataclass(frozen=True, slots=True)
class CostRow:
    """Seconds of one search.

    Attributes:
        queries: designs that it asks about.
        search_s: of all of them.
        after_s: of the full trainings of its short list.
        samples_s: of the trainings that chose or fitted the estimator; None where nobody says.
        origin: ``extrapolated`` is seconds of a measured query times a number of queries.
    """

    estimator: str
    queries: int
    search_s: float
    after_s: float
    samples_s: float | None
    origin: Origin

    @property
    def total_s(self) -> float:
        """Without the samples, as the published table counts."""
        return self.search_s + self.after_s

    @property
    def whole_s(self) -> float | None:
        """With the samples."""
        return None if self.samples_s is None else self.total_s + self.samples_s

    def to_json(self, full: CostRow) -> dict[str, object]:
        """The row, and how many times faster than ``full`` it is."""
        whole_s = self.whole_s
        return {
            "estimator": self.estimator,
            "origin": self.origin,
            "queries": self.queries,
            "search_s": self.search_s,
            "search_speed_up": full.search_s / self.search_s,
            "after_s": self.after_s,
            "total_s": self.total_s,
            "total_speed_up": full.total_s / self.total_s,
            "samples_s": self.samples_s,
            "whole_s": whole_s,
            "whole_speed_up": None if whole_s is None else full.total_s / whole_s,
        }


PUBLISHED = (
    CostRow("full training", 120, 96_000, 0, None, "published"),
    CostRow("early stopping", 120, 20_000, 14_400, None, "published"),
    CostRow("Bayesian ridge", 120, 30, 6_400, None, "published"),
    CostRow("FLOPs", 120, 6, 9_600, None, "published"),
)
"""SEARCH-FACTS C.3: 120 trials of 800 s, short lists of 18, 8 and 12."""


def economics(ranking: Ranking) -> tuple[CostRow, ...]:
    """Our case: full training first, then the strategies that the talk compared and the chosen."""
    prices = ranking.prices
    n_trials, training_s = prices.n_trials, prices.training_s
    full = CostRow("full training", n_trials, n_trials * training_s, 0, 0, "extrapolated")
    return full, *(
        CostRow(
            row.strategy.title,
            prices.queries(row.strategy),
            ranking.search_s(row),
            ranking.after_s(row),
            ranking.n_samples * training_s,
            "extrapolated",
        )
        for row in _compared(ranking)
    )


def _compared(ranking: Ranking) -> Iterable[Scored]:
    names = dict.fromkeys(
        (*_COMPARED, ranking.scored[0].strategy.name, ranking.chosen.strategy.name)
    )
    rows = (ranking.named(name) for name in names)
    return (row for row in rows if row is not None)
