"""FastestDet's join of three feature levels into one map at the middle level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwprof.blocks._base import Axis, BlockConfig, BlockType, GraphBuilder, Value
from hwprof.blocks._parts import numbers, whole
from hwprof.errors import ModelError
from hwprof.graph import AveragePool, Concat, Pads, ResizeNearest, Shape


class Fusion(BlockType):
    """No parameters; inputs are P1 (about 2h, 2w), P2 (h, w), P3 (h/2, w/2), h and w even.

    P1 is average-pooled 3x3 at stride 2 with its padding counted, P3 is doubled by nearest
    neighbour, and the three are concatenated in this order.
    """

    name = "fusion"
    arity = range(3, 4)

    def axes(self) -> tuple[Axis, ...]:
        return (
            # P1 is at an eighth of the input: 28 to 40 wide and 16 to 40 high in the search
            # space, 44 at FastestDet's own 352.
            Axis("p1_height", whole(7, 44), log=True),
            Axis("p1_width", whole(7, 44), log=True),
            Axis("p1_channels", (24, 48, 72)),
            Axis("p2_channels", (48, 96, 144)),
            Axis("p3_channels", (96, 192, 288)),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        height, width, *channels = numbers(
            values, "p1_height", "p1_width", "p1_channels", "p2_channels", "p3_channels"
        )
        middle = -(-height // 2), -(-width // 2)
        if middle[0] % 2 or middle[1] % 2:
            return None
        return self.of(
            (height, width, channels[0]),
            (*middle, channels[1]),
            (middle[0] // 2, middle[1] // 2, channels[2]),
        )

    def of(self, p1: Shape, p2: Shape, p3: Shape) -> BlockConfig:
        """The configuration for three input shapes."""
        return BlockConfig.of(self.name, [p1, p2, p3])

    def build(
        self, builder: GraphBuilder, block: str, config: BlockConfig, inputs: Sequence[str]
    ) -> str:
        p1, p2, p3 = inputs
        height, width, _ = builder.shape(p2)
        if tuple(2 * side for side in builder.shape(p3)[:2]) != (height, width):
            raise ModelError(
                f"fusion doubles its third input to the size of its second; got {config.key}."
            )
        pool = AveragePool(
            kernel_h=3,
            kernel_w=3,
            stride_h=2,
            stride_w=2,
            pads=Pads.same(3),
            count_include_pad=True,
        )
        fine = builder.add(block, "pool", pool, p1)
        coarse = builder.add(block, "resize", ResizeNearest(out_h=height, out_w=width), p3)
        return builder.add(block, "concat", Concat(), fine, p2, coarse)
