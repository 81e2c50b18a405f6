"""Single pooling operators."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from hwprof.blocks._base import Axis, BlockConfig, Value
from hwprof.blocks._parts import whole
from hwprof.blocks._single import SingleOperatorBlock
from hwprof.graph import AveragePool, MaxPool, Mean, Pads

_WINDOWS = {MaxPool.kind: MaxPool, AveragePool.kind: AveragePool}
# The detector's max-pool at 352x352 reads 176x176x24.
_MOST_ELEMENTS = 750_000


class Pool(SingleOperatorBlock):
    """Maximum or average over a window; ``global`` in a draw is one window over the whole map.

    A global average stands for a mean, whose outputs are rescaled where its are divided.
    """

    name = "pool"
    operators = (AveragePool, MaxPool, Mean)

    def axes(self) -> tuple[Axis, ...]:
        return (
            Axis("kind", tuple(sorted(_WINDOWS))),
            Axis("height", whole(2, 176), log=True),
            Axis("width", whole(2, 176), log=True),
            Axis("channels", whole(4, 384), log=True),
            Axis("window", ("2x2/2", "3x3/1", "3x3/2", "5x5/1", "global")),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        height, width = int(values["height"]), int(values["width"])
        shape = (height, width, int(values["channels"]))
        if prod(shape) > _MOST_ELEMENTS:
            return None
        if values["window"] == "global":
            kernel, stride, pads = (height, width), 1, Pads()
        else:
            size, step = (int(part[0]) for part in str(values["window"]).split("/"))
            kernel, stride, pads = (size, size), step, Pads.same(size)
        window = _WINDOWS[str(values["kind"])](
            kernel_h=kernel[0], kernel_w=kernel[1], stride_h=stride, stride_w=stride, pads=pads
        )
        return self.config_of(window, [shape])
