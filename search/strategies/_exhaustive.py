"""The front of the whole space by prediction; the task estimator sees that front only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.search.estimators import FlopsProxy
from hwprof.search.exhaustive import MOST_POINTS, exhaustive_front
from hwprof.search.spaces import Point, SearchSpace
from hwprof.search.strategies._base import Strategy

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from hwprof.search.problem import Problem

_RANKED_BY = FlopsProxy()


class Exhaustive(Strategy):
    """All architectures are predicted, and those that no other beats become the trials.

    An expensive task estimator cannot rank a whole space: a proxy does (FLOPs, unless the task is
    a proxy itself), and the task estimator judges what is on the proxy's front. A front of more
    architectures than trials is thinned evenly along its latencies, its ends kept.
    """

    name = "exhaustive"

    def prepared(self, problem: Problem, trials: int) -> Strategy:
        if not problem.latency.is_cheap or problem.space.size > MOST_POINTS:
            raise ConfigurationError(
                "an exhaustive search predicts every point of a space of at most "
                f"{MOST_POINTS:,}; got {problem.space.size:,} points of {problem.space.name} by "
                f"{problem.latency.name}; choose --latency surrogate, leave out --hpo, or choose "
                "another --sampler."
            )
        ranked = problem if problem.task.is_proxy else replace(problem, task=_RANKED_BY)
        points = [candidate.point for candidate in exhaustive_front(ranked).front()]
        kept = np.unique(np.linspace(0, len(points) - 1, trials).round().astype(int))
        return _GivenPoints(problem.space, [points[index] for index in kept.tolist()])

    def sampler(self, seed: int) -> BaseSampler:
        raise NotImplementedError  # a strategy that is not prepared has no points


class _GivenPoints(Strategy):
    """Points in their order, each that no trial of the study has or is at."""

    name: ClassVar[str] = Exhaustive.name

    def __init__(self, space: SearchSpace, points: Sequence[Point]) -> None:
        self.most_trials = len(points)
        self._parameters = [space.parameters_of(point) for point in points]

    def sampler(self, seed: int) -> BaseSampler:
        from hwprof.search.strategies._given_sampler import GivenSampler

        del seed
        return GivenSampler(self._parameters)
