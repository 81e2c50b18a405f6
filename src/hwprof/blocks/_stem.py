"""The opening of ShuffleNetV2: a 3x3 convolution and a 3x3 max-pool, both of stride 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwprof.blocks._base import Axis, BlockConfig, BlockType, GraphBuilder, Value
from hwprof.blocks._parts import numbers, square_conv, whole
from hwprof.graph import Activation, MaxPool, Pads, Shape

# At FastestDet's own 352x352 the picture and the first map of 24 channels are 1,115,136 elements;
# much more than that does not fit the RT1170's OCRAM.
_MOST_ELEMENTS = 1_150_000


class Stem(BlockType):
    """Parameter: c_out."""

    name = "stem"

    def axes(self) -> tuple[Axis, ...]:
        return (
            Axis("height", whole(96, 352), log=True),
            Axis("width", whole(96, 352), log=True),
            Axis("c_out", (16, 24, 32)),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        height, width, c_out = numbers(values, "height", "width", "c_out")
        first_map = -(-height // 2) * -(-width // 2) * c_out
        if height * width * 3 + first_map > _MOST_ELEMENTS:
            return None
        return self.of((height, width, 3), c_out=c_out)

    def of(self, shape: Shape, *, c_out: int) -> BlockConfig:
        """The configuration for one input shape."""
        return BlockConfig.of(self.name, [shape], c_out=c_out)

    def build(
        self, builder: GraphBuilder, block: str, config: BlockConfig, inputs: Sequence[str]
    ) -> str:
        conv = square_conv(config.integer("c_out"), 3, stride=2, activation=Activation.RELU)
        pool = MaxPool(kernel_h=3, kernel_w=3, stride_h=2, stride_w=2, pads=Pads.same(3))
        return builder.add(block, "pool", pool, builder.add(block, "conv", conv, *inputs))
