"""FastestDet's detection head: objectness, box and class branches on one shared map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwprof.blocks._base import Axis, BlockConfig, BlockType, GraphBuilder, Value
from hwprof.blocks._parts import depthwise, down_to_multiple, numbers, pointwise, whole
from hwprof.graph import Activation, Concat, Op, Shape, Softmax, Unary, UnaryFunction

_RELU = Activation.RELU
_BOX_CHANNELS = 4


class DetectionHead(BlockType):
    """Parameters: classes, kernel (of the depthwise convolutions), groups (of the shared 1x1).

    The output has 5 + classes channels: objectness (sigmoid), four box numbers (raw), classes
    (softmax).
    """

    name = "dethead"

    def axes(self) -> tuple[Axis, ...]:
        return (
            Axis("height", whole(4, 22), log=True),
            Axis("width", whole(4, 22), log=True),
            Axis("channels", whole(24, 96)),
            Axis("kernel", (2, 3, 4, 5)),
            Axis("groups", (1, 2, 4, 8)),
            Axis("classes", (1, 20, 80)),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        height, width, kernel, groups, classes = numbers(
            values, "height", "width", "kernel", "groups", "classes"
        )
        channels = down_to_multiple(int(values["channels"]), groups)
        return self.of((height, width, channels), kernel=kernel, groups=groups, classes=classes)

    def of(self, shape: Shape, *, kernel: int, groups: int, classes: int) -> BlockConfig:
        """The configuration for one input shape."""
        return BlockConfig.of(self.name, [shape], kernel=kernel, groups=groups, classes=classes)

    def build(
        self, builder: GraphBuilder, block: str, config: BlockConfig, inputs: Sequence[str]
    ) -> str:
        channels = builder.shape(inputs[0])[2]
        kernel = config.integer("kernel")
        shared = pointwise(channels, groups=config.integer("groups"), activation=_RELU)
        start = builder.add(block, "shared", shared, *inputs)
        branches: tuple[tuple[str, int, Op | None], ...] = (
            ("obj", 1, Unary(function=UnaryFunction.SIGMOID)),
            ("reg", _BOX_CHANNELS, None),
            ("cls", config.integer("classes"), Softmax()),
        )
        ends = []
        for name, width, last in branches:
            conv = depthwise(channels, kernel, activation=_RELU)
            tensor = builder.add(block, f"{name}_dw", conv, start)
            tensor = builder.add(block, f"{name}_pw", pointwise(width), tensor)
            ends.append(builder.add(block, f"{name}_{last.kind}", last, tensor) if last else tensor)
        return builder.add(block, "concat", Concat(), *ends)
