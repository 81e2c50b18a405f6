"""Graphs become the kernel calls that lowering makes of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.blocks import GraphBuilder
from hwprof.graph import (
    AveragePool,
    Concat,
    Conv2d,
    Pad,
    Pads,
    Reshape,
    Slice,
    Softmax,
    Transpose,
)
from hwprof.surrogates.calls import DENSE, STEP_2, ZIPPED, KernelClass
from hwprof.surrogates.cost_terms._base import window
from hwprof.surrogates.outlines import graph_calls


def calls_of(op, *shapes):  # noqa: ANN002 - as in the other files, named is enough
    """Columns of the calls of a graph with one operator."""
    builder = GraphBuilder()
    inputs = [builder.input(f"x{i}", shape) for i, shape in enumerate(shapes)]
    return graph_calls([builder.finish("one", [builder.add("", "y", op, *inputs)])]).calls


class TestConvolution:
    """A convolution is one call of the kernel that its shapes select."""

    @pytest.mark.parametrize(
        ("op", "kernel"),
        [
            (Conv2d(kernel_h=1, kernel_w=1, out_channels=8), KernelClass.POINTWISE),
            (
                Conv2d(kernel_h=1, kernel_w=1, stride_h=2, stride_w=2, out_channels=8),
                KernelClass.POINTWISE,
            ),
            (Conv2d(kernel_h=1, kernel_w=1, out_channels=8, groups=2), KernelClass.CONV),
            (Conv2d(kernel_h=3, kernel_w=3, out_channels=8), KernelClass.CONV),
            (Conv2d(kernel_h=1, kernel_w=1, out_channels=8, pads=Pads(1)), KernelClass.CONV),
            (
                Conv2d(kernel_h=3, kernel_w=3, out_channels=4, groups=4, pads=Pads.same(3)),
                KernelClass.DEPTHWISE_3X3,
            ),
            (
                Conv2d(kernel_h=3, kernel_w=3, out_channels=4, groups=4, pads=Pads(2, 2, 2, 2)),
                KernelClass.DEPTHWISE_BUFFERED,
            ),
            (
                Conv2d(kernel_h=5, kernel_w=5, out_channels=4, groups=4),
                KernelClass.DEPTHWISE_BUFFERED,
            ),
            (
                Conv2d(kernel_h=3, kernel_w=3, out_channels=8, groups=4),
                KernelClass.DEPTHWISE_GENERIC,
            ),
        ],
    )
    def test_kernel(self, op, kernel):
        """Kernel size, padding, stride and groups decide the kernel class."""
        assert calls_of(op, (9, 9, 4)).kernel.tolist() == [kernel]

    def test_macs(self):
        """A call carries the MACs of its node."""
        op = Conv2d(kernel_h=3, kernel_w=3, out_channels=6, groups=2)

        assert calls_of(op, (5, 7, 4)).macs.tolist() == [op.macs([(5, 7, 4)])]


class TestMovement:
    """Data movement is counted in runs, as the copying kernels see them."""

    def test_concat(self):
        """Joining channels copies one run for each pixel of each input."""
        calls = calls_of(Concat(), (4, 5, 8), (4, 5, 3))

        assert calls.runs.tolist() == [20, 20]
        assert calls.run_length.tolist() == [8, 3]

    def test_whole_pixels(self):
        """Joining rows copies one run for each row."""
        calls = calls_of(Concat(axis=0), (4, 5, 8), (3, 5, 8))

        assert calls.runs.tolist() == [4, 3]
        assert calls.run_length.tolist() == [40, 40]

    def test_every_second_channel(self):
        """A slice of every second channel has runs of step 2."""
        calls = calls_of(Slice(start=(0, 0, 1), size=(4, 5, 4), step=(1, 1, 2)), (4, 5, 8))

        assert calls.run_step.tolist() == [STEP_2]

    def test_pad(self):
        """A pad fills its output, then copies its input inside."""
        calls = calls_of(Pad(pads=Pads(1, 1, 1, 1)), (4, 5, 8))

        assert calls.kernel.tolist() == [KernelClass.FILL, KernelClass.COPY]

    def test_reshape(self):
        """A reshape calls nothing."""
        assert not len(graph_calls([_reshape_graph()]).block)

    @pytest.mark.parametrize(
        ("view", "permutation", "runs", "length", "step"),
        [
            ((1, 12, 2, 4), (0, 1, 3, 2), 12, 4, ZIPPED),
            ((1, 12, 4, 2), (0, 1, 3, 2), 24, 4, STEP_2),
            ((1, 3, 4, 8), (0, 2, 1, 3), 12, 8, DENSE),
            ((2, 3, 4, 4), (3, 0, 1, 2), 24, 4, 4),
        ],
    )
    def test_transpose(self, view, permutation, runs, length, step):
        """Two rows are zipped; other permutations copy runs of the input's stride."""
        op = Transpose(view=view, permutation=permutation, shape=(3, 4, 8))
        calls = calls_of(op, (3, 4, 8))

        assert (calls.runs[0], calls.run_length[0], calls.run_step[0]) == (runs, length, step)


def test_softmax_before_concat():
    """A softmax that is joined to another tensor costs a requantisation."""
    builder = GraphBuilder()
    first = builder.input("x", (2, 2, 4))
    second = builder.add("", "softmax", Softmax(), first)
    graph = builder.finish("joined", [builder.add("", "y", Concat(), first, second)])

    kernels = graph_calls([graph]).calls.kernel.tolist()

    assert kernels.count(KernelClass.REQUANTISE) == 1


def _reshape_graph():
    builder = GraphBuilder()
    x = builder.input("x", (2, 2, 4))
    return builder.finish("view", [builder.add("", "y", Reshape(shape=(1, 1, 16)), x)])


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(3, 12), st.integers(3, 12)),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
)
def test_window_positions(size, kernel, stride, pads):
    """Positions of a window inside the input are those that a walk over it finds."""
    kernel_h, kernel_w = (min(k, s) for k, s in zip(kernel, size, strict=True))
    op = AveragePool(
        kernel_h=kernel_h,
        kernel_w=kernel_w,
        stride_h=stride[0],
        stride_w=stride[1],
        pads=Pads(*(min(pad, kernel_h - 1, kernel_w - 1) for pad in pads)),
    )
    shape = (*size, 2)
    out_h, out_w, _ = op.output_shape([shape])
    rows = [
        sum(0 <= y * op.stride_h - op.pads.top + i < size[0] for i in range(kernel_h))
        for y in range(out_h)
    ]
    columns = [
        sum(0 <= x * op.stride_w - op.pads.left + i < size[1] for i in range(kernel_w))
        for x in range(out_w)
    ]

    inside = window(calls_of(op, shape))

    assert inside.taps.tolist() == [sum(rows) * sum(columns)]
    assert inside.rows.tolist() == [sum(rows) * out_w]
