"""Which hypothesis a table speaks for.

Of each pair of measured and modelled time the logarithm of their ratio is taken, weighted by the
square root of the measured time, so that one large layer does not decide alone and a hundred small
ones do not drown it. A hypothesis is off by the root mean square of these, its bias included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp

import numpy as np

from hwprof.workflows.explanation.align import Pair
from hwprof.workflows.explanation.hypotheses import SAME

EXPLAINED_PERCENT = 15.0
"""A hypothesis that is farther off explains nothing; other kernels of one kind are (README)."""

_ALIKE = 1.25
_ALIKE_PERCENT = 0.5
"""Hypotheses within this factor, or this much, of the best one are not told apart from it."""

_GAIN = 0.7
"""What a difference must leave of the error without one, to be named."""

Times = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Judgement:
    """How one hypothesis fares.

    Attributes:
        scale: factor on all its times that was fitted; 1 where none was.
        off_percent: weighted root mean square error of its times, as a ratio less one.
        bias_percent: weighted mean of measured above its times.
        spread_percent: what is left of ``off_percent`` without the bias.
    """

    name: str
    scale: float
    off_percent: float
    bias_percent: float
    spread_percent: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a table speaks for.

    Attributes:
        cause: the simplest of the best; empty where none explains the table.
        alike: others that explain it as well.
    """

    cause: str
    alike: tuple[str, ...]
    judgements: tuple[Judgement, ...]

    def of(self, name: str) -> Judgement:
        """The judgement of one hypothesis."""
        return next(judgement for judgement in self.judgements if judgement.name == name)

    @property
    def best(self) -> Judgement:
        """The one that is least off."""
        return min(self.judgements, key=lambda judgement: judgement.off_percent)


def modelled_time(pair: Pair, times: Times) -> float:
    """Time of a pair's layers, 0 for those that run no code."""
    return sum(times.get(name, 0.0) for name in pair.layers)


def judge(name: str, pairs: Sequence[Pair], times: Times, *, scaled: bool = False) -> Judgement:
    """Hold one hypothesis against a table.

    Args:
        times: modelled time of each layer, in the table's unit.
        scaled: whether one factor on all times is free.
    """
    counted = [pair for pair in pairs if pair.measured > 0 and modelled_time(pair, times) > 0]
    measured = np.array([pair.measured for pair in counted])
    errors = np.log(measured / [modelled_time(pair, times) for pair in counted])
    weights = np.sqrt(measured) / np.sqrt(measured).sum()
    bias = float(weights @ errors)
    spread = float(np.sqrt(weights @ (errors - bias) ** 2))
    scale = exp(bias) if scaled else 1.0
    rest = 0.0 if scaled else bias
    return Judgement(
        name, scale, _percent(float(np.hypot(rest, spread))), _percent(bias), _percent(spread)
    )


def _percent(log_ratio: float) -> float:
    return 100 * (exp(log_ratio) - 1)


def decide(judgements: Sequence[Judgement]) -> Verdict:
    """Name the cause, or none.

    Args:
        judgements: in the order of simplicity, ``as modelled`` first.
    """
    same = next(judgement for judgement in judgements if judgement.name == SAME)
    best = min(judgements, key=lambda judgement: judgement.off_percent)
    reach = max(_ALIKE * best.off_percent, best.off_percent + _ALIKE_PERCENT)
    near = [judgement.name for judgement in judgements if judgement.off_percent <= reach]
    is_clear = SAME not in near and best.off_percent <= _GAIN * same.off_percent
    cause = near[0] if is_clear else SAME
    named = best if is_clear else same
    if named.off_percent > EXPLAINED_PERCENT:
        return Verdict("", (), tuple(judgements))
    return Verdict(cause, tuple(name for name in near if name != cause), tuple(judgements))
