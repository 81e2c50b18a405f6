"""The scalar functions of ``UnaryFunction``: their values, parameters and ranges.

Formulas are those of the ONNX operators of the same names (onnx/docs/Operators.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError
from hwprof.graph import Unary, UnaryFunction

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScalarFunction:
    """One function.

    Attributes:
        values: takes real numbers, then the parameters.
        defaults: of the parameters that a ``Unary`` may name, in order; empty without any.
        bounds: smallest and largest value, where the function has both by itself.
    """

    values: Callable[..., Float64]
    defaults: tuple[float, ...] = ()
    bounds: tuple[float, float] | None = None


def _relu(values: Float64) -> Float64:
    return np.maximum(values, 0.0)


def _clip(values: Float64, low: float = 0.0, high: float = 6.0) -> Float64:
    return np.clip(values, low, high)


def _sigmoid(values: Float64) -> Float64:
    # exp of minus the magnitude cannot overflow, on either side of zero
    small = np.exp(-np.abs(values))
    half: Float64 = np.where(values < 0, small, 1.0) / (1.0 + small)
    return half


def _tanh(values: Float64) -> Float64:
    return np.tanh(values)


def _leaky_relu(values: Float64, slope: float) -> Float64:
    return np.where(values < 0, slope * values, values)


def _hard_sigmoid(values: Float64, slope: float, offset: float) -> Float64:
    return np.clip(slope * values + offset, 0.0, 1.0)


def _hard_swish(values: Float64) -> Float64:
    return values * _hard_sigmoid(values, 1 / 6, 0.5)


def _elu(values: Float64, scale: float) -> Float64:
    return np.where(values < 0, scale * np.expm1(np.minimum(values, 0.0)), values)


def _absolute(values: Float64) -> Float64:
    return np.abs(values)


def _affine(values: Float64, slope: float, offset: float) -> Float64:
    return slope * values + offset


FUNCTIONS: Mapping[UnaryFunction, ScalarFunction] = MappingProxyType(
    {
        UnaryFunction.ABS: ScalarFunction(_absolute),
        UnaryFunction.AFFINE: ScalarFunction(_affine, (1.0, 0.0)),
        UnaryFunction.CLIP: ScalarFunction(_clip, (0.0, 6.0)),
        UnaryFunction.ELU: ScalarFunction(_elu, (1.0,)),
        UnaryFunction.HARD_SIGMOID: ScalarFunction(_hard_sigmoid, (0.2, 0.5), (0.0, 1.0)),
        UnaryFunction.HARD_SWISH: ScalarFunction(_hard_swish),
        UnaryFunction.LEAKY_RELU: ScalarFunction(_leaky_relu, (0.01,)),
        UnaryFunction.RELU: ScalarFunction(_relu),
        UnaryFunction.RELU6: ScalarFunction(_clip),
        UnaryFunction.SIGMOID: ScalarFunction(_sigmoid, bounds=(0.0, 1.0)),
        UnaryFunction.TANH: ScalarFunction(_tanh, bounds=(-1.0, 1.0)),
    }
)


def values_of(op: Unary, values: Float64) -> Float64:
    """The function's values at real numbers of any shape.

    Raises:
        ModelError: the operator names more or fewer parameters than its function has.
    """
    return FUNCTIONS[op.function].values(values, *parameters_of(op))


def parameters_of(op: Unary) -> tuple[float, ...]:
    """The operator's parameters, or its function's own where it names none.

    Raises:
        ModelError: it names more or fewer than its function has.
    """
    defaults = FUNCTIONS[op.function].defaults
    if op.parameters and len(op.parameters) != len(defaults):
        raise ModelError(
            f"{op.function} takes {len(defaults)} parameters; got {list(op.parameters)}."
        )
    return op.parameters or defaults
