"""Scalar functions at points where their values are known, and their parameters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.blocks import BLOCK_TYPES, BlockConfig
from hwprof.errors import ModelError
from hwprof.functions import FUNCTIONS, parameters_of, values_of
from hwprof.graph import Unary, UnaryFunction

POINTS = np.array([-4.0, -1.0, 0.0, 1.0, 4.0, 8.0])
KNOWN = {
    UnaryFunction.ABS: [4, 1, 0, 1, 4, 8],
    UnaryFunction.AFFINE: [-4, -1, 0, 1, 4, 8],
    UnaryFunction.CLIP: [0, 0, 0, 1, 4, 6],
    UnaryFunction.ELU: [np.exp(-4) - 1, np.exp(-1) - 1, 0, 1, 4, 8],
    UnaryFunction.HARD_SIGMOID: [0, 0.3, 0.5, 0.7, 1, 1],
    UnaryFunction.HARD_SWISH: [0, -1 / 3, 0, 2 / 3, 4, 8],
    UnaryFunction.LEAKY_RELU: [-0.04, -0.01, 0, 1, 4, 8],
    UnaryFunction.RELU: [0, 0, 0, 1, 4, 8],
    UnaryFunction.RELU6: [0, 0, 0, 1, 4, 6],
    UnaryFunction.SIGMOID: 1 / (1 + np.exp(-POINTS)),
    UnaryFunction.TANH: np.tanh(POINTS),
}


@pytest.mark.parametrize("function", UnaryFunction)
def test_values(function: UnaryFunction):
    """Each function has the values of the ONNX operator of its name, with its defaults."""
    values = values_of(Unary(function=function), POINTS)

    np.testing.assert_allclose(values, KNOWN[function], rtol=0, atol=1e-12)


@pytest.mark.parametrize("function", UnaryFunction)
def test_bounds_hold(function: UnaryFunction):
    """A bounded function stays in its bounds and reaches them."""
    bounds = FUNCTIONS[function].bounds
    values = values_of(Unary(function=function), np.linspace(-50, 50, 1_001))

    if bounds is None:
        assert values.max() - values.min() > 5
    else:
        assert (values.min(), values.max()) == pytest.approx(bounds, abs=1e-9)


@pytest.mark.parametrize(
    ("function", "parameters", "value"),
    [
        (UnaryFunction.AFFINE, (-2.0, 0.5), -1.5),
        (UnaryFunction.CLIP, (-1.0, 0.25), 0.25),
        (UnaryFunction.HARD_SIGMOID, (0.125, 0.25), 0.375),
    ],
)
def test_parameters(function: UnaryFunction, parameters: tuple[float, ...], value: float):
    """Parameters replace the defaults, all of them."""
    assert values_of(Unary(function=function, parameters=parameters), np.ones(1)) == value


def test_wrong_number_of_parameters():
    """One parameter too few is refused with what the function takes."""
    with pytest.raises(ModelError, match=r"clip takes 2 parameters; got \[1\.0\]"):
        parameters_of(Unary(function=UnaryFunction.CLIP, parameters=(1.0,)))


numbers = st.floats(allow_nan=False, width=32)


@given(numbers, numbers)
def test_parameters_survive_as_a_block(low: float, high: float):
    """A block's key holds the parameters, infinite ones too, to the last digit."""
    block = BLOCK_TYPES["elementwise"]
    op = Unary(function=UnaryFunction.CLIP, parameters=(low, high))

    config = block.config_of(op, [(2, 3, 4)])

    assert block.operator(config) == op


def test_parameters_that_are_no_numbers():
    """A key written by hand is refused with the form it has."""
    config = BlockConfig.of(
        "elementwise", [(2, 3, 4)], kind="unary", function="clip", parameters="0.5xlots"
    )

    with pytest.raises(ModelError, match=r"numbers written like 0\.5x-1\.0; got '0\.5xlots'"):
        BLOCK_TYPES["elementwise"].operator(config)
