"""Scales chosen from shapes alone: what a seeded graph's outputs look like when it runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.blocks import GraphBuilder
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
    ResizeNearest,
    Slice,
    Softmax,
    Unary,
    UnaryFunction,
)
from hwprof.measurement import DEFAULT_SCHEME, Placement
from hwprof.networks import person_detector
from hwprof.pool import pool_bytes
from hwprof.profiler.lowering import lower, moments
from hwprof.profiler.lowering.analytic import analytic_parameters
from hwprof.profiler.lowering.moments import Moments
from hwprof.profiler.lowering.schemes import SCHEMES, get_scheme
from hwprof.profiler.program import DataConstant, Program, Region
from hwprof.profiler.reference import ReferenceResult, run_reference

RELU = Activation.RELU
# Deviation in steps that an output over at least 24 channels may have around the target of 40:
# each tensor draws its weights once, so the few of a depthwise channel leave a wide band.
BAND = (16.0, 70.0)
ACTIVATIONS = st.sampled_from(list(Activation))


def conv(channels, kernel=1, *, groups=1, stride=1, activation=RELU):
    """A convolution with 'same' padding."""
    return Conv2d(
        kernel_h=kernel,
        kernel_w=kernel,
        stride_h=stride,
        stride_w=stride,
        pads=Pads.same(kernel),
        out_channels=channels,
        groups=groups,
        activation=activation,
    )


@st.composite
def stacks(draw) -> Graph:
    """Two to six random layers, some of them residual, then a fully connected one.

    No two depthwise layers in a row: with nothing that mixes channels, each channel's gain is a
    product of random numbers, and no scale for the whole tensor fits all channels.
    """
    builder = GraphBuilder()
    channels = 8 * draw(st.integers(4, 8))
    kinds = ["conv", "dw", "add"]
    tensor = builder.input("image", (draw(st.integers(6, 14)), draw(st.integers(6, 14)), channels))
    for index in range(draw(st.integers(2, 6))):
        kind = draw(st.sampled_from(kinds))
        kinds = ["conv", "add"] if kind == "dw" else ["conv", "dw", "add"]
        activation = draw(ACTIVATIONS)
        if kind == "dw":
            kernel = draw(st.sampled_from([3, 5]))
            op = conv(channels, kernel, groups=channels, activation=activation)
            tensor = builder.add("b", f"dw{index}", op, tensor)
            continue
        op = conv(channels, draw(st.sampled_from([1, 3])), activation=activation)
        branch = builder.add("b", f"conv{index}", op, tensor)
        if kind == "add":
            op = Add(activation=draw(ACTIVATIONS))
            branch = builder.add("b", f"add{index}", op, branch, tensor)
        tensor = branch
    tensor = builder.add("b", "fc", FullyConnected(out_features=48), tensor)
    return builder.finish("stack", [tensor], draw(st.integers(0, 1000)))


def rescaled_outputs(program: Program, result: ReferenceResult):
    """Outputs of the records that requantise, as they are read: minus the zero point."""
    return [
        record.output.astype(np.float64)
        for record in result.records
        if record.rescaled and record.output.shape[2] >= 24
    ]


@given(stacks())
def test_random_stacks_stay_inside_int8(graph):
    """At most 5 % of a stack's outputs saturate, and the median deviation is near 40 steps."""
    program = lower(graph)
    result = run_reference(program)

    deviations = [output.std() for output in rescaled_outputs(program, result)]
    assert result.saturated_share < 0.05
    assert BAND[0] < float(np.median(deviations)) < BAND[1]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_person_detector_stays_inside_int8(scheme):
    """Seventy convolutions in a row neither saturate nor fade."""
    graph = person_detector(k=5, g=1, c=96, width=256, aspect=0.75).graph(seed=3)
    result = run_reference(lower(graph, scheme=scheme))

    deviations = [
        record.output.std()
        for record in result.records
        if record.rescaled and record.output.shape[2] >= 24
    ]
    assert result.saturated_share < 0.025
    assert min(deviations) > (5 if get_scheme(scheme).power_of_two else 10)


