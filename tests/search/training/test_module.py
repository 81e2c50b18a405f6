"""The module that is trained computes what the graph's file says."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from hwprof.blocks import GraphBuilder
from hwprof.errors import UnsupportedOperatorError
from hwprof.graph import (
    Activation,
    Add,
    AveragePool,
    Concat,
    Conv2d,
    MaxPool,
    Mul,
    Pads,
    ResizeNearest,
    Slice,
    Softmax,
    Unary,
    UnaryFunction,
)
from hwprof.networks import fastestdet
from hwprof.onnx_io.writer import to_model_proto
from hwprof.search.training.module import GraphModule

SHAPE = (9, 11, 8)


def _conv(**changes):
    return Conv2d(**{"kernel_h": 3, "kernel_w": 3, "out_channels": 8} | changes)


OPERATORS = {
    "convolution": _conv(activation=Activation.RELU),
    "even pads": _conv(pads=Pads(1, 2, 1, 2), activation=Activation.RELU6),
    "uneven pads": _conv(kernel_h=4, kernel_w=2, pads=Pads.same(4)),
    "strides": _conv(stride_h=2, stride_w=3, pads=Pads(1, 1, 0, 1)),
    "groups": _conv(groups=4, out_channels=12),
    "depthwise": _conv(groups=8, pads=Pads.same(3)),
    "max pool": MaxPool(kernel_h=3, kernel_w=3, stride_h=2, stride_w=2, pads=Pads(1, 0, 1, 1)),
    "mean of what is there": AveragePool(
        kernel_h=3, kernel_w=3, stride_h=2, stride_w=2, pads=Pads(1, 1, 1, 1)
    ),
    "mean with pads": AveragePool(
        kernel_h=3, kernel_w=2, pads=Pads(1, 0, 1, 1), count_include_pad=True
    ),
    "resize": ResizeNearest(out_h=18, out_w=33),
    "slice": Slice(start=(1, 0, 1), size=(4, 11, 3), step=(2, 1, 2)),
    "sigmoid": Unary(function=UnaryFunction.SIGMOID),
    "tanh": Unary(function=UnaryFunction.TANH),
    "softmax": Softmax(),
}
JOINS = {
    "sum": Add(),
    "rectified sum": Add(activation=Activation.RELU),
    "rows": Concat(axis=0),
    "columns": Concat(axis=1),
    "channels": Concat(axis=2),
}


def _randomised(graph) -> GraphModule:
    """Batch normalisation that does something, as after training."""
    torch.manual_seed(0)
    module = GraphModule(graph)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias)
            nn.init.normal_(norm.running_mean)
            nn.init.uniform_(norm.running_var, 0.5, 2)
    return module.eval()


def _outputs(graph, *, seed=0):
    """What module and onnxruntime make of one input."""
    module = _randomised(graph)
    ((h, w, c),) = graph.inputs.values()
    x = np.random.default_rng(seed).standard_normal((1, c, h, w), dtype=np.float32)
    model = to_model_proto(module.folded())
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (expected,) = session.run(None, {session.get_inputs()[0].name: x})
    with torch.no_grad():
        return module(torch.from_numpy(x)).numpy(), expected


@pytest.mark.parametrize("op", OPERATORS.values(), ids=OPERATORS)
def test_operator_is_what_its_file_computes(op):
    """A node's module and onnxruntime on its ONNX file agree, normalisation folded or not."""
    builder = GraphBuilder()
    graph = builder.finish("one", [builder.add("b", "op", op, builder.input("x", SHAPE))])

    computed, expected = _outputs(graph)

    np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("op", JOINS.values(), ids=JOINS)
def test_join_is_what_its_file_computes(op):
    """Two convolutions joined: the activation of a sum leaves its inputs alone."""
    builder = GraphBuilder()
    x = builder.input("x", SHAPE)
    branches = [builder.add("b", name, _conv(pads=Pads.same(3)), x) for name in ("left", "right")]
    joined = builder.add("b", "join", op, *branches)
    both = builder.add("b", "both", Concat(axis=1), joined, joined)

    computed, expected = _outputs(builder.finish("join", [both]))

    np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("k", [2, 5])
def test_detector_is_what_its_file_computes(k):
    """A whole detector, even kernels too, agrees with its folded ONNX file."""
    graph = fastestdet(height=64, width=96, k=k, g=2, c=24, classes=2).graph()

    computed, expected = _outputs(graph)

    assert computed.shape == (1, 7, 4, 6)
    np.testing.assert_allclose(computed, expected, rtol=1e-3, atol=1e-4)


def test_an_activation_leaves_what_others_read():
    """Rectifying in place changes no tensor that a second node reads."""
    builder = GraphBuilder()
    x = builder.input("x", SHAPE)
    conv = builder.add("b", "conv", _conv(pads=Pads.same(3)), x)
    total = builder.add("b", "sum", Add(activation=Activation.RELU), conv, conv)
    graph = builder.finish("twice", [builder.add("b", "again", Add(), conv, total)])
    module = _randomised(graph)
    picture = torch.randn(1, 8, 9, 11)

    with torch.no_grad():
        conv_output = module.unit("b/conv")(picture)
        output = module(picture)

    torch.testing.assert_close(output, conv_output + (2 * conv_output).relu())


def test_gradients_reach_every_weight():
    """One step back from the output gives each convolution of a detector a gradient."""
    graph = fastestdet(height=64, width=64, c=24, classes=2).graph()
    module = _randomised(graph).train()

    module(torch.randn(2, 3, 64, 64)).square().sum().backward()

    assert all(unit.conv.weight.grad.abs().sum() > 0 for _, unit in module.named_units())


@pytest.mark.parametrize(
    ("op", "kind"),
    [(Unary(function=UnaryFunction.HARD_SWISH), "unary"), (None, "mul")],
    ids=["function", "operator"],
)
def test_unknown_operator_is_refused(op, kind):
    """An operator that nothing here computes is named before anything is trained."""
    builder = GraphBuilder()
    x = builder.input("x", SHAPE)
    node = builder.add("b", "odd", op, x) if op else builder.add("b", "odd", Mul(), x, x)

    with pytest.raises(UnsupportedOperatorError, match=f"not 'b/odd', a {kind}; train the model"):
        GraphModule(builder.finish("odd", [node]))


def test_several_outputs_are_refused():
    """A loss has one output map to judge."""
    builder = GraphBuilder()
    x = builder.input("x", SHAPE)
    nodes = [builder.add("b", name, Softmax(), x) for name in ("one", "two")]

    with pytest.raises(UnsupportedOperatorError, match="'two heads' has 1 and 2"):
        GraphModule(builder.finish("two heads", nodes))


def test_names_with_dots_stay_apart():
    """Foreign nodes may be called ``a.b``, and beside it ``a%2Eb``."""
    builder = GraphBuilder()
    first = builder.add("", "a.b", _conv(), builder.input("x", SHAPE))
    graph = builder.finish("dots", [builder.add("", "a%2Eb", _conv(), first)])

    module = GraphModule(graph)

    assert [name for name, _ in module.named_units()] == ["a.b", "a%2Eb"]
    assert module.unit("a.b") is not module.unit("a%2Eb")
