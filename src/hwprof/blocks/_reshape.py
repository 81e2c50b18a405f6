"""Single operators that move data and compute nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from hwprof.blocks._base import Axis, BlockConfig, Value
from hwprof.blocks._parts import whole
from hwprof.blocks._single import SingleOperatorBlock
from hwprof.errors import ModelError
from hwprof.graph import Concat, Op, Pad, Pads, Reshape, ResizeNearest, Shape, Slice, Transpose

_MOST_ELEMENTS = 200_000
_MOST_CONCATENATED = 64
_FEWEST_HALVED = 4  # halves of one channel are another, simpler movement


def _half(shape: Shape) -> Op | None:
    height, width, channels = shape
    if channels < 2:
        return None
    return Slice(start=(0, 0, 0), size=(height, width, channels // 2))


def _every_second(shape: Shape) -> Op | None:
    height, width, channels = shape
    if channels % 2 or channels < _FEWEST_HALVED:
        return None
    return Slice(start=(0, 0, 1), size=(height, width, channels // 2), step=(1, 1, 2))


def _shuffle(shape: Shape) -> Op | None:
    height, width, channels = shape
    if channels % 2 or channels < _FEWEST_HALVED:
        return None
    view = (1, height * width, 2, channels // 2)
    return Transpose(view=view, permutation=(0, 1, 3, 2), shape=shape)


_MOVES: dict[str, tuple[int, Callable[[Shape], Op | None]]] = {
    "concat-2": (2, lambda _: Concat()),
    "concat-3": (3, lambda _: Concat()),
    "pad": (1, lambda _: Pad(pads=Pads(1, 1, 1, 1))),
    "resize": (1, lambda shape: ResizeNearest(out_h=2 * shape[0], out_w=2 * shape[1])),
    "shuffle": (1, _shuffle),
    "slice": (1, _half),
    "slice-every-second": (1, _every_second),
}


class DataMovement(SingleOperatorBlock):
    """Slice, concat, transpose (channel shuffle), pad, nearest resize, or a free reshape."""

    name = "reshape"
    arity = range(1, _MOST_CONCATENATED + 1)
    operators = (Concat, Pad, Reshape, ResizeNearest, Slice, Transpose)

    def axes(self) -> tuple[Axis, ...]:
        return (
            Axis("move", tuple(_MOVES)),
            Axis("height", whole(1, 112), log=True),
            Axis("width", whole(1, 112), log=True),
            Axis("channels", whole(2, 384), log=True),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        operands, make = _MOVES[str(values["move"])]
        shape = (int(values["height"]), int(values["width"]), int(values["channels"]))
        op = make(shape)
        if op is None or prod(op.output_shape([shape] * operands)) > _MOST_ELEMENTS:
            return None
        return self.config_of(op, [shape] * operands)

    def operator(self, config: BlockConfig) -> Op:
        op = super().operator(config)
        if len(config.inputs) > 1 and not isinstance(op, Concat):
            raise ModelError(f"{op.kind} takes one input; got {len(config.inputs)}.")
        return op
