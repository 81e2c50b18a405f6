"""Whether a latency estimate is good enough for what a search decides with it.

A candidate is a solution if its latency is at most the limit and below that of every other that
scores as much or more; it drives off the front those that score less and are no faster. So what
it changes turns at the latencies of the others, and at the limit, only: an interval that overlaps
none of these decides all, and one that lies above where the candidate is surely out does so too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Self

import numpy as np

from hwprof.search.estimators import FloatArray, LatencyEstimate
from hwprof.search.front import Indices


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """The latencies at which one candidate's place changes, in microseconds.

    Attributes:
        bar_us: slower than this it is surely no solution.
        turns_us: (n, 2) intervals in which something turns.
    """

    bar_us: float
    turns_us: FloatArray

    @classmethod
    def among(
        cls, others: Iterable[tuple[LatencyEstimate, float]], *, score: float, limit_us: float
    ) -> Self:
        """Where a candidate of a score stands.

        Args:
            others: estimate and score of each candidate known.
            score: the candidate's own.
            limit_us: the budget, infinite without one.
        """
        rows = [(e.low_us, e.high_us, other_score) for e, other_score in others]
        table = np.array(rows, np.float64).reshape(-1, 3)
        rivals = table[possible_indices(table, limit_us)]
        better = rivals[rivals[:, 2] >= score]
        bar_us = min(limit_us, better[:, 1].min(initial=inf))
        return cls(bar_us, np.vstack([rivals[:, :2], [limit_us, limit_us]]))

    def is_decided(self, estimate: LatencyEstimate) -> bool:
        """Whether every latency of the interval leads to the same front."""
        if estimate.low_us > self.bar_us:
            return True
        low_us, high_us = self.turns_us.T
        return not ((low_us < estimate.high_us) & (estimate.low_us <= high_us)).any()


def possible_indices(table: FloatArray, limit_us: float) -> Indices:
    """Candidates that may be on the front, the best score first: no other surely beats them.

    Args:
        table: (n, 3) columns low_us, high_us and score.
        limit_us: the budget, infinite without one.
    """
    order: Indices = np.lexsort((table[:, 1], -table[:, 2]))
    order = order[table[order, 0] <= limit_us]
    low_us, high_us, _ = table[order].T
    bar_us = np.minimum.accumulate(np.append(inf, high_us))[:-1]
    possible: Indices = order[low_us < bar_us]
    return possible
