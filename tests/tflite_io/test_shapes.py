"""Pooling, means, resizing and movement of data, held against TFLite's reference."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.graph import Reshape, ResizeNearest, Slice, Transpose
from hwprof.testing.tflite import TfliteBuilder
from hwprof.tflite_io import read_tflite


def moved(code: str, source, target, *operands: object, options: str = "", **values) -> bytes:
    """A model of one operator that keeps scales."""
    model = TfliteBuilder()
    x, y = model.input(source), model.tensor(target)
    constants = [model.constant(np.asarray(operand, np.int32)) for operand in operands]
    model.operator(code, [x, *constants], [y], options, **values)
    return model.finish(y)


def nodes_of(data: bytes) -> list[type]:
    """Operators of the graph that a file becomes."""
    return [type(node.op) for node in read_tflite(data).graph.nodes]


def pool(code: str, source, window, *, padding=0, activation=0, stride=(1, 1)) -> bytes:
    """A pooling; SAME (0) or VALID (1)."""
    shrink = (0, 0) if padding == 0 else (window[0] - 1, window[1] - 1)
    out = [
        -(-(size - less) // step)
        for size, less, step in zip(source[1:3], shrink, stride, strict=True)
    ]
    return moved(
        code, source, (1, *out, source[3]), options="Pool2DOptions",
        FilterHeight=window[0], FilterWidth=window[1], StrideH=stride[0], StrideW=stride[1],
        Padding=padding, FusedActivationFunction=activation,
    )  # fmt: skip


@pytest.mark.parametrize("code", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@given(
    st.tuples(st.integers(3, 7), st.integers(3, 7), st.integers(1, 4)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.integers(0, 1),
    st.integers(0, 3),
)
def test_pools(assert_exact, code, shape, window, stride, padding, activation):
    """Padding is left out, halves of a mean go away from zero, activations clamp."""
    source = (1, *shape)

    assert_exact(pool(code, source, window, padding=padding, activation=activation, stride=stride))


def mean(source, axes, *, keep: bool, scale: float = 0.07) -> bytes:
    """A mean over axes."""
    kept = [1 if axis in axes else size for axis, size in enumerate(source)]
    model = TfliteBuilder()
    x = model.input(source, scale=0.05, zero_point=-9)
    dims = kept if keep else [size for axis, size in enumerate(source) if axis not in axes]
    y = model.tensor(dims, scale=scale, zero_point=11)
    axis = model.constant(list(axes))
    model.operator("MEAN", [x, axis], [y], "ReducerOptions", KeepDims=keep)
    return model.finish(y)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    ("source", "axes"),
    [
        ((1, 7, 7, 5), (1, 2)),
        ((1, 4, 3, 6), (2, 1)),
        ((1, 4, 3, 6), (1,)),
        ((1, 4, 3, 6), (2,)),
        ((1, 4, 3, 6), (3,)),
        ((1, 4, 3, 6), (2, 3)),
        ((1, 4, 3, 6), (1, 2, 3)),
        ((1, 1, 1, 6), (1, 2)),
        ((1, 9, 5), (2,)),
        ((1, 9, 5), (1,)),
    ],
    ids=str,
)
def test_means(assert_exact, source, axes, keep):
    """Neighbouring axes, wherever they lie, in one rounding."""
    assert_exact(mean(source, axes, keep=keep))


@given(st.integers(1, 9), st.integers(1, 9), st.floats(2**-6, 1, width=32))
def test_mean_scales(assert_exact, height, width, scale):
    """The division by the number of pixels is part of the factor."""
    assert_exact(mean((1, height, width, 3), (1, 2), keep=True, scale=scale))


def resize(source, target, **values) -> bytes:
    """A nearest-neighbour resize of (h, w)."""
    return moved(
        "RESIZE_NEAREST_NEIGHBOR", (1, *source, 3), (1, *target, 3), target,
        options="ResizeNearestNeighborOptions", **values,
    )  # fmt: skip


@pytest.mark.parametrize("values", [{}, {"HalfPixelCenters": True}, {"AlignCorners": True}])
@given(st.tuples(*[st.integers(1, 9)] * 2), st.tuples(*[st.integers(1, 12)] * 2))
def test_resize(assert_exact, values, source, target):
    """Sizes that the kernel or a slice can make are exact; others are refused."""
    data = resize(source, target, **values)
    try:
        read_tflite(data)
    except UnsupportedOperatorError as error:
        assert "resize by a whole factor, without align_corners" in str(error)  # noqa: PT017
        return
    assert_exact(data)


@pytest.mark.parametrize("values", [{}, {"HalfPixelCenters": True}])
@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_whole_factors_grow(assert_exact, values, factor):
    """What networks do: grow by a whole factor, in either convention."""
    data = resize((3, 4), (3 * factor, 4 * factor), **values)

    assert nodes_of(data) == [ResizeNearest]
    assert_exact(data)


def test_whole_factors_shrink(assert_exact):
    """With pixel centres, every third row and column from the second on."""
    data = resize((9, 6), (3, 2), HalfPixelCenters=True)

    assert nodes_of(data)[0] is Slice
    assert_exact(data)


@pytest.mark.parametrize(
    ("source", "pads"),
    [
        ((1, 3, 4, 2), [[0, 0], [1, 2], [0, 3], [0, 0]]),
        ((1, 3, 4, 2), [[0, 0], [0, 0], [0, 0], [1, 4]]),
        ((1, 3, 4, 2), [[0, 0], [1, 0], [2, 1], [3, 0]]),
        ((1, 3, 4, 2), [[0, 0]] * 4),
        ((1, 5), [[0, 0], [2, 1]]),
    ],
    ids=str,
)
def test_pads(assert_exact, source, pads):
    """The zero point around height, width and channels."""
    target = [size + sum(pad) for size, pad in zip(source, pads, strict=True)]

    assert_exact(moved("PAD", source, target, pads, options="PadOptions"))


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_transposes(assert_exact, order):
    """Every order of four axes, the batch of one included."""
    source = (1, 3, 4, 5)
    target = [source[axis] for axis in order]

    assert_exact(moved("TRANSPOSE", source, target, list(order), options="TransposeOptions"))


def test_transpose_of_a_channel_shuffle(assert_exact):
    """Five axes, of which three stay together, are one transpose."""
    model = TfliteBuilder()
    x = model.input((1, 3, 4, 6))
    split, turned = model.tensor((1, 3, 4, 2, 3)), model.tensor((1, 3, 4, 3, 2))
    y = model.tensor((1, 3, 4, 6))
    model.operator("RESHAPE", [x, model.constant([1, 3, 4, 2, 3])], [split])
    model.operator("TRANSPOSE", [split, model.constant([0, 1, 2, 4, 3])], [turned])
    model.operator("RESHAPE", [turned, model.constant([1, 3, 4, 6])], [y])
    data = model.finish(y)

    assert nodes_of(data) == [Reshape, Transpose, Reshape]
    assert_exact(data)


@pytest.mark.parametrize("code", ["RESHAPE", "SQUEEZE", "EXPAND_DIMS"])
def test_reshapes(assert_exact, code):
    """The same bytes under other shapes."""
    source, target = ((1, 1, 3, 4), (1, 3, 4)) if code == "SQUEEZE" else ((1, 3, 4), (1, 1, 3, 4))
    operand = {"RESHAPE": [[1, 1, 3, 4]], "SQUEEZE": [], "EXPAND_DIMS": [1]}[code]
    options = "SqueezeOptions" if code == "SQUEEZE" else ""

    assert_exact(moved(code, source, target, *operand, options=options))


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_concatenation(assert_exact, axis):
    """Along every axis of a picture."""
    model = TfliteBuilder()
    shapes = [[1, 2, 3, 4], [1, 2, 3, 4]]
    shapes[1][axis] += 2
    target = [1, 2, 3, 4]
    target[axis] += shapes[1][axis]
    sources, y = [model.input(shape) for shape in shapes], model.tensor(target)
    model.operator("CONCATENATION", sources, [y], "ConcatenationOptions", Axis=axis)

    assert_exact(model.finish(y))


def test_concatenation_of_other_scales():
    """What the reference refuses is requantised to the output's scale."""
    from hwprof.profiler.lowering import lower
    from hwprof.profiler.reference import run_reference

    model = TfliteBuilder()
    a, b = model.input((1, 2), scale=0.5, zero_point=0), model.input((1, 2), scale=1, zero_point=4)
    y = model.tensor((1, 4), scale=1, zero_point=0)
    model.operator("CONCATENATION", [a, b], [y], "ConcatenationOptions", Axis=1)
    program = lower(read_tflite(model.finish(y)).graph)

    inputs = {"t0": np.array([20, -7], np.int8), "t1": np.array([5, 100], np.int8)}
    (output,) = run_reference(program, inputs).outputs.values()

    assert output.reshape(-1).tolist() == [10, -3, 1, 96]  # -3.5 goes up


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
@pytest.mark.parametrize("code", ["SPLIT", "SPLIT_V"])
def test_splits(assert_exact, code, axis):
    """Parts of equal size, or of the sizes given, are outputs of their own."""
    parts = [2, 2, 2] if code == "SPLIT" else [1, 2, 3]
    model = TfliteBuilder()
    x = model.input((1, 6, 6, 6))
    outputs = []
    for part in parts:
        shape = [1, 6, 6, 6]
        shape[axis] = part
        outputs.append(model.tensor(shape))
    where = model.constant(np.array(axis, np.int32))
    operands = [where, x] if code == "SPLIT" else [x, model.constant(parts), where]
    options = ("SplitOptions", "SplitVOptions")[code == "SPLIT_V"]
    model.operator(code, operands, outputs, options, NumSplits=3)

    assert_exact(model.finish(*outputs))


