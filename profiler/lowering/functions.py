"""The scalar functions that run as a 256-entry table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from hwprof.graph import QuantParams, UnaryFunction
from hwprof.profiler.fixed_point import INT8_MAX, INT8_MIN

Float64 = npt.NDArray[np.float64]


def _relu(values: Float64) -> Float64:
    return np.maximum(values, 0.0)


def _relu6(values: Float64) -> Float64:
    return np.clip(values, 0.0, 6.0)


def _sigmoid(values: Float64) -> Float64:
    # exp of minus the magnitude cannot overflow, on either side of zero
    small = np.exp(-np.abs(values))
    half: Float64 = np.where(values < 0, small, 1.0) / (1.0 + small)
    return half


def _tanh(values: Float64) -> Float64:
    return np.tanh(values)


UNARY_FUNCTIONS: Mapping[UnaryFunction, Callable[[Float64], Float64]] = MappingProxyType(
    {
        UnaryFunction.RELU: _relu,
        UnaryFunction.RELU6: _relu6,
        UnaryFunction.SIGMOID: _sigmoid,
        UnaryFunction.TANH: _tanh,
    }
)

# Smallest and largest value of the functions that are bounded on both sides by themselves.
UNARY_RANGES: Mapping[UnaryFunction, tuple[float, float]] = MappingProxyType(
    {UnaryFunction.SIGMOID: (0.0, 1.0), UnaryFunction.TANH: (-1.0, 1.0)}
)


def lookup_table(function: UnaryFunction, source: QuantParams, target: QuantParams) -> bytes:
    """256 int8 entries: entry q + 128 is the function's value at the real number q stands for."""
    steps = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.float64)
    values = UNARY_FUNCTIONS[function](source.scale * (steps - source.zero_point))
    quantised = np.rint(values / target.scale) + target.zero_point
    entries: npt.NDArray[np.int8] = np.clip(quantised, INT8_MIN, INT8_MAX).astype(np.int8)
    return entries.tobytes()
