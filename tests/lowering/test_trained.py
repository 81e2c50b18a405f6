"""Quantised models against onnxruntime, and what quantisation keeps of a float model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hwprof.blocks import GraphBuilder
from hwprof.errors import ConfigurationError, ModelError, UnknownNameError
from hwprof.graph import (
    Activation,
    Add,
    AveragePool,
    Concat,
    Conv2d,
    FullyConnected,
    Graph,
    MaxPool,
    Mul,
    Pad,
    Pads,
    QuantisedWeights,
    QuantParams,
    Requantise,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Transpose,
    Unary,
    UnaryFunction,
)
from hwprof.measurement import DEFAULT_SCHEME
from hwprof.networks import person_detector
from hwprof.profiler.calibration import Calibration, calibrate, evaluate, random_inputs
from hwprof.profiler.lowering import lower
from hwprof.profiler.lowering.schemes import SCHEMES, get_scheme
from hwprof.profiler.lowering.trained import ranged_parameters
from hwprof.profiler.program import Region
from hwprof.profiler.reference import run_reference

WeightsFor = Callable[[Graph], Graph]
MAP = (9, 10, 8)

SINGLE = {
    "conv": Conv2d(kernel_h=3, kernel_w=2, stride_h=2, out_channels=12, pads=Pads(1, 0, 2, 1)),
    "conv_relu": Conv2d(kernel_h=1, kernel_w=1, out_channels=7, activation=Activation.RELU),
    "conv_relu6": Conv2d(kernel_h=3, kernel_w=3, out_channels=7, activation=Activation.RELU6),
    "grouped": Conv2d(kernel_h=3, kernel_w=3, out_channels=12, groups=4, pads=Pads.same(3)),
    "depthwise": Conv2d(kernel_h=5, kernel_w=5, out_channels=8, groups=8, pads=Pads.same(5)),
    "doubled": Conv2d(kernel_h=3, kernel_w=3, out_channels=16, groups=8, pads=Pads.same(3)),
    "fully_connected": FullyConnected(out_features=17),
    "average": AveragePool(kernel_h=3, kernel_w=3, stride_h=2, stride_w=2, pads=Pads(1, 1, 1, 1)),
    "average_pad": AveragePool(kernel_h=3, kernel_w=3, pads=Pads.same(3), count_include_pad=True),
    "global": AveragePool(kernel_h=9, kernel_w=10),
    "max": MaxPool(kernel_h=3, kernel_w=3, stride_h=2, stride_w=2, pads=Pads(1, 1, 1, 1)),
    "slice": Slice(start=(1, 0, 1), size=(4, 5, 3), step=(2, 2, 2)),
    "shuffle": Transpose(view=(1, 90, 2, 4), permutation=(0, 1, 3, 2), shape=MAP),
    "resize": ResizeNearest(out_h=18, out_w=20),
    "pad": Pad(pads=Pads(1, 2, 0, 1)),
    "relu": Unary(function=UnaryFunction.RELU),
    "relu6": Unary(function=UnaryFunction.RELU6),
    "sigmoid": Unary(function=UnaryFunction.SIGMOID),
    "tanh": Unary(function=UnaryFunction.TANH),
    "softmax": Softmax(),
    "reshape": Reshape(shape=(10, 9, 8)),
    "requantise": Requantise(),
    "add": Add(),
    "add_relu": Add(activation=Activation.RELU),
    "mul": Mul(),
    "concat": Concat(),
}
TWO_INPUTS = {"add", "add_relu", "mul", "concat"}


def samples(graph: Graph):
    """Inputs that are negative as well as positive."""
    for sample in random_inputs(graph, seed=11):
        yield {name: values * 3 - 1 for name, values in sample.items()}


def stated(graph: Graph, params: dict[str, QuantParams] | None = None) -> Graph:
    """The graph as a QDQ model, with parameters of our choice or others."""
    found = ranged_parameters(
        graph, calibrate(graph, list(samples(graph))), get_scheme(DEFAULT_SCHEME)
    )
    return replace(graph, quantisation={**found.params, **(params or {})}, weights=found.weights)


def differences(graph: Graph) -> dict[str, int]:
    """Largest difference in steps from onnxruntime, by graph output."""
    sample = next(iter(samples(graph)))
    expected = evaluate(graph, sample)
    inputs = {name: steps(sample[name], graph.quantisation[name]) for name in graph.inputs}
    outputs = run_reference(lower(graph), inputs).outputs
    return {
        name: int(
            np.abs(
                steps(expected[name], graph.quantisation[name]) - outputs[name].astype(int)
            ).max()
        )
        for name in graph.outputs
    }


def steps(real: np.ndarray, params: QuantParams) -> np.ndarray:
    """Real values as int8."""
    quantised = np.rint(real.astype(np.float64) / params.scale) + params.zero_point
    return np.clip(quantised, -128, 127).astype(np.int8)


def graph_of(name: str, single, with_weights: WeightsFor) -> Graph:
    """One operator of the table, with weights where it has any."""
    return with_weights(single(SINGLE[name], *([MAP] * (2 if name in TWO_INPUTS else 1))))


@pytest.mark.parametrize("name", SINGLE)
def test_operator_is_within_a_step_of_onnxruntime(name, single, with_weights):
    """Under the scales that we would choose."""
    graph = stated(graph_of(name, single, with_weights))

    assert differences(graph)["block/op"] <= 1


@pytest.mark.parametrize("name", SINGLE)
def test_operator_takes_the_scales_of_a_stranger(name, single, with_weights):
    """Input and output in scales and zero points that have nothing in common."""
    graph = graph_of(name, single, with_weights)
    own = stated(graph).quantisation["block/op"]
    foreign = {
        "in_0": QuantParams(3.1 / 255, -41),
        "block/op": QuantParams(own.scale * 1.37, 17),
    }

    assert differences(stated(graph, foreign))["block/op"] <= 1


def test_clamp_of_relu6_is_six_in_the_outputs_scale(single, with_weights):
    """The upper bound is six real units above the zero point."""
    graph = stated(
        graph_of("conv_relu6", single, with_weights), {"block/op": QuantParams(0.05, -100)}
    )

    (record,) = lower(graph).records
    assert (record.activation_min, record.activation_max) == (-100, -100 + 120)


def test_chosen_scale_tells_relu6_from_the_rail(single, with_weights):
    """Where we choose the scale, six lies one step below the rail."""
    graph = graph_of("conv_relu6", single, with_weights)
    calibration = Calibration({"in_0": (0.0, 1.0), "block/op": (0.0, 6.0)})

    (record,) = lower(graph, calibration=calibration).records
    assert record.activation_max == 126


def test_addends_of_one_scale_are_halved(single, with_weights):
    """TFLite's parameters: twice the larger scale is the common one."""
    same = QuantParams(0.02, 3)
    graph = graph_of("add", single, with_weights)
    graph = stated(graph, {"in_0": same, "in_1": same, "block/op": same})

    (record,) = lower(graph).records
    assert (record.input_1_multiplier, record.input_1_shift) == (1 << 30, 0)
    assert (record.output_multiplier, record.output_shift) == (1 << 30, -18)