STRIDED = {
    "box": ([0, 1, 0, 1], [1, 4, 5, 3], [1, 1, 1, 1], (1, 3, 5, 2), {}),
    "steps": ([0, 0, 1, 0], [1, 6, 5, 4], [1, 2, 3, 3], (1, 3, 2, 2), {}),
    "negative": ([0, -4, 0, -2], [1, -1, 5, 4], [1, 1, 1, 1], (1, 3, 5, 2), {}),
    "masks": ([0, 2, 3, 1], [1, 3, 4, 2], [1, 1, 1, 1], (1, 3, 2, 3),
              {"BeginMask": 0b0010, "EndMask": 0b1100}),
    "shrink": ([0, 2, 0, 0], [1, 3, 5, 4], [1, 1, 1, 1], (1, 5, 4), {"ShrinkAxisMask": 0b0010}),
    "short": ([0, 2], [1, 6], [1, 2], (1, 2, 5, 4), {}),
}  # fmt: skip


@pytest.mark.parametrize("bounds", STRIDED.values(), ids=STRIDED)
def test_strided_slices(assert_exact, bounds):
    """Positive strides, positions from either end, masks."""
    begin, end, step, target, masks = bounds
    assert_exact(
        moved("STRIDED_SLICE", (1, 6, 5, 4), target, begin, end, step,
              options="StridedSliceOptions", **masks)
    )  # fmt: skip


