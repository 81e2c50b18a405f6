"""Task estimators that come in as a function: whatever trains a design lives outside the search."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hwprof.search.design import Design
from hwprof.search.estimators._base import FloatArray, Judgement, TaskEstimator


class GivenTask(TaskEstimator):
    """Scores from a function of one design.

    Args:
        name: printed beside every value, and kept with a study.
        judge: trains or looks up one design; asked once for each point that a study tries.
        is_proxy: whether its values only rank designs and measure no task.
    """

    def __init__(
        self, name: str, judge: Callable[[Design], Judgement], *, is_proxy: bool = False
    ) -> None:
        self.name = name
        self.is_proxy = is_proxy
        self._judge = judge

    def judge(self, design: Design) -> Judgement:
        return self._judge(design)

    def scores(self, designs: Sequence[Design]) -> FloatArray:
        return np.array([self._judge(design).score for design in designs], np.float64)
