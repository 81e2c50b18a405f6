"""The vectorised reference against scalar loops that follow docs/FORMATS.md word by word."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.graph import (
    Activation,
    Add,
    AveragePool,
    Concat,
    Conv2d,
    FullyConnected,
    Graph,
    MaxPool,
    Mean,
    Mul,
    Pad,
    Pads,
    QuantParams,
    Requantise,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Transpose,
    Unary,
    UnaryFunction,
)
from hwprof.profiler.constants import materialised
from hwprof.profiler.lowering import lower
from hwprof.profiler.program import (
    AddRecord,
    AveragePoolRecord,
    Conv2dRecord,
    DepthwiseRecord,
    MaxPoolRecord,
    MeanRecord,
    MulRecord,
    Program,
    RequantiseRecord,
    SoftmaxRecord,
    SubRecord,
)
from hwprof.profiler.reference import expected_checksums, run_reference
from hwprof.profiler.reference._kernels import _dot
from hwprof.profiler.reference._memory import Memory


def half_away(value: Fraction) -> int:
    """Nearest integer, halves away from zero."""
    magnitude = int(abs(value) + Fraction(1, 2))
    return -magnitude if value < 0 else magnitude


def rescale(x: int, multiplier: int, shift: int) -> int:
    """FORMATS.md's rescale of Python integers."""
    high = ((x << max(shift, 0)) * multiplier + (1 << 30)) >> 31
    return half_away(Fraction(high, 1 << max(-shift, 0)))


@dataclass(frozen=True, slots=True)
class Ran:
    """One record of a program, its operands as nested lists of Python integers, its output."""

    record: object
    input: list
    weights: list
    bias: list
    multiplier: list
    shift: list
    output: list


def ran(graph: Graph, **lowering) -> Ran:
    """The first record of a lowered graph of one operator."""
    program = lower(graph, **lowering)
    record = program.records[0]
    source = run_inputs(program)[next(iter(graph.inputs))]
    constants = [operand(program, record, name) for name in ("weights", *PER_CHANNEL)]
    output = run_reference(program).records[0].output
    return Ran(record, source.tolist(), *constants, output.tolist())


PER_CHANNEL = ("bias", "multiplier", "shift")


def run_inputs(program: Program) -> dict[str, np.ndarray]:
    """The pool slices that fill a program's inputs."""
    from hwprof.pool import pool_slice

    return {
        entry.buffer.name: pool_slice(entry.pool_offset_bytes, entry.buffer.size_bytes).reshape(
            entry.buffer.shape
        )
        for entry in program.inputs
    }


def operand(program: Program, record: object, name: str) -> list:
    """A constant operand of a record; empty where it has none."""
    if not hasattr(record, name):
        return []
    memory = Memory(program.weights_image)
    for constant in program.constants:
        memory.constants[constant.buffer.offset_bytes] = materialised(constant)
    buffer = getattr(record, name)
    return (memory.bytes_of(buffer) if name == "weights" else memory.words_of(buffer)).tolist()


def convolved(run: Ran, y: int, x: int, channel: int) -> int:
    """One output of a convolution, from the definition."""
    record = run.record
    per_group_in, per_group_out = record.in_c // record.groups, record.out_c // record.groups
    first = channel // per_group_out * per_group_in
    taps = iter(run.weights[channel * record.kernel_h * record.kernel_w * per_group_in :])
    total = run.bias[channel]
    for row in range(record.kernel_h):
        for column in range(record.kernel_w):
            for offset in range(per_group_in):
                weight = next(taps)
                total += weight * shifted(run, (y, x), (row, column), first + offset)
    return finished(run, total, channel)


def depthwise(run: Ran, y: int, x: int, channel: int) -> int:
    """One output of a depthwise convolution, from the definition."""
    record = run.record
    source = channel // (record.out_c // record.in_c)
    total = run.bias[channel]
    for row in range(record.kernel_h):
        for column in range(record.kernel_w):
            weight = run.weights[(row * record.kernel_w + column) * record.out_c + channel]
            total += weight * shifted(run, (y, x), (row, column), source)
    return finished(run, total, channel)


def place(record: object, pixel: tuple[int, int], tap: tuple[int, int]) -> tuple[int, int] | None:
    """Where a tap of a window reads, or nothing outside the input."""
    row = pixel[0] * record.stride_h - record.pad_top + tap[0]
    column = pixel[1] * record.stride_w - record.pad_left + tap[1]
    inside = 0 <= row < record.in_h and 0 <= column < record.in_w
    return (row, column) if inside else None


