"""QDQ networks held against onnxruntime: operator by operator, and from end to end.

Run: python benchmarks/qdq_models.py [MODEL.onnx ...]

Each network, in floating point, is quantised by onnxruntime's static quantiser in several ways, or
read from a QDQ file of somebody's. The first table has the largest difference of each kind of
operator, fed onnxruntime's own int8 inputs; the second the difference at the outputs when each
runs the whole network by itself, beside how far onnxruntime's fused int8 kernels are from its own
unfused computation, which ours is compared with. All are in steps of the output's scale.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import onnx
from onnx import version_converter

from hwprof.blocks import GraphBuilder
from hwprof.errors import HwprofError
from hwprof.graph import (
    Activation,
    Add,
    AveragePool,
    Conv2d,
    FullyConnected,
    Graph,
    Pads,
    Unary,
    UnaryFunction,
)
from hwprof.networks import NETWORKS, parse_architecture
from hwprof.onnx_io import read_onnx, to_model_proto
from hwprof.testing.qdq import (
    Difference,
    Recipe,
    graph_differences,
    onnxruntime_spread,
    onnxruntime_tensors,
    operator_differences,
    quantise_with_onnxruntime,
    random_feeds,
)

if TYPE_CHECKING:
    from onnx import ModelProto

RECIPES = {
    "int8/channel": Recipe(),
    "uint8/tensor": Recipe(activations="QUInt8", per_channel=False),
    "symmetric": Recipe(symmetric=True),
    "optimised": Recipe(activations="QUInt8", optimised=True),
}
PER_CHANNEL_OPSET = 13
SEED = 7
DETECTOR = "person-detector:k=5,g=1,c=96,width=320,aspect=0.6"


class _Residual:
    """Builds residual blocks on what was built before."""

    def __init__(self) -> None:
        self._builder = GraphBuilder()
        self._tensor = self._builder.input("image", (32, 32, 3))
        self._count = 0

    def conv(self, source: str, channels: int, *, kernel: int = 3, stride: int = 1) -> str:
        """A convolution without activation; the name of its output."""
        self._count += 1
        op = Conv2d(
            kernel_h=kernel,
            kernel_w=kernel,
            stride_h=stride,
            stride_w=stride,
            out_channels=channels,
            pads=Pads.same(kernel),
        )
        return self._builder.add(f"conv{self._count}", "conv", op, source)

    def block(self, channels: int, stride: int) -> None:
        """Two convolutions and the shortcut around them."""
        source = self._tensor
        inside = self.conv(self._rectified(self.conv(source, channels, stride=stride)), channels)
        if self._builder.shape(source) != self._builder.shape(inside):
            source = self.conv(source, channels, kernel=1, stride=stride)
        total = Add(activation=Activation.RELU)
        self._tensor = self._builder.add(f"sum{self._count}", "sum", total, inside, source)

    def _rectified(self, source: str) -> str:
        relu = Unary(function=UnaryFunction.RELU)
        return self._builder.add(f"relu{self._count}", "relu", relu, source)

    def finish(self, classes: int) -> Graph:
        """Global average and dense layer."""
        height, width, _ = self._builder.shape(self._tensor)
        pool = AveragePool(kernel_h=height, kernel_w=width)
        tensor = self._builder.add("head", "pool", pool, self._tensor)
        output = self._builder.add("head", "fc", FullyConnected(out_features=classes), tensor)
        return self._builder.finish("residual", [output])


def residual_network() -> Graph:
    """Three stages of two residual blocks, as the networks for CIFAR-10 have them."""
    network = _Residual()
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        network.block(channels, stride)
        network.block(channels, 1)
    return network.finish(10)


def networks() -> Iterator[tuple[str, ModelProto]]:
    """Float networks by name."""
    yield "residual", to_model_proto(residual_network())
    for name in sorted(set(NETWORKS) - {"person-detector", "fastestdet"}):
        yield name, to_model_proto(NETWORKS[name]().graph(seed=0))
    yield DETECTOR, to_model_proto(parse_architecture(DETECTOR).graph(seed=0))


def models(paths: list[str]) -> Iterator[tuple[str, str, ModelProto]]:
    """(name, recipe, QDQ model); a file that is quantised already has no recipe."""
    floats = [(path, _recent(onnx.load(path))) for path in paths] if paths else networks()
    for name, model in floats:
        if any(node.op_type == "QuantizeLinear" for node in model.graph.node):
            yield name, "as it is", model
            continue
        for recipe, how in RECIPES.items():
            yield name, recipe, quantise_with_onnxruntime(model, how)


def _recent(model: ModelProto) -> ModelProto:
    """The model in an opset that has scales for each channel."""
    opset = max(entry.version for entry in model.opset_import if not entry.domain)
    return model if opset >= PER_CHANNEL_OPSET else version_converter.convert_version(model, 17)


def compare(model: ModelProto) -> tuple[list[Difference], list[Difference], int]:
    """Differences of the nodes and of the outputs, and onnxruntime's from itself."""
    read = read_onnx(model)
    tensors = onnxruntime_tensors(model, read, random_feeds(model, SEED))
    return (
        operator_differences(read, tensors),
        graph_differences(read, tensors),
        onnxruntime_spread(model, read, tensors, SEED),
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", help="ONNX files; without any, networks of ours")
    by_kind: defaultdict[str, list[Difference]] = defaultdict(list)
    print(
        f"{'network':50} {'quantised':13} {'nodes':>5} {'largest':>7} {'elements differ':>15} "
        f"{'onnxruntime, fused':>21}"
    )
    for name, recipe, model in models(parser.parse_args().models):
        try:
            nodes, outputs, spread = compare(model)
        except HwprofError as error:
            print(f"{name:50} {recipe:13} refused: {error}")
            continue
        for node in nodes:
            by_kind[node.kind].append(node)
        largest = max(output.largest_lsb for output in outputs)
        share = max(output.differing_share for output in outputs)
        print(f"{name:50} {recipe:13} {len(nodes):>5} {largest:>7} {share:>15.1%} {spread:>21}")
    print(f"\n{'operator':20} {'nodes':>6} {'largest':>8} {'elements that differ':>21}")
    for kind, found in sorted(by_kind.items()):
        share = sum(node.differing_share for node in found) / len(found)
        largest = max(node.largest_lsb for node in found)
        print(f"{kind:20} {len(found):>6} {largest:>8} {share:>21.2%}")


if __name__ == "__main__":
    main()
