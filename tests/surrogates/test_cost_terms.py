"""Cost terms count what the loops of the kernels do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.architecture import block_graph
from hwprof.blocks import BLOCK_TYPES, GraphBuilder
from hwprof.graph import Conv2d, FullyConnected, Pads, ResizeNearest, Slice
from hwprof.surrogates import cost_terms
from hwprof.surrogates.calls import Calls
from hwprof.surrogates.cost_terms import COUNTERS, TERMS, count_terms
from hwprof.surrogates.outlines import graph_calls


def terms_of(op, shape):
    """Counts of a single operator by term name."""
    builder = GraphBuilder()
    tensor = builder.add("", "y", op, builder.input("x", shape))
    counts = count_terms(graph_calls([builder.finish("one", [tensor])]))[0]
    return {term.name: count for term, count in zip(TERMS, counts.tolist(), strict=True)}


def any_call():
    """Columns of one call with every field 1."""
    return Calls.of([(1,) * len(Calls._fields)])


@pytest.mark.parametrize("kernel", COUNTERS)
def test_columns(kernel):
    """A counter counts exactly the columns it announces."""
    counter = COUNTERS[kernel]

    assert list(counter.count(any_call())) == [column.name for column in counter.columns]


def test_few_and_many_agree(board, monkeypatch):
    """Calls counted one by one and together have the same counts."""
    calls = graph_calls(
        block_graph(config) for name in BLOCK_TYPES for config in board.draw(name, 4)
    )
    monkeypatch.setattr(cost_terms, "_FEW_CALLS", len(calls.block))
    one_by_one = count_terms(calls)
    monkeypatch.setattr(cost_terms, "_FEW_CALLS", 0)

    np.testing.assert_array_equal(count_terms(calls), one_by_one)


def test_names():
    """No two terms share a name, and each says what it counts."""
    assert len({term.name for term in TERMS}) == len(TERMS)
    assert all(term.unit and term.guess_cycles > 0 for term in TERMS)


_SHAPES = st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 21))


@settings(max_examples=40, deadline=None)
@given(shape=_SHAPES, channels=st.integers(1, 9), stride=st.integers(1, 2))
def test_pointwise_macs(shape, channels, stride):
    """Steps of a 1x1 convolution do every multiplication once."""
    op = Conv2d(kernel_h=1, kernel_w=1, out_channels=channels, stride_h=stride, stride_w=stride)
    terms = terms_of(op, shape)

    in_blocks = 4 * sum(width * terms[f"pointwise_steps_of_{width}"] for width in (16, 4, 1))
    alone = sum(width * terms[f"pointwise_single_steps_of_{width}"] for width in (4, 1))

    assert in_blocks + alone == op.macs([shape])


@settings(max_examples=40, deadline=None)
@given(shape=_SHAPES, kernel=st.integers(2, 4), groups=st.integers(1, 3))
def test_conv_macs(shape, kernel, groups):
    """Steps of a grouped convolution do every multiplication once, padding included."""
    op = Conv2d(
        kernel_h=kernel,
        kernel_w=kernel,
        out_channels=5 * groups,
        groups=groups,
        pads=Pads.same(kernel),
    )
    shape = (shape[0], shape[1], 2 * groups * shape[2])
    terms = terms_of(op, shape)

    in_blocks = 4 * (4 * terms["conv_steps_of_4"] + terms["conv_steps_of_1"])
    alone = 4 * terms["conv_single_steps_of_4"] + terms["conv_single_steps_of_1"]

    assert in_blocks + alone == op.macs([shape])


@settings(max_examples=40, deadline=None)
@given(shape=_SHAPES, kernel=st.integers(2, 5))
def test_depthwise_macs(shape, kernel):
    """Taps of a depthwise convolution do every multiplication inside the input once."""
    shape = (shape[0] + 1, shape[1] + 1, shape[2] + 1)
    op = Conv2d(kernel_h=kernel, kernel_w=kernel, out_channels=shape[2], groups=shape[2])
    if min(shape[:2]) < kernel:
        return
    terms = terms_of(op, shape)

    dedicated = 4 * terms["depthwise_3x3_quad_taps"] + terms["depthwise_3x3_single_taps"]
    buffered = (
        8 * terms["depthwise_buffered_quad_tap_pairs"]
        + 4 * terms["depthwise_buffered_quad_last_taps"]
        + terms["depthwise_buffered_single_taps"]
    )

    assert dedicated + buffered == op.macs([shape])


@settings(max_examples=20, deadline=None)
@given(features=st.integers(1, 70), outputs=st.integers(1, 9))
def test_fully_connected_macs(features, outputs):
    """Steps of a fully connected layer do every multiplication once."""
    op = FullyConnected(out_features=outputs)
    terms = terms_of(op, (1, 1, features))

    pairs = 4 * terms["fully_connected_pair_steps_of_4"] + terms["fully_connected_pair_steps_of_1"]
    last = 4 * terms["fully_connected_last_steps_of_4"] + terms["fully_connected_last_steps_of_1"]

    assert 2 * pairs + last == op.macs([(1, 1, features)])


@settings(max_examples=20, deadline=None)
@given(shape=_SHAPES, grow=st.tuples(st.integers(1, 3), st.integers(1, 3)))
def test_resize_bytes(shape, grow):
    """A resize writes each output byte once."""
    op = ResizeNearest(out_h=shape[0] * grow[0], out_w=shape[1] * grow[1])
    terms = terms_of(op, shape)

    written = (
        16 * terms["resize_dense_16"]
        + 4 * terms["resize_dense_words"]
        + terms["resize_dense_bytes"]
    )

    assert written == np.prod(op.output_shape([shape]))


@settings(max_examples=20, deadline=None)
@given(channels=st.integers(1, 40), step=st.integers(1, 3))
def test_slice_bytes(channels, step):
    """A slice writes each output byte once, whatever its step."""
    op = Slice(start=(0, 0, 0), size=(3, 4, channels), step=(1, 1, step))
    terms = terms_of(op, (3, 5, channels * step))

    written = (
        16 * terms["copy_dense_16"]
        + 4 * (terms["copy_dense_words"] + terms["copy_second_words"])
        + terms["copy_dense_bytes"]
        + terms["copy_second_bytes"]
        + terms["copy_strided_bytes"]
    )

    assert written == 12 * channels
