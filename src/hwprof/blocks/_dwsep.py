"""MobileNetV1's block: a depthwise convolution, then a 1x1 convolution, each activated.

Howard et al., "MobileNets", 2017 (arXiv 1704.04861), figure 3, batch normalisation folded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwprof.blocks._base import Axis, BlockConfig, BlockType, GraphBuilder, Value
from hwprof.blocks._parts import akin, numbers, pointwise, read_activation, same_depthwise, whole
from hwprof.graph import Activation, Shape

# MobileNetV1 1.0 at 160x160 reads 80x80x32 and writes 80x80x64 = 409,600 elements; its last pair
# weighs 1024x1024 = the whole pool of seeded weights (docs/FORMATS.md, "Seeded tensors").
_MOST_ELEMENTS = 420_000
_MOST_WEIGHTS = 1 << 20
_MOST_MACS = 21_000_000


class DepthwiseSeparable(BlockType):
    """Parameters: kernel, stride, c_out, activation; padded as TensorFlow's 'SAME'."""

    name = "dwsep"

    def axes(self) -> tuple[Axis, ...]:
        return (
            Axis("stride", (1, 2)),
            Axis("kernel", (3, 5)),
            Axis("height", whole(2, 112), log=True),
            Axis("width", whole(2, 112), log=True),
            Axis("c_in", whole(8, 1024, step=4), log=True),
            Axis("c_out", whole(8, 1024, step=4), log=True),
            Axis("activation", (Activation.RELU.value, Activation.RELU6.value)),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        height, width, c_in, c_out = numbers(values, "height", "width", "c_in", "c_out")
        stride, kernel = numbers(values, "stride", "kernel")
        pixels = -(-height // stride) * -(-width // stride)
        macs = pixels * c_in * (kernel * kernel + c_out)
        largest = max(height * width * c_in, pixels * c_out)
        if not akin(c_in, c_out):
            return None
        if largest > _MOST_ELEMENTS or c_in * c_out > _MOST_WEIGHTS or macs > _MOST_MACS:
            return None
        activation = Activation(str(values["activation"]))
        shape = (height, width, c_in)
        return self.of(shape, kernel=kernel, stride=stride, c_out=c_out, activation=activation)

    def of(
        self,
        shape: Shape,
        *,
        stride: int,
        c_out: int,
        kernel: int = 3,
        activation: Activation = Activation.RELU,
    ) -> BlockConfig:
        """The configuration for one input shape."""
        return BlockConfig.of(
            self.name,
            [shape],
            kernel=kernel,
            stride=stride,
            c_out=c_out,
            activation=activation.value,
        )

    def build(
        self, builder: GraphBuilder, block: str, config: BlockConfig, inputs: Sequence[str]
    ) -> str:
        activation = read_activation(config)
        kernel, stride = config.integer("kernel"), config.integer("stride")
        conv = same_depthwise(builder.shape(inputs[0]), kernel, stride, activation=activation)
        tensor = builder.add(block, "dw", conv, *inputs)
        wide = pointwise(config.integer("c_out"), activation=activation)
        return builder.add(block, "pw", wide, tensor)