def test_rectified_output_has_the_lowest_zero_point_and_forty_steps(chain):
    """After ReLU all 256 steps are above zero, and the deviation is that of 68.5 normal steps."""
    program = lower(chain([conv(64, 3)], (24, 24, 32)))
    output = run_reference(program).outputs["block/op_0"]

    assert program.records[0].output_offset == -128
    assert output.std() == pytest.approx(40, rel=0.15)


def test_signed_output_has_a_zero_point_that_is_not_zero(chain):
    """A kernel that forgets the output offset cannot pass on any tensor."""
    program = lower(chain([conv(64, 3, activation=Activation.NONE)], (24, 24, 32)))

    output = run_reference(program).outputs["block/op_0"]
    assert program.records[0].output_offset not in (0, -128)
    assert output.std() == pytest.approx(40, rel=0.15)


def test_symmetric_scheme_has_no_zero_points(chain):
    """Every offset is zero under the symmetric scheme."""
    program = lower(chain([conv(32), conv(32)], (8, 8, 32)), scheme="symmetric/per-channel")

    offsets = [(record.input_offset, record.output_offset) for record in program.records]
    assert offsets == [(0, 0), (0, 0)]


def test_block_program_is_a_few_hundred_bytes(chain):
    """Seeded weights, bias and factors travel as a few words each."""
    program = lower(chain([conv(96), conv(96, 3, groups=96), conv(96)], (16, 16, 96)))

    assert len(program.data) < 800
    assert program.weights_image == b""
    assert not any(isinstance(constant, DataConstant) for constant in program.constants)


def test_weights_of_another_memory_travel(chain):
    """Only flash holds the pool: elsewhere the same bytes are sent."""
    graph = chain([conv(16)], (4, 4, 16))
    placed = Placement(weights="ocram")

    in_flash, in_ocram = lower(graph), lower(graph, placement=placed)

    weights = in_flash.records[0].weights
    start = weights.offset_bytes
    assert weights.region is Region.POOL
    assert in_ocram.weights_image == pool_bytes()[start : start + weights.size_bytes]


def head() -> Graph:
    """The detector's end: bounded and unbounded branches in one concatenation."""
    builder = GraphBuilder()
    image = builder.input("image", (8, 8, 32))
    raw = builder.add("b", "raw", conv(4, activation=Activation.NONE), image)
    score = builder.add("b", "score", conv(1, activation=Activation.NONE), image)
    score = builder.add("b", "sigmoid", Unary(function=UnaryFunction.SIGMOID), score)
    classes = builder.add("b", "classes", conv(3, activation=Activation.NONE), image)
    classes = builder.add("b", "softmax", Softmax(), classes)
    joined = builder.add("b", "joined", Concat(), score, raw, classes)
    return builder.finish("head", [joined])


def test_shared_scale_holds_a_bounded_functions_range():
    """Where sigmoid and softmax are joined with raw values, 1.0 still fits below the rail."""
    params = analytic_parameters(head(), get_scheme(DEFAULT_SCHEME)).params["b/joined"]

    assert params.zero_point + 1.0 / params.scale <= 127


def test_only_softmax_needs_a_requantisation():
    """The other branches are computed in the concatenation's scale."""
    kinds = [record.c_name for record in lower(head()).records]

    assert kinds.count("requantise") == 1
    assert kinds.count("strided_copy") == 3


def simulated(inputs: Moments, taps: int) -> Moments:
    """Moments of accumulators made by chance: 400 channels, 2 pixels of each."""
    generator = np.random.default_rng(1)
    between = math.sqrt(inputs.cross - inputs.mean**2)
    within = math.sqrt(inputs.square - inputs.cross)
    channel = inputs.mean + between * generator.normal(size=(4_000, taps, 1))
    pixels = channel + within * generator.normal(size=(4_000, taps, 2))
    values = np.frombuffer(pool_bytes(), np.int8)
    weights = generator.choice(values, size=(4_000, taps)).astype(np.float64)
    sums = np.einsum("ck,ckp->cp", weights, pixels)
    return Moments(
        float(sums.mean()), float((sums**2).mean()), float((sums[:, 0] * sums[:, 1]).mean())
    )


