"""MobileNetV2's inverted residual: widen by a 1x1 convolution, filter each channel, narrow again.

Sandler et al., "MobileNetV2", CVPR 2018, section 3.3 and table 1, batch normalisation folded. The
last convolution is linear; input and output are added where their shapes are equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwprof.blocks._base import Axis, BlockConfig, BlockType, GraphBuilder, Value
from hwprof.blocks._parts import akin, numbers, pointwise, same_depthwise, whole
from hwprof.graph import Activation, Add, Shape

_RELU6 = Activation.RELU6
# Input, widened map and filtered map live at once in the RT1170's 1.1 MiB of OCRAM: MobileNetV2
# 1.0 at 128x128 needs 64x64x(16 + 96) + 32x32x96, alpha 0.35 at 224x224 56x56x(8 + 48 + 48).
_MOST_LIVE_ELEMENTS = 1_100_000
_MOST_WEIGHTS = 1 << 19
_MOST_MACS = 21_000_000


class InvertedResidual(BlockType):
    """Parameters: expanded (channels between the 1x1 convolutions), kernel, stride, c_out.

    A block whose ``expanded`` is its input's channels has no first convolution. Padded as
    TensorFlow's 'SAME'.
    """

    name = "mbconv"

    def axes(self) -> tuple[Axis, ...]:
        return (
            Axis("residual", (0, 1)),
            Axis("stride", (1, 2)),
            Axis("kernel", (3, 5, 7)),
            Axis("expansion", whole(1, 6)),
            Axis("height", whole(2, 112), log=True),
            Axis("width", whole(2, 112), log=True),
            Axis("c_in", whole(8, 320, step=4), log=True),
            Axis("c_out", whole(8, 320, step=4), log=True),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        residual, stride, kernel, expansion = numbers(
            values, "residual", "stride", "kernel", "expansion"
        )
        height, width, c_in, c_out = numbers(values, "height", "width", "c_in", "c_out")
        if residual:  # an addition needs equal shapes
            stride, c_out = 1, c_in
        if not akin(c_in, c_out):
            return None
        expanded = expansion * c_in
        pixels, out = height * width, -(-height // stride) * -(-width // stride)
        widening = pixels * c_in * expanded if expansion > 1 else 0
        live = pixels * (c_in + (expanded if expansion > 1 else 0)) + out * expanded
        macs = widening + out * expanded * (kernel * kernel + c_out)
        weights = expanded * max(c_in, c_out)
        if live > _MOST_LIVE_ELEMENTS or weights > _MOST_WEIGHTS or macs > _MOST_MACS:
            return None
        shape = (height, width, c_in)
        return self.of(shape, expanded=expanded, kernel=kernel, stride=stride, c_out=c_out)

    def of(
        self, shape: Shape, *, expanded: int, c_out: int, kernel: int = 3, stride: int = 1
    ) -> BlockConfig:
        """The configuration for one input shape."""
        return BlockConfig.of(
            self.name, [shape], expanded=expanded, kernel=kernel, stride=stride, c_out=c_out
        )

    def build(
        self, builder: GraphBuilder, block: str, config: BlockConfig, inputs: Sequence[str]
    ) -> str:
        kernel, stride = config.integer("kernel"), config.integer("stride")
        expanded = config.integer("expanded")
        start = tensor = inputs[0]
        if expanded != builder.shape(start)[2]:
            widen = pointwise(expanded, activation=_RELU6)
            tensor = builder.add(block, "expand", widen, tensor)
        conv = same_depthwise(builder.shape(tensor), kernel, stride, activation=_RELU6)
        tensor = builder.add(block, "dw", conv, tensor)
        tensor = builder.add(block, "project", pointwise(config.integer("c_out")), tensor)
        if builder.shape(tensor) != builder.shape(start):
            return tensor
        return builder.add(block, "add", Add(), tensor, start)
