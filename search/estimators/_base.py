"""The two numbers a search trades: how good an architecture is, and how long it takes."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hwprof.architecture import Architecture

FloatArray = npt.NDArray[np.float64]


class TaskEstimator(abc.ABC):
    """How good architectures are at their task; more is better.

    Attributes:
        name: printed beside every value; the name of a proxy ends in ``-proxy``.
        is_proxy: whether values only rank architectures and measure no task.
    """

    name: ClassVar[str]
    is_proxy: ClassVar[bool]

    @abc.abstractmethod
    def scores(self, architectures: Sequence[Architecture]) -> FloatArray:
        """One finite score for each architecture, (n,)."""


class LatencyEstimator(abc.ABC):
    """How long architectures take on the target; less is better.

    Attributes:
        name: where the numbers come from, kept with a stored study.
    """

    name: str

    @abc.abstractmethod
    def latencies_us(self, architectures: Sequence[Architecture]) -> FloatArray:
        """One latency in microseconds for each architecture, (n,)."""
