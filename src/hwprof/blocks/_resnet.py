"""ResNet's two blocks: two 3x3 convolutions, or a 3x3 between two 1x1, beside a shortcut.

He et al., "Deep Residual Learning", CVPR 2016, figure 5, batch normalisation folded. Where the
shapes differ the shortcut is a 1x1 convolution of the same stride (their option B); the stride of
a bottleneck is that of its 3x3 convolution, as in every later implementation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from hwprof.blocks._base import Axis, BlockConfig, BlockType, GraphBuilder, Value
from hwprof.blocks._parts import akin, numbers, pointwise, same_conv, whole
from hwprof.errors import ModelError
from hwprof.graph import Activation, Add, Conv2d, Shape

_RELU = Activation.RELU
_BASIC, _BOTTLENECK = "basic", "bottleneck"
# MLPerf Tiny's blocks read up to 32x32x16 and cost up to 4.7 M MACs; ResNet-18 at a quarter of
# its width and 224x224 reads 56x56x16 and costs 14.5 M.
_MOST_ELEMENTS = 260_000
_MOST_WEIGHTS = 1 << 20
_MOST_MACS = 21_000_000


class ResidualBlock(BlockType):
    """Parameters: kind (basic or bottleneck), middle (inner channels), stride, c_out.

    Padded as TensorFlow's 'SAME'.
    """

    name = "resnet"

    def axes(self) -> tuple[Axis, ...]:
        return (
            Axis("kind", (_BASIC, _BOTTLENECK)),
            Axis("shortcut", ("identity", "projection")),
            Axis("stride", (1, 2)),
            Axis("narrowing", (2, 4)),
            Axis("height", whole(2, 64), log=True),
            Axis("width", whole(2, 64), log=True),
            Axis("c_in", whole(8, 256, step=4), log=True),
            Axis("c_out", whole(8, 512, step=8), log=True),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        stride, narrowing, c_in, c_out = numbers(values, "stride", "narrowing", "c_in", "c_out")
        kind = str(values["kind"])
        if values["shortcut"] == "identity":
            stride, c_out = 1, c_in
        elif (stride == 1 and c_in == c_out) or not akin(c_in, c_out):
            return None
        middle = c_out if kind == _BASIC else c_out // narrowing
        shape = (int(values["height"]), int(values["width"]), c_in)
        largest = prod(shape[:2]) * max(c_in, c_out)
        config = self.of(shape, kind=kind, middle=middle, stride=stride, c_out=c_out)
        if largest > _MOST_ELEMENTS or 9 * middle * max(middle, c_in) > _MOST_WEIGHTS:
            return None
        return config if _macs(config) <= _MOST_MACS else None

    def of(
        self, shape: Shape, *, c_out: int, stride: int = 1, kind: str = _BASIC, middle: int = 0
    ) -> BlockConfig:
        """The configuration for one input shape; ``middle`` is ``c_out`` where it is left out."""
        return BlockConfig.of(
            self.name, [shape], kind=kind, middle=middle or c_out, stride=stride, c_out=c_out
        )

    def build(
        self, builder: GraphBuilder, block: str, config: BlockConfig, inputs: Sequence[str]
    ) -> str:
        (start,) = inputs
        shape = builder.shape(start)
        tensor = start
        for number, conv in enumerate(_main(shape, config), start=1):
            tensor = builder.add(block, f"conv{number}", conv, tensor)
        side = start
        if shape != builder.shape(tensor):
            projection = same_conv(shape, config.integer("c_out"), 1, config.integer("stride"))
            side = builder.add(block, "shortcut", projection, start)
        return builder.add(block, "add", Add(activation=_RELU), tensor, side)


def _main(shape: Shape, config: BlockConfig) -> tuple[Conv2d, ...]:
    """The convolutions beside the shortcut, in order; the last one is linear."""
    middle, c_out, stride = (config.integer(name) for name in ("middle", "c_out", "stride"))
    strided = same_conv(shape, middle, 3, stride, activation=_RELU)
    halved = strided.output_shape([(*shape[:2], shape[2])])
    mains = {
        _BASIC: (strided, same_conv(halved, c_out, 3, 1)),
        _BOTTLENECK: (pointwise(middle, activation=_RELU), strided, pointwise(c_out)),
    }
    kind = config.text("kind")
    if kind not in mains:
        raise ModelError(f"a resnet block is of kind {_BASIC} or {_BOTTLENECK}; got {kind!r}.")
    return mains[kind]


def _macs(config: BlockConfig) -> int:
    shape = config.inputs[0]
    total, tensor = 0, shape
    for conv in _main(shape, config):
        total += conv.macs([tensor])
        tensor = conv.output_shape([tensor])
    return total + (prod(tensor) * shape[2] if tensor != shape else 0)
