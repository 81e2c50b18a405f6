"""FastestDet's spatial pyramid: one, two and three depthwise convolutions side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwprof.blocks._base import Axis, BlockConfig, BlockType, GraphBuilder, Value
from hwprof.blocks._parts import depthwise, down_to_multiple, numbers, pointwise, whole
from hwprof.graph import Activation, Add, Concat, Shape

_RELU = Activation.RELU
_CHAINS = (1, 2, 3)


class SpatialPyramid(BlockType):
    """Parameters: c_out, kernel (of the depthwise convolutions), groups (of both 1x1)."""

    name = "spp"

    def axes(self) -> tuple[Axis, ...]:
        return (
            # The searched heads work on 14 to 20 columns and 8 to 20 rows, FastestDet's own on 22.
            Axis("height", whole(4, 22), log=True),
            Axis("width", whole(4, 22), log=True),
            Axis("c_in", (336,)),
            Axis("c_out", whole(24, 96)),
            Axis("kernel", (2, 3, 4, 5)),
            Axis("groups", (1, 2, 4, 8)),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        height, width, c_in, kernel, groups = numbers(
            values, "height", "width", "c_in", "kernel", "groups"
        )
        c_out = down_to_multiple(int(values["c_out"]), groups)
        return self.of((height, width, c_in), c_out=c_out, kernel=kernel, groups=groups)

    def of(self, shape: Shape, *, c_out: int, kernel: int, groups: int) -> BlockConfig:
        """The configuration for one input shape."""
        return BlockConfig.of(self.name, [shape], c_out=c_out, kernel=kernel, groups=groups)

    def build(
        self, builder: GraphBuilder, block: str, config: BlockConfig, inputs: Sequence[str]
    ) -> str:
        c_out, kernel = config.integer("c_out"), config.integer("kernel")
        groups = config.integer("groups")
        opening = pointwise(c_out, groups=groups, activation=_RELU)
        start = builder.add(block, "in", opening, *inputs)
        scales = []
        for length in _CHAINS:
            tensor = start
            for step in range(1, length + 1):
                conv = depthwise(c_out, kernel, activation=_RELU)
                tensor = builder.add(block, f"chain{length}_dw{step}", conv, tensor)
            scales.append(tensor)
        joined = builder.add(block, "concat", Concat(), *scales)
        mixed = builder.add(block, "out", pointwise(c_out, groups=groups), joined)
        return builder.add(block, "add", Add(activation=_RELU), mixed, start)