def shifted(run: Ran, pixel: tuple[int, int], tap: tuple[int, int], channel: int) -> int:
    """An input plus its offset; padding contributes zero."""
    at = place(run.record, pixel, tap)
    return run.input[at[0]][at[1]][channel] + run.record.input_offset if at else 0


def finished(run: Ran, total: int, channel: int) -> int:
    """Requantised and clamped."""
    record = run.record
    scaled = rescale(total, run.multiplier[channel], run.shift[channel]) + record.output_offset
    return min(max(scaled, record.activation_min), record.activation_max)


def finished_once(run: Ran, total: int, channel: int) -> int:
    """Requantised in one rounding, as a dense layer is, and clamped."""
    factor = Fraction(run.multiplier[channel], 1 << 31 - run.shift[channel])
    return clamped(run.record, half_away(total * factor) + run.record.output_offset)


def every_output(record: object, of) -> list:
    """The output tensor as nested lists."""
    return [
        [[of(y, x, c) for c in range(record.out_c)] for x in range(record.out_w)]
        for y in range(record.out_h)
    ]


EXTENTS = st.integers(3, 6)
SMALL = st.integers(0, 2)


@st.composite
def windows(draw):
    """Kernel, stride and asymmetric padding that fit a 3x3 map."""
    return {
        "kernel_h": draw(st.integers(1, 3)),
        "kernel_w": draw(st.integers(1, 3)),
        "stride_h": draw(st.integers(1, 3)),
        "stride_w": draw(st.integers(1, 3)),
        "pads": Pads(draw(SMALL), draw(SMALL), draw(SMALL), draw(SMALL)),
    }


@given(windows(), st.tuples(EXTENTS, EXTENTS), st.sampled_from([(4, 6, 1), (4, 6, 2), (1, 3, 1)]))
def test_convolution_is_its_definition(single, window, extents, channels):
    """Any kernel, stride, padding and number of groups."""
    in_c, out_c, groups = channels
    op = Conv2d(**window, out_channels=out_c, groups=groups)
    run = ran(single(op, (*extents, in_c)))

    assert isinstance(run.record, Conv2dRecord)
    assert run.output == every_output(run.record, lambda y, x, c: convolved(run, y, x, c))


@given(windows(), st.tuples(EXTENTS, EXTENTS), st.integers(1, 2))
def test_depthwise_is_its_definition(single, window, extents, multiplier):
    """Any kernel, stride, padding and channel multiplier."""
    op = Conv2d(**window, out_channels=3 * multiplier, groups=3)
    run = ran(single(op, (*extents, 3)))

    assert isinstance(run.record, DepthwiseRecord)
    assert run.output == every_output(run.record, lambda y, x, c: depthwise(run, y, x, c))


def test_sums_beyond_float32_are_exact():
    """A sum of 2,001 products of 255 and 127 needs 26 bits, and its last one is kept."""
    rows = np.full((1, 2001), 255, np.int16)
    kernel = np.full((1, 2001), 127, np.int8)

    assert _dot(rows, kernel).item() == 2001 * 255 * 127


def test_fully_connected_is_its_definition(single):
    """Each output is the whole input times one row of weights."""
    run = ran(single(FullyConnected(out_features=5), (2, 3, 4)))

    row = [value for line in run.input for pixel in line for value in pixel]
    offset = run.record.input_offset
    totals = [
        bias + sum((value + offset) * w for value, w in zip(row, weights, strict=True))
        for bias, weights in zip(run.bias, np.reshape(run.weights, (5, 24)).tolist(), strict=True)
    ]
    assert run.output == [[[finished_once(run, total, c) for c, total in enumerate(totals)]]]


def pooled(run: Ran, y: int, x: int, channel: int) -> list[int]:
    """What a pooling window sees of a channel; padding is left out."""
    record = run.record
    places = [
        place(record, (y, x), (row, column))
        for row in range(record.kernel_h)
        for column in range(record.kernel_w)
    ]
    return [run.input[at[0]][at[1]][channel] for at in places if at]


def seen(window: dict) -> bool:
    """Whether padding is narrower than the kernel, as kernels.h asks of pooling."""
    pads = window["pads"]
    return max(pads.top, pads.bottom) < window["kernel_h"] and (
        max(pads.left, pads.right) < window["kernel_w"]
    )


