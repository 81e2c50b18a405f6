"""Training-free proxies: counts that stand in for a task's quality and are none.

In the talk this search follows, FLOPs ranked 40 trained person detectors with a Kendall tau of
0.50, beside 0.52 of the best of 24 estimators (Lu et al.'s two-stage selection; the standard
error at 40 networks is 0.11, so the two are tied).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwprof.search.design import Design
from hwprof.search.estimators._base import FloatArray, TaskEstimator


class FlopsProxy(TaskEstimator):
    """FLOPs of one inference, 2 for each multiply-accumulate: larger networks learn more."""

    name = "flops-proxy"
    is_proxy = True

    def scores(self, designs: Sequence[Design]) -> FloatArray:
        return np.array([2.0 * design.architecture.macs for design in designs])


class ParametersProxy(TaskEstimator):
    """Trainable parameters, batch normalisation included; blind to the input size."""

    name = "parameters-proxy"
    is_proxy = True

    def scores(self, designs: Sequence[Design]) -> FloatArray:
        counts = (design.architecture.parameters_with_batch_norm for design in designs)
        return np.fromiter(counts, np.float64, len(designs))
