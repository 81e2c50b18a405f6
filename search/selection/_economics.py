"""What a search costs by each estimator: asking it, training its choice, choosing whom to ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hwprof.search.selection._prices import Prices
from hwprof.search.selection._ranking import Ranking, Scored

Origin: TypeAlias = Literal["measured", "extrapolated", "published"]

PUBLISHED_SOURCE = (
    "NXP, person detection by random search: H. Rayo Torres Rodriguez, Leveraging Neural "
    "Architecture Search for Efficient Computer Vision at the Edge, Embedded Vision Summit 2024; "
    "early stopping: W. Sanberg, Neural Architecture Search for Efficient Edge AI, 10 March 2025"
)
PUBLISHED_NOTE = (
    "the totals are said to contain the selection by about 40 trained samples; if trainings took "
    "800 s, as 120 trials of 96,000 s would, 40 are 32,000 s, more than two of the totals have"
)
FULL_TRAINING = "full training"
_COMPARED = ("early-stop-ap", "bayesian-ridge", "flops")


@dataclass(frozen=True, slots=True)
class CostRow:
    """Seconds of one search.

    Attributes:
        queries: designs that it asks about; None where nobody says.
        search_s: of all of them.
        after_s: of the full trainings of its short list.
        samples_s: of the trainings that chose or fitted the estimator; None where nobody says.
        origin: ``measured`` where the search was run; ``extrapolated`` is seconds of a measured
            query, or of a measured training, times their number.
    """

    estimator: str
    queries: int | None
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
    CostRow(FULL_TRAINING, None, 96_000, 0, None, "published"),
    CostRow("early stopping", None, 20_000, 14_400, None, "published"),
    CostRow("Bayesian ridge", None, 30, 6_400, None, "published"),
    CostRow("FLOPs", None, 6, 9_600, None, "published"),
)
"""SEARCH-FACTS C.3: 120 trials of 800 s, short lists of 18, 8 and 12."""


def full_training(prices: Prices) -> CostRow:
    """A search that trains all that it asks about, extrapolated."""
    search_s = prices.trials * prices.training_s
    return CostRow(FULL_TRAINING, prices.trials, search_s, 0, 0, "extrapolated")


def economics(ranking: Ranking, samples_s: float) -> tuple[CostRow, ...]:
    """Our case, extrapolated: full training first, then those that the talk compared and ours.

    Args:
        samples_s: of the trainings that ranked them.
    """
    prices = ranking.prices
    return full_training(ranking.prices), *(
        CostRow(
            row.strategy.title,
            prices.queries(row.strategy),
            ranking.search_s(row),
            ranking.after_s(row),
            samples_s,
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