def test_reshape_between_scales_is_a_requantisation(chain, with_weights):
    """A view cannot have other parameters than the bytes it views."""
    conv = Conv2d(kernel_h=1, kernel_w=1, out_channels=8)
    graph = with_weights(chain([conv, Reshape(shape=(10, 9, 8)), conv], MAP))
    program = lower(stated(graph, {"block/op_1": QuantParams(0.03, 9)}))

    kinds = [record.c_name for record in program.records]
    assert kinds == ["conv2d", "requantise", "conv2d"]


def network(with_weights: WeightsFor) -> Graph:
    """A residual block, a pool, a head with branches in several ranges."""
    builder = GraphBuilder()
    image = builder.input("image", (16, 16, 8))
    relu, none = Activation.RELU, Activation.NONE
    same = {"kernel_h": 3, "kernel_w": 3, "pads": Pads.same(3)}
    first = builder.add("b", "first", Conv2d(**same, out_channels=16, activation=relu), image)
    deep = builder.add("b", "dw", Conv2d(**same, out_channels=16, groups=16), first)
    deep = builder.add("b", "pw", Conv2d(kernel_h=1, kernel_w=1, out_channels=16), deep)
    tensor = builder.add("b", "sum", Add(activation=relu), deep, first)
    tensor = builder.add(
        "b", "pool", MaxPool(kernel_h=2, kernel_w=2, stride_h=2, stride_w=2), tensor
    )
    left = builder.add("b", "left", Conv2d(**same, out_channels=8, activation=none), tensor)
    right = builder.add("b", "right", Unary(function=UnaryFunction.SIGMOID), tensor)
    tensor = builder.add("b", "joined", Concat(), left, right)
    tensor = builder.add("b", "fc", FullyConnected(out_features=40), tensor)
    return with_weights(builder.finish("network", [tensor]))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_int8_output_follows_the_float_model(scheme, with_weights):
    """Quantised from ranges, a network's output correlates with its float output."""
    graph = network(with_weights)
    calibration = calibrate(graph, list(samples(graph)))
    params = ranged_parameters(graph, calibration, get_scheme(scheme)).params
    sample = next(iter(samples(graph)))
    program = lower(graph, scheme=scheme, calibration=calibration)
    result = run_reference(program, {"image": steps(sample["image"], params["image"])})

    real = evaluate(graph, sample)["b/fc"].reshape(-1)
    got = result.outputs["b/fc"].reshape(-1).astype(float)
    assert np.corrcoef(real, got)[0, 1] > 0.99
    assert result.saturated_share < 0.001


