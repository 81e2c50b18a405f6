"""Estimators of the two objectives."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from hwprof.errors import UnknownNameError
from hwprof.search.estimators._base import FloatArray, LatencyEstimator, TaskEstimator
from hwprof.search.estimators._latency import GivenLatency
from hwprof.search.estimators._proxies import FlopsProxy, ParametersProxy

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
    "FloatArray",
    "FlopsProxy",
    "GivenLatency",
    "LatencyEstimator",
    "ParametersProxy",
    "TaskEstimator",
    "get_task",
]
