"""Ranges seen by running a float graph."""

from __future__ import annotations

import numpy as np
import pytest

from hwprof.errors import ConfigurationError, ModelError
from hwprof.graph import Conv2d, Unary, UnaryFunction
from hwprof.profiler.calibration import Calibration, calibrate, evaluate, random_inputs

SHAPE = (3, 4, 2)


def test_ranges_cover_every_tensor_and_sample(chain):
    """Least and greatest values over all samples, inputs included."""
    graph = chain([Unary(function=UnaryFunction.RELU), Unary(function=UnaryFunction.TANH)], SHAPE)
    samples = [{"in_0": np.full(SHAPE, value, np.float32)} for value in (-2.0, 0.5)]

    ranges = calibrate(graph, samples).ranges

    assert ranges["in_0"] == (-2.0, 0.5)
    assert ranges["block/op_0"] == (0.0, 0.5)
    assert ranges["block/op_1"] == pytest.approx((0.0, np.tanh(0.5)), abs=1e-6)


def test_random_calibration_follows_its_seed(chain):
    """The same seed gives the same ranges, another seed others."""
    graph = chain([Unary(function=UnaryFunction.RELU)], SHAPE)

    assert calibrate(graph, seed=1) == calibrate(graph, seed=1)
    assert calibrate(graph, seed=1) != calibrate(graph, seed=2)


def test_evaluation_keeps_the_graphs_layout(single, with_weights):
    """Tensors come back as (h, w, c), whatever onnxruntime computes in."""
    graph = with_weights(single(Conv2d(kernel_h=1, kernel_w=1, out_channels=5), SHAPE))
    (sample,) = random_inputs(graph, seed=0, count=1)
    weights = graph.weights["block/op"]

    expected = sample["in_0"] @ weights.kernel.reshape(5, 2).T + weights.bias
    assert np.allclose(evaluate(graph, sample)["block/op"], expected, atol=1e-5)


def test_no_samples_are_refused(chain):
    """There is no range without a value."""
    with pytest.raises(ConfigurationError, match="at least one sample; got none"):
        calibrate(chain([Unary(function=UnaryFunction.RELU)], SHAPE), [])


def test_sample_of_another_shape_is_refused(chain):
    """A channels-first image is told from a channels-last one."""
    sample = {"in_0": np.zeros((2, 3, 4), np.float32)}

    with pytest.raises(ConfigurationError, match=r"shape \(3, 4, 2\); got \(2, 3, 4\)"):
        calibrate(chain([Unary(function=UnaryFunction.RELU)], SHAPE), [sample])


def test_sample_without_an_input_is_refused(chain):
    """Every graph input is needed."""
    with pytest.raises(ConfigurationError, match=r"'in_0' must have shape .*; got nothing"):
        calibrate(chain([Unary(function=UnaryFunction.RELU)], SHAPE), [{}])


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_values_that_are_not_finite_are_refused(value, chain):
    """A range is finite, and the tensor that is not is named, whatever other samples say."""
    samples = [{"in_0": np.full(SHAPE, each, np.float32)} for each in (1.0, value, 2.0)]

    with pytest.raises(ModelError, match="finite and ascending; tensor 'in_0' has"):
        calibrate(chain([Unary(function=UnaryFunction.RELU)], SHAPE), samples)


def test_calibration_of_another_graph_is_refused(chain, with_weights):
    """Every tensor needs a range."""
    from hwprof.profiler.lowering import lower

    graph = with_weights(chain([Conv2d(kernel_h=1, kernel_w=1, out_channels=2)], SHAPE))

    with pytest.raises(ModelError, match="'block/op_0' has no range"):
        lower(graph, calibration=Calibration({"in_0": (0.0, 1.0)}))