@pytest.mark.parametrize("inputs", [Moments(0, 1, 0), Moments(27, 2345, 1500)])
def test_accumulator_moments_agree_with_chance(inputs):
    """Mean square and cross moment of a sum of products follow the formulas of the module."""
    expected = simulated(inputs, taps=64)

    bare = moments.accumulated(inputs, 64, 0)
    assert bare.square == pytest.approx(expected.square, rel=0.06)
    assert bare.cross - moments.WEIGHT_SQUARE == pytest.approx(
        expected.cross, rel=0.06, abs=0.02 * expected.square
    )


def test_weight_moments_are_those_of_the_pool():
    """The constants describe the bytes that every board carries."""
    values = np.frombuffer(pool_bytes(), np.int8).astype(np.float64)

    assert values.mean() == pytest.approx(moments.WEIGHT_MEAN, abs=0.2)
    assert (values**2).mean() == pytest.approx(moments.WEIGHT_SQUARE, rel=0.003)


def test_rectified_normal_has_its_textbook_moments():
    """ReLU of a standard normal: mean 1/sqrt(2 pi), mean square 1/2; of two alike, 1/2 too."""
    independent = Moments(0, 1, 0).through(lambda values: np.maximum(values, 0))
    alike = Moments(0, 1, 1).through(lambda values: np.maximum(values, 0))

    assert independent.mean == pytest.approx(1 / math.sqrt(2 * math.pi), rel=0.02)
    assert independent.square == pytest.approx(0.5, rel=0.02)
    assert independent.cross == pytest.approx(1 / (2 * math.pi), rel=0.03)
    assert alike.cross == pytest.approx(0.5, rel=0.02)


def test_maximum_of_nine_normals_has_its_textbook_moments():
    """The largest of nine standard normals: mean 1.485, deviation 0.598 (Teichroew 1956)."""
    largest = Moments(0, 1, 0).largest(9)

    assert largest.mean == pytest.approx(1.485, abs=0.002)
    assert largest.deviation == pytest.approx(0.598, abs=0.002)


def test_weights_met_counts_only_taps_inside_the_input():
    """On a 2x2 map with padding 1, each 3x3 window meets four of its nine taps."""
    assert moments.weights_met(conv(8, 3), (2, 2, 5)) == 4 * 5


@pytest.mark.parametrize(
    "op",
    [
        MaxPool(kernel_h=3, kernel_w=3, stride_h=2, stride_w=2, pads=Pads.same(3)),
        AveragePool(kernel_h=3, kernel_w=3, stride_h=2, stride_w=2, pads=Pads.same(3)),
        AveragePool(kernel_h=16, kernel_w=16),
        ResizeNearest(out_h=32, out_w=32),
        Pad(pads=Pads(1, 1, 1, 1)),
        Slice(start=(0, 0, 1), size=(16, 16, 24), step=(1, 1, 2)),
        Unary(function=UnaryFunction.TANH),
        Unary(function=UnaryFunction.RELU),
    ],
)
def test_convolution_after_any_operator_keeps_its_deviation(op, chain):
    """Moments are followed through operators without weights, so the next scale still fits."""
    graph = chain([conv(48, 3, activation=Activation.NONE), op, conv(64, 3)], (16, 16, 48), seed=5)
    result = run_reference(lower(graph))

    assert BAND[0] < result.records[-1].output.std() < BAND[1]
    assert result.saturated_share < 0.05


@pytest.mark.parametrize("function", list(UnaryFunction))
@pytest.mark.parametrize("scheme", [DEFAULT_SCHEME, "symmetric/per-channel"])
def test_function_of_an_input_has_a_scale(function, scheme, single):
    """Every function can stand first, where its input is never negative."""
    program = lower(single(Unary(function=function), (8, 8, 8)), scheme=scheme)

    assert len(np.unique(run_reference(program).outputs["block/op"])) > 20


def test_product_fits_its_scale():
    """A product's scale follows from its factors' moments."""
    builder = GraphBuilder()
    left, right = (builder.input(name, (16, 16, 32)) for name in ("left", "right"))
    one = builder.add("b", "one", conv(32, activation=Activation.NONE), left)
    two = builder.add("b", "two", conv(32, activation=Activation.NONE), right)
    product = builder.add("b", "product", Mul(), one, two)
    result = run_reference(lower(builder.finish("product", [product])))

    assert result.outputs["b/product"].std() == pytest.approx(40, rel=0.25)