@given(windows().filter(seen), st.tuples(EXTENTS, EXTENTS), st.booleans())
def test_average_pool_is_its_definition(single, window, extents, include):
    """Means round half away from zero; padding counts as the zero point or not at all."""
    op = AveragePool(**window, count_include_pad=include)
    run = ran(single(op, (*extents, 2)))
    area = window["kernel_h"] * window["kernel_w"]

    def mean(y: int, x: int, c: int) -> int:
        values = pooled(run, y, x, c)
        values += [run.record.zero_point] * (area - len(values)) if include else []
        return half_away(Fraction(sum(values), len(values)))

    assert isinstance(run.record, AveragePoolRecord)
    assert run.output == every_output(run.record, mean)


@pytest.mark.parametrize("extents", [(1, 2), (3, 3), (7, 5), (1, 64)])
def test_mean_is_its_definition(single, extents):
    """The sum over all pixels is rescaled by a factor that divides by their number."""
    program = lower(single(Mean(), (*extents, 3)))
    record, pixels = program.records[0], extents[0] * extents[1]
    (source,) = run_inputs(program).values()
    sums = source.reshape(pixels, 3).sum(axis=0, dtype=np.int64).tolist()
    scaled = [
        rescale(total + pixels * record.input_offset, record.multiplier, record.shift)
        for total in sums
    ]

    assert isinstance(record, MeanRecord)
    output = run_reference(program).records[0].output.reshape(-1).tolist()
    assert output == [min(max(s + record.output_offset, -128), 127) for s in scaled]


@given(windows().filter(seen), st.tuples(EXTENTS, EXTENTS))
def test_max_pool_is_its_definition(single, window, extents):
    """The maximum over the elements inside the input."""
    run = ran(single(MaxPool(**window), (*extents, 2)))

    assert isinstance(run.record, MaxPoolRecord)
    assert run.output == every_output(run.record, lambda y, x, c: max(pooled(run, y, x, c)))


def elements(graph: Graph) -> tuple[object, list[list[int]], list[int]]:
    """Record, flat inputs and flat output of an element-wise graph."""
    program = lower(graph)
    inputs = [values.reshape(-1).tolist() for values in run_inputs(program).values()]
    return program.records[0], inputs, run_reference(program).records[0].output.reshape(-1).tolist()


def clamped(record: object, value: int) -> int:
    """Inside the record's bounds."""
    return min(max(value, record.activation_min), record.activation_max)


@pytest.mark.parametrize(("op", "kind", "sign"), [(Add(), AddRecord, 1), (Sub(), SubRecord, -1)])
def test_add_and_sub_are_their_definition(single, op, kind, sign):
    """Each input is shifted up and rescaled, then the sum or difference is."""
    record, (first, second), output = elements(single(op, (5, 5, 4), (5, 5, 4)))

    def total(a: int, b: int) -> int:
        one = rescale(
            (a + record.input_1_offset) << record.left_shift,
            record.input_1_multiplier,
            record.input_1_shift,
        )
        two = rescale(
            (b + record.input_2_offset) << record.left_shift,
            record.input_2_multiplier,
            record.input_2_shift,
        )
        scaled = rescale(one + sign * two, record.output_multiplier, record.output_shift)
        return clamped(record, scaled + record.output_offset)

    assert isinstance(record, kind)
    assert output == [total(a, b) for a, b in zip(first, second, strict=True)]


def test_mul_is_its_definition(single):
    """The product of both shifted inputs, rescaled."""
    record, (first, second), output = elements(single(Mul(), (5, 5, 4), (5, 5, 4)))

    def product(a: int, b: int) -> int:
        value = (a + record.input_1_offset) * (b + record.input_2_offset)
        scaled = rescale(value, record.output_multiplier, record.output_shift)
        return clamped(record, scaled + record.output_offset)

    assert isinstance(record, MulRecord)
    assert output == [product(a, b) for a, b in zip(first, second, strict=True)]


def test_requantise_is_its_definition(single):
    """Offset, rescale, offset, clamp to int8."""
    record, (values,), output = elements(single(Requantise(), (5, 5, 4)))

    def moved(value: int) -> int:
        scaled = rescale(value + record.input_offset, record.multiplier, record.shift)
        return min(max(scaled + record.output_offset, -128), 127)

    assert isinstance(record, RequantiseRecord)
    assert output == [moved(value) for value in values]


