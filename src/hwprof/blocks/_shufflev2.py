"""ShuffleNetV2's two blocks: the one that keeps the size and the one that halves it.

Ma et al., "ShuffleNet V2", ECCV 2018, figures 3c and 3d; in the order FastestDet runs them: the
shuffle opens the block, and shuffle and split together are two slices of every second channel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwprof.blocks._base import Axis, BlockConfig, BlockType, GraphBuilder, Value
from hwprof.blocks._parts import depthwise, pointwise, whole
from hwprof.errors import ModelError
from hwprof.graph import Activation, Concat, Shape, Slice

_RELU = Activation.RELU
# stage2.0 at 320x320 reads 80x80x24 = 153,600 elements and costs 6.2 M MACs; stage 4 at 224x126
# reads 4x7x192. A little room on both sides.
_ELEMENTS = range(2_000, 160_001)
_MOST_MACS = 10_000_000


class ShuffleV2(BlockType):
    """Parameters: stride (1 or 2), c_out; at stride 1 the even number of input channels."""

    name = "shufflev2"

    def axes(self) -> tuple[Axis, ...]:
        return (
            Axis("stride", (1, 2)),
            Axis("height", whole(4, 80), log=True),
            Axis("width", whole(4, 80), log=True),
            Axis("c_in", whole(16, 192, step=4), log=True),
            Axis("c_out", whole(32, 192, step=8), log=True),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        stride, c_in, c_out = int(values["stride"]), int(values["c_in"]), int(values["c_out"])
        height, width = int(values["height"]), int(values["width"])
        if stride == 1:
            c_out = c_in
        elif not c_in < c_out <= 4 * c_in:
            return None
        if height * width * c_in not in _ELEMENTS:
            return None
        if _macs((height, width, c_in), stride, c_out) > _MOST_MACS:
            return None
        return self.of((height, width, c_in), stride=stride, c_out=c_out)

    def of(self, shape: Shape, *, stride: int, c_out: int) -> BlockConfig:
        """The configuration for one input shape."""
        return BlockConfig.of(self.name, [shape], stride=stride, c_out=c_out)

    def build(
        self, builder: GraphBuilder, block: str, config: BlockConfig, inputs: Sequence[str]
    ) -> str:
        branches = {1: _keep_branches, 2: _halve_branches}.get(config.integer("stride"))
        if branches is None:
            raise ModelError(f"a shufflev2 block has stride 1 or 2; got {config.key}.")
        left, right = branches(builder, block, inputs[0], config.integer("c_out"))
        return builder.add(block, "concat", Concat(), left, right)


def _keep_branches(builder: GraphBuilder, block: str, tensor: str, c_out: int) -> tuple[str, str]:
    height, width, channels = builder.shape(tensor)
    if channels % 2 or c_out != channels:
        raise ModelError(
            f"a shufflev2 block of stride 1 keeps an even number of channels; got {channels} "
            f"in and {c_out} out."
        )
    half = channels // 2
    even, odd = (
        builder.add(
            block,
            name,
            Slice(start=(0, 0, first), size=(height, width, half), step=(1, 1, 2)),
            tensor,
        )
        for name, first in (("pass", 0), ("work", 1))
    )
    main = builder.add(block, "main_pw1", pointwise(half, activation=_RELU), odd)
    main = builder.add(block, "main_dw", depthwise(half, 3), main)
    return even, builder.add(block, "main_pw2", pointwise(half, activation=_RELU), main)


def _halve_branches(builder: GraphBuilder, block: str, tensor: str, c_out: int) -> tuple[str, str]:
    channels = builder.shape(tensor)[2]
    middle = c_out // 2
    if c_out <= channels:
        raise ModelError(
            f"a shufflev2 block of stride 2 adds channels; got {channels} in and {c_out} out."
        )
    side = builder.add(block, "side_dw", depthwise(channels, 3, stride=2), tensor)
    side = builder.add(block, "side_pw", pointwise(channels, activation=_RELU), side)
    main = builder.add(block, "main_pw1", pointwise(middle, activation=_RELU), tensor)
    main = builder.add(block, "main_dw", depthwise(middle, 3, stride=2), main)
    main = builder.add(block, "main_pw2", pointwise(c_out - channels, activation=_RELU), main)
    return side, main


def _macs(shape: Shape, stride: int, c_out: int) -> int:
    height, width, channels = shape
    if stride == 1:
        return height * width * channels // 2 * (channels + 9)
    middle = c_out // 2
    out = -(-height // 2) * -(-width // 2)
    side = out * channels * (9 + channels)
    return side + height * width * channels * middle + out * middle * (9 + c_out - channels)
