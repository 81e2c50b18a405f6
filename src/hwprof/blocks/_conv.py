"""Single convolutions, cut by the kernel that runs them: general, 1x1 and depthwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from hwprof.blocks._base import Axis, BlockConfig, Value
from hwprof.blocks._parts import depthwise, down_to_multiple, numbers, pointwise, square_conv, whole
from hwprof.blocks._single import SingleOperatorBlock
from hwprof.graph import Activation, Conv2d, Op, Pads, Shape

_RELU = Activation.RELU
# Largest layers of the detector at FastestDet's own 352x352: the first convolution takes 20.1 M
# MACs, the widest 1x1 (336 to 96 channels) 15.6 M, the widest depthwise input 88x88x24.
_MOST_CONV_MACS = 21_000_000
_MOST_POINTWISE_MACS = 16_000_000
_MOST_ELEMENTS = 400_000
_MOST_DEPTHWISE_ELEMENTS = 200_000


def _is_pointwise(op: Conv2d) -> bool:
    ones = (op.kernel_h, op.kernel_w, op.stride_h, op.stride_w)
    return ones == (1, 1, 1, 1) and op.pads == Pads()


class Conv(SingleOperatorBlock):
    """Any convolution that is neither 1x1 at stride 1 nor depthwise."""

    name = "conv"
    operators = (Conv2d,)

    def axes(self) -> tuple[Axis, ...]:
        return (
            Axis("height", whole(4, 352), log=True),
            Axis("width", whole(4, 352), log=True),
            Axis("c_in", whole(3, 128), log=True),
            Axis("c_out", whole(4, 128), log=True),
            Axis("kernel", (2, 3, 4, 5)),
            Axis("stride", (1, 2)),
            Axis("groups", (1, 2, 4, 8)),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        height, width, groups = numbers(values, "height", "width", "groups")
        c_in = down_to_multiple(int(values["c_in"]), groups)
        c_out = down_to_multiple(int(values["c_out"]), groups)
        if c_in <= groups > 1 or not c_in or not c_out or height * width * c_in > _MOST_ELEMENTS:
            return None
        op = square_conv(
            c_out,
            int(values["kernel"]),
            stride=int(values["stride"]),
            groups=groups,
            activation=_RELU,
        )
        shape = (height, width, c_in)
        if op.macs([shape]) > _MOST_CONV_MACS or prod(op.output_shape([shape])) > _MOST_ELEMENTS:
            return None
        return self.config_of(op, [shape])

    def accepts(self, op: Op, inputs: Sequence[Shape]) -> bool:
        return isinstance(op, Conv2d) and not op.is_depthwise(inputs) and not _is_pointwise(op)


class PointwiseConv(SingleOperatorBlock):
    """A 1x1 convolution at stride 1."""

    name = "pwconv"
    operators = (Conv2d,)

    def axes(self) -> tuple[Axis, ...]:
        return (
            Axis("height", whole(1, 88), log=True),
            Axis("width", whole(1, 88), log=True),
            Axis("c_in", whole(8, 384), log=True),
            Axis("c_out", whole(1, 384), log=True),
            Axis("groups", (1, 2, 4, 8)),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        height, width, groups = numbers(values, "height", "width", "groups")
        c_in = down_to_multiple(int(values["c_in"]), groups)
        c_out = down_to_multiple(int(values["c_out"]), groups)
        shape = (height, width, c_in)
        if not c_out or c_in == groups or height * width * max(c_in, c_out) > _MOST_ELEMENTS:
            return None
        op = pointwise(c_out, groups=groups, activation=_RELU)
        return self.config_of(op, [shape]) if op.macs([shape]) <= _MOST_POINTWISE_MACS else None

    def accepts(self, op: Op, inputs: Sequence[Shape]) -> bool:
        return isinstance(op, Conv2d) and not op.is_depthwise(inputs) and _is_pointwise(op)


class DepthwiseConv(SingleOperatorBlock):
    """A convolution of each channel on its own."""

    name = "dwconv"
    operators = (Conv2d,)

    def axes(self) -> tuple[Axis, ...]:
        return (
            Axis("height", whole(4, 112), log=True),
            Axis("width", whole(4, 112), log=True),
            Axis("channels", whole(8, 384), log=True),
            Axis("kernel", (2, 3, 4, 5)),
            Axis("stride", (1, 2)),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        shape = (int(values["height"]), int(values["width"]), int(values["channels"]))
        if prod(shape) > _MOST_DEPTHWISE_ELEMENTS:
            return None
        op = depthwise(
            shape[2], int(values["kernel"]), stride=int(values["stride"]), activation=_RELU
        )
        return self.config_of(op, [shape])

    def accepts(self, op: Op, inputs: Sequence[Shape]) -> bool:
        return isinstance(op, Conv2d) and op.is_depthwise(inputs)
