"""Counts of the network itself: what every other strategy has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwprof.search.design import Design
from hwprof.search.estimators import FlopsProxy, ParametersProxy, TaskEstimator
from hwprof.search.performance._base import Evidence, FloatArray, Kind, Needs, Ready


class Count(Ready):
    """A proxy of the search's own, as a strategy."""

    kind: Kind = "count"
    needs = Needs()

    def __init__(self, name: str, title: str, proxy: TaskEstimator, source: str) -> None:
        self.name, self.title, self.source = name, title, source
        self._proxy = proxy

    def _scores(self, evidence: Sequence[Evidence]) -> FloatArray:
        return np.asarray(self._proxy.scores([Design(one.architecture) for one in evidence]))


_SOURCE = "White et al., A deeper look at zero-cost proxies (ICLR blog track 2022): as baselines"

COUNTS = (
    Count("flops", "FLOPs", FlopsProxy(), _SOURCE),
    Count("params", "params", ParametersProxy(), _SOURCE),
)
