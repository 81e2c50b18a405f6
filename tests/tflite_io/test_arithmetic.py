"""Element-wise operators compute what TFLite's reference computes, for every int8 input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.graph import Requantise, Scalar
from hwprof.testing.tflite import TfliteBuilder
from hwprof.tflite_io import read_tflite

EVERY = np.arange(-128, 128, dtype=np.int8)
FIRSTS, SECONDS = (grid.reshape(-1) for grid in np.meshgrid(EVERY, EVERY))
SCALES = st.floats(2**-13, 8, width=32)
ZERO_POINTS = st.integers(-128, 127)
PARAMS = st.fixed_dictionaries({"scale": SCALES, "zero_point": ZERO_POINTS})
FUNCTIONS = ("RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "HARD_SWISH", "LOGISTIC", "TANH")
NAMES = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}


def near(params: dict, factor: float) -> dict:
    """Parameters whose scale makes outputs of about the inputs' size."""
    return {**params, "scale": float(np.float32(factor))}


@pytest.mark.parametrize("code", NAMES)
@given(PARAMS, PARAMS, ZERO_POINTS, st.floats(0.1, 2), st.integers(0, 3))
def test_pairs(assert_exact, code, first, second, zero_point, spread, activation):
    """Sums, differences and products of all pairs of inputs."""
    ratio = first["scale"] * second["scale"] * 64 if code == "MUL" else max(
        first["scale"], second["scale"]
    )  # fmt: skip
    model = TfliteBuilder()
    a, b = (model.input((1, 256, 256, 1), **params) for params in (first, second))
    y = model.tensor((1, 256, 256, 1), **near({"zero_point": zero_point}, ratio * spread))
    model.operator(code, [a, b], [y], NAMES[code], FusedActivationFunction=activation)

    assert_exact(model.finish(y), FIRSTS, SECONDS)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("code", NAMES)
@given(PARAMS, PARAMS, st.integers(-128, 127), ZERO_POINTS, st.integers(0, 3))
def test_pairs_with_a_constant(assert_exact, code, place, given_, other, value, zero_point, act):
    """An operand that is one number makes the operator a table."""
    size = given_["scale"] * (1 if code == "MUL" else 2) * max(other["scale"], 0.01) * 50
    model = TfliteBuilder()
    x = model.input((1, 16, 16, 1), **given_)
    c = model.constant(
        np.array([value], np.int8), scales=[other["scale"]], zero_points=[other["zero_point"]]
    )
    y = model.tensor((1, 16, 16, 1), **near({"zero_point": zero_point}, size))
    operands = [c, x] if place == 0 else [x, c]
    model.operator(code, operands, [y], NAMES[code], FusedActivationFunction=act)

    assert_exact(model.finish(y), EVERY)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((1, 3, 4, 5), (1, 1, 1, 5)),
        ((1, 1, 1, 5), (1, 3, 4, 5)),
        ((1, 3, 4, 5), (1, 3, 4, 1)),
        ((1, 3, 1, 5), (1, 1, 4, 1)),
        ((1, 3, 4, 5), (5,)),
        ((1, 3, 4, 5), (1, 1, 1, 1)),
    ],
    ids=str,
)
@pytest.mark.parametrize("code", NAMES)
def test_broadcasts(assert_exact, code, first, second):
    """Axes of extent 1 are repeated, as a channel attention needs it."""
    model = TfliteBuilder()
    a, b = model.input(first, scale=0.02, zero_point=-5), model.input((1, *second)[-4:], scale=0.03)
    y = model.tensor((1, 3, 4, 5), scale=0.05)
    model.operator(code, [a, b], [y], NAMES[code])

    assert_exact(model.finish(y))


@pytest.mark.parametrize("code", FUNCTIONS)
@given(PARAMS, PARAMS, st.floats(0, 2, width=32))
def test_functions(assert_exact, code, source, target, alpha):
    """The whole table of each scalar function."""
    if code == "LOGISTIC":  # the reference's only output scale
        target = {**target, "scale": 1 / 256}
    if code == "HARD_SWISH":  # the reference's factor must not exceed 1, nor leave 16 bits
        ratio = min(max(target["scale"] / source["scale"], 1 / 127), 255)
        target = near(target, ratio * source["scale"])
    model = TfliteBuilder()
    x, y = model.input((1, 256), **source), model.tensor((1, 256), **target)
    options = ("LeakyReluOptions", {"Alpha": alpha}) if code == "LEAKY_RELU" else ("", {})
    model.operator(code, [x], [y], options[0], **options[1])

    assert_exact(model.finish(y), EVERY)


@given(st.floats(2**-10, 16, width=32), ZERO_POINTS, st.integers(1, 40))
def test_softmax(assert_exact, scale, zero_point, classes):
    """Rows of any length, at any scale of the logits."""
    model = TfliteBuilder()
    x = model.input((1, 2, 2, classes), scale=scale, zero_point=zero_point)
    y = model.tensor((1, 2, 2, classes), scale=1 / 256, zero_point=-128)
    model.operator("SOFTMAX", [x], [y], "SoftmaxOptions", Beta=1.0)

    assert_exact(model.finish(y))


