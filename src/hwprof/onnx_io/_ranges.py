"""Parameters of tensors that a QDQ file leaves in floating point, from what they can hold.

A quantiser skips operators that it does not know, and an operator at the end of a network. What
follows an element-wise operator is bounded by what its inputs can hold, so the 256 levels that
cover that range lose nothing but resolution. Sums of many products have no such bound worth
having: they stay refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from hwprof.functions import values_of
from hwprof.graph import Activation, Add, Concat, Mul, Op, QuantParams, Sub, Unary

Range = tuple[float, float]
_SMALLEST = float(np.finfo(np.float32).tiny)
_LEVELS = np.arange(-128, 128, dtype=np.float64)
_CLAMPS = {
    Activation.NONE: (-np.inf, np.inf),
    Activation.RELU: (0.0, np.inf),
    Activation.RELU6: (0.0, 6.0),
}


def params_of_result(op: Op, inputs: Sequence[QuantParams]) -> QuantParams | None:
    """Parameters that cover all an operator can make of its inputs; None if nothing bounds it."""
    rule = _RULES.get(type(op))
    return None if rule is None else covering(*rule(op, inputs))


def covering(low: float, high: float) -> QuantParams:
    """The parameters whose 256 levels cover [low, high] and zero."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max(high - low, _SMALLEST) / 255
    return QuantParams(scale, int(np.clip(round(-128 - low / scale), -128, 127)))


def _range_of(params: QuantParams) -> Range:
    return params.scale * (-128 - params.zero_point), params.scale * (127 - params.zero_point)


def _clamped(op: Add | Sub | Mul, low: float, high: float) -> Range:
    bounds = np.clip((low, high), *_CLAMPS[op.activation])
    return float(bounds[0]), float(bounds[1])


def _sum(op: Add, inputs: Sequence[QuantParams]) -> Range:
    (low, high), (other_low, other_high) = map(_range_of, inputs)
    return _clamped(op, low + other_low, high + other_high)


def _difference(op: Sub, inputs: Sequence[QuantParams]) -> Range:
    (low, high), (other_low, other_high) = map(_range_of, inputs)
    return _clamped(op, low - other_high, high - other_low)


def _product(op: Mul, inputs: Sequence[QuantParams]) -> Range:
    corners = [a * b for a, b in product(*map(_range_of, inputs))]
    return _clamped(op, min(corners), max(corners))


def _function(op: Unary, inputs: Sequence[QuantParams]) -> Range:
    (params,) = inputs
    values = values_of(op, params.scale * (_LEVELS - params.zero_point))
    return float(values.min()), float(values.max())


def _union(op: Concat, inputs: Sequence[QuantParams]) -> Range:
    del op
    ranges = [_range_of(params) for params in inputs]
    return min(low for low, _ in ranges), max(high for _, high in ranges)


_RULES: dict[type[Op], Callable[[Any, Sequence[QuantParams]], Range]] = {
    Add: _sum,
    Concat: _union,
    Mul: _product,
    Sub: _difference,
    Unary: _function,
}