def test_slice(assert_exact):
    """A dense box; -1 is all that is left."""
    assert_exact(moved("SLICE", (1, 6, 5, 4), (1, 2, 4, 3), [0, 1, 1, 0], [1, 2, -1, 3]))


GATHERS = {
    "run": [1, 2, 3],
    "every second": [0, 2, 4],
    "one": [5],
    "shuffle": [0, 3, 1, 4, 2, 5],
    "any order": [5, 0, 1, 4, 4, 2],
}


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("positions", GATHERS.values(), ids=GATHERS)
def test_gathers(assert_exact, positions, axis):
    """A slice, a shuffle, or runs that are joined."""
    target = [1, 6, 6, 6]
    target[axis] = len(positions)
    data = moved("GATHER", (1, 6, 6, 6), target, positions, options="GatherOptions", Axis=axis)

    assert_exact(data)


def test_gather_of_a_shuffle_is_one_transpose():
    """A channel shuffle written as a gather costs no copy for each channel."""
    data = moved("GATHER", (1, 2, 2, 6), (1, 2, 2, 6), GATHERS["shuffle"],
                 options="GatherOptions", Axis=3)  # fmt: skip

    assert nodes_of(data) == [Transpose]


ODD = [value for pair in zip(range(1, 700), range(700, 1, -1), strict=True) for value in pair]
FAULTS = {
    "a mean runs over neighbouring axes": mean((1, 4, 3, 6), (1, 3), keep=True),
    "axes lie between -4 and 3": moved("MEAN", (1, 2, 2, 2), (1, 2, 2), [7]),
    "these sizes do neither": resize((7, 7), (5, 5), HalfPixelCenters=True),
    "are those of the output; got": moved(
        "RESIZE_NEAREST_NEIGHBOR", (1, 2, 2, 3), (1, 4, 4, 3), [2, 2]
    ),
    r"a permutation names each of 4 axes once; got \[0, 0, 1, 2\]": moved(
        "TRANSPOSE", (1, 2, 2, 2), (1, 2, 2, 2), [0, 0, 1, 2]
    ),
    r"padding has two numbers for each of 4 axes; got \[1, 1\]": moved(
        "PAD", (1, 2, 2, 2), (1, 2, 2, 2), [[1, 1]]
    ),
    r"run along height, width and channels; got axis 0 of \[1, 2, 2, 2\]": moved(
        "PAD", (1, 2, 2, 2), (2, 2, 2, 2), [[1, 0], [0, 0], [0, 0], [0, 0]]
    ),
    "padding is zero in real numbers, 3 here; got": moved(
        "PADV2", (1, 2, 2, 2), (1, 3, 2, 2), [[0, 0], [1, 0], [0, 0], [0, 0]], [0]
    ),
    "an axis lies between -4 and 3; got 9": moved(
        "GATHER", (1, 2, 2, 2), (1, 2, 2, 2), [0, 1], options="GatherOptions", Axis=9
    ),
    "some of the gather's do not": moved(
        "GATHER", (1, 2, 2, 2), (1, 2, 2, 2), [0, 2], options="GatherOptions", Axis=3
    ),
    "copies at most 256 runs": moved(
        "GATHER", (1, 1, 1, 701), (1, 1, 1, len(ODD)), ODD, options="GatherOptions", Axis=3
    ),
    "a gather has no batch axes": moved(
        "GATHER", (1, 2, 2, 2), (1, 2, 2, 2), [0, 1], options="GatherOptions", BatchDims=1
    ),
    "up to four groups of axes; .* moves 5; split it": moved(
        "TRANSPOSE", (1, 2, 2, 2, 2, 2), (1, 2, 2, 2, 2, 2), [0, 5, 4, 3, 2, 1]
    ),
    "a stride is positive; got -1 along axis 1": moved(
        "STRIDED_SLICE", (1, 4), (1, 4), [0, 3], [1, 0], [1, -1], options="StridedSliceOptions"
    ),
    "a strided slice has no NewAxisMask": moved(
        "STRIDED_SLICE", (1, 4), (1, 4), [0, 0], [1, 4], [1, 1],
        options="StridedSliceOptions", NewAxisMask=1,
    ),
    "begin, end and stride are given for the same axes": moved(
        "STRIDED_SLICE", (1, 4), (1, 4), [0, 0], [1], [1, 1], options="StridedSliceOptions"
    ),
    "a begin and a size for each of 2 axes": moved("SLICE", (1, 4), (1, 2), [0], [1]),
    r"slice \(0, 0, 3\)\+\(1, 1, 4\)x\(1, 1, 1\) leaves": moved(
        "SLICE", (1, 4), (1, 4), [0, 3], [1, 4]
    ),
    "operand 1 is missing": moved("TRANSPOSE", (1, 2, 2, 3), (1, 2, 2, 3)),
    r"\(1, 1, 4\) to \(1, 1, 5\) changes the element": moved("RESHAPE", (1, 4), (1, 5), [1, 5]),
}  # fmt: skip