@given(PARAMS, PARAMS)
def test_quantise(assert_exact, source, target):
    """QUANTIZE from int8 to int8 is a change of scale."""
    model = TfliteBuilder()
    x, y = model.input((1, 256), **source), model.tensor((1, 256), **target)
    model.operator("QUANTIZE", [x], [y])

    assert_exact(model.finish(y), EVERY)


def test_quantise_to_the_same_costs_nothing():
    """QUANTIZE to its input's own scale is no node."""
    model = TfliteBuilder()
    x, y, z = model.input((1, 4)), model.tensor((1, 4)), model.tensor((1, 4), scale=0.5)
    model.operator("QUANTIZE", [x], [y])
    model.operator("QUANTIZE", [y], [z])

    assert [type(node.op) for node in read_tflite(model.finish(z)).graph.nodes] == [Requantise]


def test_constant_of_equal_values_is_one_number():
    """A constant tensor whose elements are equal is a number."""
    model = TfliteBuilder()
    x, y = model.input((1, 2, 2, 3)), model.tensor((1, 2, 2, 3))
    c = model.constant(np.full((1, 1, 1, 3), 7, np.int8), scales=[0.1])
    model.operator("MUL", [x, c], [y], "MulOptions")

    assert isinstance(read_tflite(model.finish(y)).graph.nodes[0].op, Scalar)


def mul_with(values: np.ndarray) -> bytes:
    """A product with a constant."""
    model = TfliteBuilder()
    x, y = model.input((1, 2, 2, 3)), model.tensor((1, 2, 2, 3))
    model.operator("MUL", [x, model.constant(values, scales=[0.1])], [y], "MulOptions")
    return model.finish(y)


def softmax(beta: float = 1.0, **target) -> bytes:
    """A softmax of odd parameters."""
    model = TfliteBuilder()
    x, y = (
        model.input((1, 4)),
        model.tensor((1, 4), **{"scale": 1 / 256, "zero_point": -128, **target}),
    )
    model.operator("SOFTMAX", [x], [y], "SoftmaxOptions", Beta=beta)
    return model.finish(y)


def hard_swish(scale: float) -> bytes:
    """A hard swish with an output scale."""
    model = TfliteBuilder()
    x, y = model.input((1, 4), scale=1.0), model.tensor((1, 4), scale=scale)
    model.operator("HARD_SWISH", [x], [y])
    return model.finish(y)


def leaky_relu(alpha: float) -> bytes:
    """A leaky ReLU with a slope."""
    model = TfliteBuilder()
    x, y = model.input((1, 4)), model.tensor((1, 4))
    model.operator("LEAKY_RELU", [x], [y], "LeakyReluOptions", Alpha=alpha)
    return model.finish(y)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (leaky_relu(-0.5), "the slope below zero is at least 0; got -0.5"),
        (leaky_relu(float("nan")), "the slope below zero is at least 0; got nan"),
        (mul_with(np.arange(3, dtype=np.int8)), "a constant operand is one number; 't2'"),
        (mul_with(np.ones(3, np.float32)), "constants are int8; 't2' is FLOAT32"),
        (softmax(beta=2.0), "softmax runs with beta 1; got 2; scale the logits"),
        (softmax(scale=0.5), "softmax has output scale 1/256 and zero point -128; got 0.5"),
    ],
    ids=["slope", "no-slope", "channels", "float", "beta", "scale"],
)
def test_faults(data, sentence):
    """What cannot be run is refused in a sentence that says what can."""
    with pytest.raises(ModelError, match=sentence):
        read_tflite(data)


def test_shapes_that_do_not_broadcast():
    """An axis is repeated from 1 only."""
    model = TfliteBuilder()
    a, b, y = model.input((1, 2, 2, 3)), model.input((1, 2, 2, 2)), model.tensor((1, 2, 2, 3))
    model.operator("ADD", [a, b], [y], "AddOptions")

    with pytest.raises(ModelError, match=r"\[2, 2, 2\] cannot be repeated to fill \[2, 2, 3\]"):
        read_tflite(model.finish(y))


def test_hard_swish_of_an_output_scale_far_too_small():
    """The reference's fixed point does not hold it either."""
    from hwprof.profiler.lowering import lower

    with pytest.raises(
        ModelError, match=r"between 1/128 and 256 times its input's; got 0\.001 for 1"
    ):
        lower(read_tflite(hard_swish(0.001)).graph)


def test_two_constants_are_refused():
    """Somebody forgot to fold."""
    model = TfliteBuilder()
    x = model.input((1, 4))
    c = model.constant(np.ones((1, 4), np.int8), scales=[0.1])
    y = model.tensor((1, 4))
    model.operator("ADD", [c, c], [y], "AddOptions")
    model.operator("ADD", [x, y], [model.tensor((1, 4))], "AddOptions")

    with pytest.raises(ModelError, match="both are constants; fold them"):
        read_tflite(model.finish(y))


def test_unsupported_errors_are_model_errors():
    """Whoever catches the one catches the other."""
    assert issubclass(UnsupportedOperatorError, ModelError)