def test_float_model_is_calibrated_on_random_inputs_by_default(with_weights):
    """Without a calibration, lowering makes the one that ``calibrate`` makes."""
    graph = network(with_weights)

    assert lower(graph).sha256 == lower(graph, calibration=calibrate(graph)).sha256


def test_person_detector_with_weights_runs_in_int8(with_weights):
    """A whole network of float weights: real weights travel, and outputs do not saturate."""
    graph = with_weights(person_detector(k=3, g=1, c=24, width=224, aspect=1.0).graph(seed=0))
    program = lower(graph)

    weights = sum(weight.kernel.size for weight in graph.weights.values())
    assert len(program.weights_image) >= weights
    assert run_reference(program).saturated_share < 0.01


def test_quantised_weights_lie_in_the_weights_region(with_weights):
    """A trained tensor is no pool slice."""
    program = lower(network(with_weights))

    regions = {record.weights.region for record in program.records if hasattr(record, "weights")}
    assert regions == {Region.WEIGHTS}


def test_channel_of_zeros_keeps_its_bias(single):
    """A channel without weights has some scale, and outputs its bias."""
    from hwprof.graph import FloatWeights

    graph = single(Conv2d(kernel_h=1, kernel_w=1, out_channels=2), (2, 2, 2))
    kernel = np.array([[[[0.0, 0.0]]], [[[1.0, -1.0]]]], np.float32)
    weights = FloatWeights(kernel, np.array([0.5, 0.0], np.float32))
    graph = replace(graph, weights={"block/op": weights})
    calibration = calibrate(graph)
    params = ranged_parameters(graph, calibration, get_scheme(DEFAULT_SCHEME)).params["block/op"]

    output = run_reference(lower(graph, calibration=calibration)).outputs["block/op"]
    assert set(output[..., 0].reshape(-1)) == {round(0.5 / params.scale) + params.zero_point}


def test_unbounded_bias_widens_the_weight_scale(single):
    """A bias of a million beside weights of a millionth still fits 32 bits."""
    from hwprof.graph import FloatWeights

    graph = single(Conv2d(kernel_h=1, kernel_w=1, out_channels=1), (2, 2, 1))
    weights = FloatWeights(np.full((1, 1, 1, 1), 1e-6, np.float32), np.array([1e6], np.float32))
    graph = replace(graph, weights={"block/op": weights})

    assert run_reference(lower(graph)).outputs["block/op"].min() == 127


def test_incomplete_quantisation_names_all_that_lacks(with_weights):
    """Missing tensors and missing weights are reported together."""
    graph = stated(network(with_weights))
    quantisation = {n: p for n, p in graph.quantisation.items() if n != "b/sum"}
    weights = {n: w for n, w in graph.weights.items() if n != "b/pw"}

    with pytest.raises(ModelError, match=r"tensor 'b/sum', weights of node 'b/pw' \(2 in all\)"):
        lower(replace(graph, quantisation=quantisation, weights=weights))


