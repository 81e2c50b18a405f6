"""The 256 int8 entries of each scalar function, in the arithmetic of TFLite's reference kernels.

Notation: q is an int8 input, entry q + 128 its output; s and z are scale and zero point of the
input, t and y those of the output. What TFLite computes in float32 is computed in float32 here.
A table costs the board the same whatever computed it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError
from hwprof.graph import (
    Activation,
    Lookup,
    LookupFunction,
    Op,
    QuantParams,
    Scalar,
    ScalarArithmetic,
)
from hwprof.profiler.fixed_point import (
    INT8_MAX,
    INT8_MIN,
    INT32_MAX,
    Int64,
    Multiplier,
    quantise_multiplier,
    rescale,
    round_shift,
)
from hwprof.profiler.lowering.sums import sum_scales

_INT16_MAX = (1 << 15) - 1
_INT16_BITS = 15
_HIGH_BITS = 7  # hard swish raises an input of 9 bits to 16
_REAL_THREE = 1 << 15  # 3.0 in hard swish's fixed point

# Smallest and largest real number that each function lets through.
_UNBOUNDED = (-np.inf, np.inf)
_BOUNDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        Activation.NONE: _UNBOUNDED,
        Activation.RELU: (0.0, np.inf),
        Activation.RELU6: (0.0, 6.0),
        LookupFunction.RELU_N1_TO_1: (-1.0, 1.0),
    }
)

Params = tuple[QuantParams, QuantParams]
Float32 = npt.NDArray[np.float32]


def tflite_table(op: Op, source: QuantParams, target: QuantParams) -> bytes:
    """256 int8 entries: entry q + 128 is what the operator makes of the input q.

    Raises:
        ModelError: scales so far apart that TFLite's fixed point cannot hold their ratio.
    """
    inputs = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64)
    outputs = _TABLES[type(op)](op, inputs, (source, target))
    return np.clip(outputs, INT8_MIN, INT8_MAX).astype(np.int8).tobytes()


def activation_bounds(
    activation: Activation | LookupFunction, output: QuantParams
) -> tuple[int, int]:
    """Smallest and largest int8 output that a function lets through (kernels/kernel_util.cc)."""
    low, high = (_bound(real, output) for real in _BOUNDS[activation])
    return max(low, INT8_MIN), min(high, INT8_MAX)


def _bound(real: float, output: QuantParams) -> int:
    if np.isinf(real):
        return int(np.copysign(INT32_MAX, real))
    steps = _round_half_away(np.float32(real) / np.float32(output.scale))
    return int(np.clip(steps, -INT32_MAX, INT32_MAX)) + output.zero_point


def _round_half_away(values: Any) -> npt.NDArray[np.float64]:
    wide = np.asarray(values, np.float64)
    rounded: npt.NDArray[np.float64] = np.copysign(np.floor(np.abs(wide) + 0.5), wide)
    return rounded


def mul_factor(first: QuantParams, second: QuantParams, output: QuantParams) -> float:
    """The rescaling factor of a product, in float32 as TFLite has it (kernels/mul.cc)."""
    with np.errstate(all="ignore"):
        factor = np.float32(first.scale) * np.float32(second.scale) / np.float32(output.scale)
    return float(factor)


def _ratio(source: QuantParams, target: QuantParams, factor: float = 1.0) -> float:
    """S * factor / t, in float32 (kernels/activations.cc)."""
    with np.errstate(all="ignore"):
        ratio = np.float32(source.scale) * np.float32(factor) / np.float32(target.scale)
    return float(ratio)


def _scaled(values: Int64, ratio: float) -> Int64:
    """Values times a real factor that is not negative."""
    return rescale(values, *quantise_multiplier(ratio)) if ratio else np.zeros_like(values)


# Clipping, and a slope for each side of zero


def _clipped(op: Lookup, inputs: Int64, params: Params) -> Int64:
    source, target = params
    scaled = _scaled(inputs - source.zero_point, _ratio(source, target)) + target.zero_point
    return np.clip(scaled, *activation_bounds(op.function, target))


def _leaky_relu(op: Lookup, inputs: Int64, params: Params) -> Int64:
    source, target = params
    values = inputs - source.zero_point
    kept, sloped = _scaled(values, _ratio(*params)), _scaled(values, _ratio(*params, op.alpha))
    return np.where(values >= 0, kept, sloped) + target.zero_point


# Functions that TFLite itself runs as a table (kernels/internal/common.h, LUTPopulate)


def _sigmoid(values: Float32) -> Float32:
    return np.float32(1) / (np.float32(1) + _in_double(np.exp, -values))


def _tanh(values: Float32) -> Float32:
    return _in_double(np.tanh, values)


def _in_double(function: Callable[..., Any], values: Float32) -> Float32:
    """A float32 function as a good C library has it: rounded once."""
    with np.errstate(over="ignore"):
        result: Float32 = function(values.astype(np.float64)).astype(np.float32)
    return result


def _populated(function: Callable[[Float32], Float32], inputs: Int64, params: Params) -> Int64:
    source, target = params
    values = np.float32(source.scale) * (inputs - source.zero_point).astype(np.float32)
    inverse = np.float32(1) / np.float32(target.scale)
    steps = _round_half_away(function(values) * inverse)
    return np.clip(steps, -INT32_MAX, INT32_MAX).astype(np.int64) + target.zero_point


# Hard swish: x * relu6(x + 3) / 6 in 16-bit fixed point (reference/hard_swish.h)


def _hard_swish(op: Lookup, inputs: Int64, params: Params) -> Int64:
    del op
    source, target = params
    raised_scale = np.float32(1 / (1 << _HIGH_BITS)) * np.float32(source.scale)
    factor = quantise_multiplier(float(raised_scale / np.float32(target.scale)))
    if not -_INT16_BITS <= factor.shift <= 0:  # beyond, 16 bits overflow in the reference too
        raise ModelError(
            "hard swish's output scale lies between 1/128 and 256 times its input's; got "
            f"{target.scale:g} for {source.scale:g}; convert the model again."
        )
    raised = (inputs - source.zero_point) << _HIGH_BITS
    share = _share_of_six(raised, raised_scale)
    product = share * _high_mul16(raised, _int16(factor))
    # This one product is cut off towards zero: rounded, it would add the biases of two roundings.
    cut = np.sign(product) * (np.abs(product) >> _INT16_BITS)
    return round_shift(cut, -factor.shift) + target.zero_point


def _share_of_six(raised: Int64, raised_scale: np.float32) -> Int64:
    """relu6(x + 3) / 6 as a fraction of 2^15, from x in steps of ``raised_scale``."""
    factor = quantise_multiplier(float(raised_scale / np.float32(3.0 / _REAL_THREE)))
    left = max(factor.shift, 0)
    scaled = _high_mul16(_saturate16(raised << max(left - 1, 0)), _int16(factor))
    scaled = _saturate16(scaled << min(left, 1))
    scaled = round_shift(scaled, max(-factor.shift, 0))
    return (scaled + _REAL_THREE) >> 1


def _saturate16(values: Int64) -> Int64:
    return np.clip(values, -_INT16_MAX - 1, _INT16_MAX)


def _high_mul16(values: Int64, multiplier: int) -> Int64:
    """(a * b + 2^14) >> 15: the 16-bit form of ``doubling_high_mul``."""
    product: Int64 = (values * multiplier + (1 << (_INT16_BITS - 1))) >> _INT16_BITS
    return product


def _int16(factor: Multiplier) -> int:
    return min((factor.multiplier + (1 << 15)) >> 16, _INT16_MAX)


def _logistic(op: Lookup, inputs: Int64, params: Params) -> Int64:
    del op
    return _populated(_sigmoid, inputs, params)


def _hyperbolic(op: Lookup, inputs: Int64, params: Params) -> Int64:
    del op
    return _populated(_tanh, inputs, params)


_FUNCTIONS: Mapping[LookupFunction, Callable[[Lookup, Int64, Params], Int64]] = MappingProxyType(
    {
        LookupFunction.RELU: _clipped,
        LookupFunction.RELU6: _clipped,
        LookupFunction.RELU_N1_TO_1: _clipped,
        LookupFunction.LEAKY_RELU: _leaky_relu,
        LookupFunction.LOGISTIC: _logistic,
        LookupFunction.TANH: _hyperbolic,
        LookupFunction.HARD_SWISH: _hard_swish,
    }
)


def _lookup(op: Lookup, inputs: Int64, params: Params) -> Int64:
    return _FUNCTIONS[op.function](op, inputs, params)


# Arithmetic with a constant: the kernels of two operands, one of them always the same


def _scalar(op: Scalar, inputs: Int64, params: Params) -> Int64:
    source, target = params
    constant = QuantParams(op.scale, op.zero_point)
    operands = inputs - source.zero_point, np.full_like(inputs, op.value - op.zero_point)
    results = _SCALARS[op.function](operands, (source, constant, target))
    return np.clip(results + target.zero_point, *activation_bounds(op.activation, target))


def _product(operands: tuple[Int64, Int64], params: tuple[QuantParams, ...]) -> Int64:
    return rescale(operands[0] * operands[1], *quantise_multiplier(mul_factor(*params)))


def _sum(
    operands: tuple[Int64, Int64], params: tuple[QuantParams, ...], *, signs: tuple[int, int]
) -> Int64:
    scales = sum_scales(*params)
    first, second = (
        rescale(operand << scales.left_shift, *factor)
        for operand, factor in zip(operands, scales.inputs, strict=True)
    )
    return rescale(signs[0] * first + signs[1] * second, *scales.output)


_SCALARS: Mapping[ScalarArithmetic, Callable[..., Int64]] = MappingProxyType(
    {
        ScalarArithmetic.ADD: lambda *both: _sum(*both, signs=(1, 1)),
        ScalarArithmetic.SUBTRACT: lambda *both: _sum(*both, signs=(1, -1)),
        ScalarArithmetic.SUBTRACT_FROM: lambda *both: _sum(*both, signs=(-1, 1)),
        ScalarArithmetic.MULTIPLY: _product,
    }
)

_TABLES: Mapping[type[Op], Callable[[Any, Int64, Params], Int64]] = MappingProxyType(
    {Lookup: _lookup, Scalar: _scalar}
)