SCALES = st.floats(1e-3, 1.0)


SATURATING = {
    "a rail below and above": (QuantParams(0.004, 4), Activation.NONE, 0.95, 1.0),
    "only the rail above a ReLU": (QuantParams(0.004, 4), Activation.RELU, 0.4, 0.6),
    "no rail at a ReLU6 bound": (QuantParams(0.05, -128), Activation.RELU6, 0.0, 0.0),
}


@pytest.mark.parametrize("case", SATURATING)
def test_only_rails_count_as_saturation(case, single):
    """What a fused activation clamps is wanted, what a rail of int8 cuts off is not."""
    output, activation, least, most = SATURATING[case]
    graph = single(Add(activation=activation), (16, 16, 8), (16, 16, 8))
    params = {"in_0": QuantParams(0.1, 0), "in_1": QuantParams(0.1, 0), "block/op": output}
    result = run_reference(lower(replace(graph, quantisation=params)))

    assert result.records[0].rescaled == 16 * 16 * 8
    assert least <= result.saturated_share <= most


@given(st.integers(1, 40), SCALES, st.integers(-128, 127))
def test_softmax_is_within_a_step_of_real_softmax(single, classes, scale, zero_point):
    """In fixed point the result is at most one step of 1/256 away from the real one."""
    graph = single(Softmax(), (3, 2, classes))
    params = {
        "in_0": QuantParams(scale, zero_point),
        "block/op": QuantParams(1 / 256, -128),
    }
    program = lower(replace(graph, quantisation=params))
    (values,) = run_inputs(program).values()

    real = np.exp(scale * (values - values.max(axis=2, keepdims=True).astype(np.float64)))
    real /= real.sum(axis=2, keepdims=True)
    output = run_reference(program).records[0].output
    assert isinstance(program.records[0], SoftmaxRecord)
    assert np.abs(output + 128.0 - np.minimum(real * 256, 255)).max() <= 1.0


def test_moving_operators_are_numpy_indexing(single):
    """Slice, transpose, resize and pad put each element where the graph says."""
    shape = (4, 6, 8)
    cases = {
        Slice(start=(1, 0, 1), size=(2, 3, 4), step=(1, 2, 2)): lambda x: x[1:3, 0:6:2, 1:8:2],
        Transpose(view=(1, 24, 2, 4), permutation=(0, 1, 3, 2), shape=shape): lambda x: (
            x.reshape(24, 2, 4).transpose(0, 2, 1).reshape(shape)
        ),
        ResizeNearest(out_h=7, out_w=3): lambda x: x[[0, 0, 1, 1, 2, 2, 3]][:, [0, 2, 4]],
        Pad(pads=Pads(1, 0, 2, 3)): lambda x: np.pad(
            x, ((1, 2), (0, 3), (0, 0)), constant_values=-128
        ),
    }
    for op, expected in cases.items():
        program = lower(single(op, shape))
        (source,) = run_inputs(program).values()
        output = run_reference(program).outputs["block/op"]
        assert np.array_equal(output, expected(source)), op


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_concatenation_is_numpy_concatenate(single, axis):
    """Along any axis, in the order of the inputs."""
    shapes = [[4, 4, 4], [4, 4, 4], [4, 4, 4]]
    shapes[1][axis] = 2
    program = lower(single(Concat(axis=axis), *map(tuple, shapes)))

    output = run_reference(program).outputs["block/op"]
    assert np.array_equal(output, np.concatenate(list(run_inputs(program).values()), axis=axis))


def test_lookup_is_its_table(single):
    """A sigmoid's output is the table's entry for each input byte."""
    program = lower(single(Unary(function=UnaryFunction.SIGMOID), (5, 5, 3)))
    (source,) = run_inputs(program).values()
    table = np.frombuffer(program.constants[0].data, np.int8)

    expected = table[source.astype(int) + 128]
    assert np.array_equal(run_reference(program).outputs["block/op"], expected)


def test_checksum_is_zlib_crc_of_the_output_bytes(single):
    """What a board must report is the CRC-32 of the output tensor in memory order."""
    program = lower(single(Conv2d(kernel_h=1, kernel_w=1, out_channels=4), (3, 3, 4)))
    result = run_reference(program)

    assert expected_checksums(program) == (zlib.crc32(result.outputs["block/op"].tobytes()),)