@pytest.mark.parametrize(
    "params", [QuantParams(0.0, 0), QuantParams(-1.0, 0), QuantParams(1.0, 128)]
)
def test_impossible_parameters_are_refused(params, with_weights):
    """A scale is positive and a zero point is an int8."""
    graph = stated(network(with_weights), {"b/sum": params})

    with pytest.raises(ModelError, match="states a positive scale and an int8 zero point"):
        lower(graph)


def test_int8_weights_without_activation_scales_are_refused(with_weights):
    """Half a quantisation is none."""
    graph = replace(stated(network(with_weights)), quantisation={})
    calibration = Calibration(dict.fromkeys(graph.shapes, (0.0, 1.0)))

    with pytest.raises(ModelError, match="has int8 weights, but the model states no scales"):
        lower(graph, calibration=calibration)


def test_weights_that_are_not_finite_are_refused(with_weights):
    """A NaN among the weights is named, not quantised."""
    graph = network(with_weights)
    graph.weights["b/pw"].kernel[0] = np.nan
    calibration = Calibration(dict.fromkeys(graph.shapes, (0.0, 1.0)))

    with pytest.raises(ModelError, match="must be finite; node 'b/pw'"):
        lower(graph, calibration=calibration)


def test_quantised_model_takes_no_other_scheme(with_weights):
    """Its own scales stand."""
    graph = stated(network(with_weights))

    with pytest.raises(ConfigurationError, match="brings its own scales"):
        lower(graph, scheme="symmetric/per-channel")


def test_unknown_scheme_suggests_the_nearest(single):
    """A misspelt scheme is a user's mistake with a way out."""
    with pytest.raises(UnknownNameError, match="did you mean symmetric/per-channel"):
        lower(single(Add(), MAP, MAP), scheme="int8-symetric-per-channel")


def test_overflowing_accumulator_is_refused(single):
    """A left shift that would push a sum out of int32 is found before anything is sent."""
    op = Conv2d(kernel_h=1, kernel_w=1, out_channels=1)
    graph = single(op, (2, 2, 64))
    weights = QuantisedWeights(
        np.full((1, 1, 1, 64), 127, np.int8), np.ones(1, np.float32), np.zeros(1, np.int32)
    )
    params = {"in_0": QuantParams(1.0, 0), "block/op": QuantParams(1e-4, 0)}

    with pytest.raises(ModelError, match=r"accumulator of channel 0 .* must stay below 2"):
        lower(replace(graph, quantisation=params, weights={"block/op": weights}))


def test_bias_may_use_the_whole_accumulator(single):
    """A channel of zeros with a tiny scale has a huge bias; a multiplier adds nothing to it."""
    op = Conv2d(kernel_h=1, kernel_w=1, out_channels=1)
    graph = single(op, (2, 2, 8))
    weights = QuantisedWeights(
        np.zeros((1, 1, 1, 8), np.int8),
        np.full(1, 2.0**-31, np.float32),
        np.full(1, (1 << 31) - 1, np.int32),
    )
    params = {"in_0": QuantParams(1.0, 0), "block/op": QuantParams(1.0, 0)}

    program = lower(replace(graph, quantisation=params, weights={"block/op": weights}))

    run = run_reference(program, {"in_0": np.zeros((2, 2, 8), np.int8)})
    assert np.array_equal(run.outputs["block/op"], np.ones((2, 2, 1), np.int8))


@pytest.mark.parametrize("name", ["add", "mul", "requantise"])
def test_overflowing_rescale_is_refused(name, single, with_weights):
    """So is an output scale that is absurdly small for its inputs."""
    graph = stated(graph_of(name, single, with_weights), {"block/op": QuantParams(1e-9, 0)})

    with pytest.raises(ModelError, match="must be rescaled by less than"):
        lower(graph)


def test_partly_seeded_model_is_quantised_like_its_file(with_weights):
    """A node without weights has the seeded ones that the graph's ONNX file holds."""
    graph = network(with_weights)
    partly = replace(graph, weights={n: w for n, w in graph.weights.items() if n != "b/pw"})

    assert run_reference(lower(partly)).saturated_share < 0.01
