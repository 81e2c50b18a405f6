"""Estimators of the two objectives."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from hwprof.errors import UnknownNameError
from hwprof.search.estimators._base import (
    Details,
    FloatArray,
    Judgement,
    LatencyEstimator,
    TaskEstimator,
)
from hwprof.search.estimators._estimate import Kind, LatencyEstimate
from hwprof.search.estimators._latency import (
    BoardLatency,
    GivenLatency,
    PredictedLatency,
    SettledLatency,
)
from hwprof.search.estimators._proxies import FlopsProxy, ParametersProxy
from hwprof.search.estimators._tasks import GivenTask

if TYPE_CHECKING:
    from collections.abc import Mapping

TASKS: Mapping[str, TaskEstimator] = MappingProxyType(
    {task.name: task for task in (FlopsProxy(), ParametersProxy())}
)


def get_task(name: str) -> TaskEstimator:
    """The task estimator of that name.

    Raises:
        UnknownNameError: no such estimator; the message suggests the nearest.
    """
    if name not in TASKS:
        raise UnknownNameError("task estimator", name, TASKS)
    return TASKS[name]


__all__ = [
    "TASKS",
    "BoardLatency",
    "Details",
    "FloatArray",
    "FlopsProxy",
    "GivenLatency",
    "GivenTask",
    "Judgement",
    "Kind",
    "LatencyEstimate",
    "LatencyEstimator",
    "ParametersProxy",
    "PredictedLatency",
    "SettledLatency",
    "TaskEstimator",
    "get_task",
]
