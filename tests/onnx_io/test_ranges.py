"""What follows from the ranges of inputs holds every value that they can make."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.graph import (
    Activation,
    Add,
    Concat,
    Conv2d,
    Mul,
    QuantParams,
    Sub,
    Unary,
    UnaryFunction,
)
from hwprof.onnx_io._ranges import params_of_result

LEVELS = np.arange(-128, 128)
PARAMS = st.builds(QuantParams, st.floats(2**-10, 2**4, allow_nan=False), st.integers(-128, 127))


def reals(params):
    """The 256 real numbers of a tensor."""
    return params.scale * (LEVELS - params.zero_point)


@pytest.mark.parametrize(
    ("op", "compute"),
    [
        (Add(), np.add),
        (Sub(), np.subtract),
        (Mul(), np.multiply),
        (Add(activation=Activation.RELU), lambda a, b: np.maximum(a + b, 0)),
        (Mul(activation=Activation.RELU6), lambda a, b: np.clip(a * b, 0, 6)),
    ],
)
@given(first=PARAMS, second=PARAMS)
def test_every_pair_of_levels_is_covered(op, compute, first, second):
    """The result of any two levels is at most half a step from a level of the result."""
    params = params_of_result(op, [first, second])

    values = compute(*np.meshgrid(reals(first), reals(second)))
    held = reals(params)
    assert -128 <= params.zero_point <= 127
    assert values.max() <= held.max() + 0.51 * params.scale
    assert values.min() >= held.min() - 0.51 * params.scale


@given(PARAMS)
def test_negation_loses_nothing(source):
    """The levels of -x are those of x the other way round."""
    op = Unary(function=UnaryFunction.AFFINE, parameters=(-1.0, 0.0))

    params = params_of_result(op, [source])

    np.testing.assert_allclose(reals(params)[::-1], -reals(source), atol=0.51 * source.scale)


@given(PARAMS, PARAMS)
def test_a_union_holds_both(first, second):
    """Concatenated tensors lie in the range of the result."""
    held = reals(params := params_of_result(Concat(), [first, second]))

    for part in (first, second):
        assert reals(part).max() <= held.max() + 0.51 * params.scale
        assert reals(part).min() >= held.min() - 0.51 * params.scale


def test_sums_of_products_have_no_range_worth_having():
    """A convolution's output follows from its calibration only."""
    op = Conv2d(kernel_h=1, kernel_w=1, out_channels=1)

    assert params_of_result(op, [QuantParams(1.0, 0)]) is None