@pytest.mark.parametrize(("sentence", "data"), FAULTS.items(), ids=[s[:40] for s in FAULTS])
def test_faults(sentence, data):
    """What cannot be moved is refused in a sentence that says why."""
    with pytest.raises(ModelError, match=sentence):
        read_tflite(data)


def test_parts_that_leave_something_over():
    """A split gives all of its input."""
    model = TfliteBuilder()
    x, axis = model.input((1, 6)), model.constant(np.array(1, np.int32))
    parts = [model.tensor((1, 2)), model.tensor((1, 3))]
    model.operator("SPLIT", [axis, x], parts, "SplitOptions")

    with pytest.raises(ModelError, match="the parts have 5 of the 6 elements that are split"):
        read_tflite(model.finish(*parts))


def test_scales_that_a_movement_changes():
    """TFLite's kernels would ignore the other scale, so the file is wrong."""
    model = TfliteBuilder()
    x, y = model.input((1, 4), scale=0.5), model.tensor((1, 4), scale=0.25)
    model.operator("RESHAPE", [x], [y])

    with pytest.raises(ModelError, match=r"stay the same; the file has 0\.5 and 3 before, 0\.25"):
        read_tflite(model.finish(y))


def test_positions_that_are_computed():
    """Shapes and positions are fixed before the program is made."""
    model = TfliteBuilder()
    x, order = model.input((1, 4)), model.tensor((2,), kind="INT32", scale=None)
    y = model.tensor((4, 1))
    model.operator("TRANSPOSE", [x, order], [y])

    with pytest.raises(ModelError, match="operand 1 must be a constant of integers; 't1' is not"):
        read_tflite(model.finish(y))
