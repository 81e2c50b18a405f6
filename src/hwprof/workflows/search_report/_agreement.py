"""Whether ranking detectors by their float precision would have chosen the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau, spearmanr

from hwprof.workflows.search_report._values import Interval, Trial

_RESAMPLES = 1000
_LEVEL = 0.95
_FEWEST = 3


@dataclass(frozen=True, slots=True)
class Agreement:
    """Float and int8 AP50 of the same trials, compared.

    Attributes:
        n: trials that have both.
        kendall_tau, spearman: between -1 and 1; tau (tau-b) with its 95 % bootstrap interval over
            trials.
        lost: mean of float AP50 minus int8 AP50.
        by_int8, by_float: the trial within the budget that each ranking puts first.
        cost: int8 AP50 lost by choosing by float AP50.
    """

    n: int
    kendall_tau: Interval
    spearman: float
    lost: float
    by_int8: str
    by_float: str
    cost: float

    @property
    def winner_changes(self) -> bool:
        """Whether the two rankings choose different detectors."""
        return self.by_int8 != self.by_float


def agreement(trials: Sequence[Trial], budget_us: float | None) -> Agreement | None:
    """Both rankings of the trials; None where fewer than three, or equal ones, were ranked by both.

    Source of tau-b: Kendall, Biometrika 33 (1945), as scipy computes it.
    """
    pairs = [(t, t.ap50_float) for t in trials if t.ap50_float is not None]
    values = np.array([(t.ap50_int8, value) for t, value in pairs]).reshape(-1, 2)
    if len(pairs) < _FEWEST or (np.ptp(values, axis=0) == 0).any():
        return None
    limit = float("inf") if budget_us is None else budget_us
    allowed = [pair for pair in pairs if pair[0].latency_us <= limit] or pairs
    by_int8 = max(allowed, key=lambda pair: pair[0].ap50_int8)[0]
    by_float = max(allowed, key=lambda pair: pair[1])[0]
    return Agreement(
        n=len(pairs),
        kendall_tau=_tau(values),
        spearman=float(spearmanr(values[:, 0], values[:, 1]).statistic),
        lost=float(np.mean(values[:, 1] - values[:, 0])),
        by_int8=by_int8.arch,
        by_float=by_float.arch,
        cost=by_int8.ap50_int8 - by_float.ap50_int8,
    )


def _tau(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Interval:
    generator = np.random.default_rng(0)
    draws = [values[generator.integers(len(values), size=len(values))] for _ in range(_RESAMPLES)]
    taus = [kendalltau(d[:, 0], d[:, 1]).statistic for d in draws if (np.ptp(d, axis=0) > 0).all()]
    margin = (1 - _LEVEL) / 2
    low, high = np.quantile(taus, [margin, 1 - margin])
    return Interval(
        float(kendalltau(values[:, 0], values[:, 1]).statistic), float(low), float(high)
    )
