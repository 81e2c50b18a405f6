"""Operators and ranges that several block types are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from hwprof.blocks._base import BlockConfig, Value
from hwprof.errors import ModelError
from hwprof.graph import Activation, Conv2d, Pads, Shape

_KEPT = 1 << 12
"""Convolutions kept: networks of a space share theirs, and making one costs what using it does."""


def whole(low: int, high: int, step: int = 1) -> tuple[int, ...]:
    """Whole numbers from ``low`` to ``high``, both included."""
    return tuple(range(low, high + 1, step))


def numbers(values: Mapping[str, Value], *names: str) -> tuple[int, ...]:
    """Several numbers of a draw at once."""
    return tuple(int(values[name]) for name in names)


def down_to_multiple(value: int, factor: int) -> int:
    """The largest multiple of ``factor`` that is no larger than ``value``."""
    return value - value % factor


@lru_cache(maxsize=_KEPT)
def pointwise(
    out_channels: int, *, groups: int = 1, activation: Activation = Activation.NONE
) -> Conv2d:
    """A 1x1 convolution."""
    return Conv2d(
        kernel_h=1, kernel_w=1, out_channels=out_channels, groups=groups, activation=activation
    )


@lru_cache(maxsize=_KEPT)
def depthwise(
    channels: int, kernel: int, *, stride: int = 1, activation: Activation = Activation.NONE
) -> Conv2d:
    """A depthwise convolution that keeps the size at stride 1."""
    return square_conv(channels, kernel, stride=stride, groups=channels, activation=activation)


@lru_cache(maxsize=_KEPT)
def square_conv(
    out_channels: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: Activation = Activation.NONE,
) -> Conv2d:
    """A convolution with a square kernel and 'same' padding."""
    return Conv2d(
        kernel_h=kernel,
        kernel_w=kernel,
        stride_h=stride,
        stride_w=stride,
        pads=Pads.same(kernel),
        out_channels=out_channels,
        groups=groups,
        activation=activation,
    )


def same_depthwise(
    shape: Shape, kernel: int, stride: int = 1, *, activation: Activation = Activation.NONE
) -> Conv2d:
    """A depthwise convolution of an input (h, w, c), padded as TensorFlow's 'SAME'."""
    conv = same_conv(shape, shape[2], kernel, stride, activation=activation)
    return replace(conv, groups=shape[2])


def same_conv(
    shape: Shape,
    out_channels: int,
    kernel: int,
    stride: int = 1,
    *,
    activation: Activation = Activation.NONE,
) -> Conv2d:
    """A convolution of an input (h, w, c), padded as TensorFlow's 'SAME'."""
    return Conv2d(
        kernel_h=kernel,
        kernel_w=kernel,
        stride_h=stride,
        stride_w=stride,
        pads=Pads.tensorflow(shape, (kernel, kernel), stride),
        out_channels=out_channels,
        activation=activation,
    )


def akin(c_in: int, c_out: int) -> bool:
    """Whether two widths may meet in one block of a public network: within a factor of four."""
    return c_in <= 4 * c_out and c_out <= 4 * c_in


def read_activation(config: BlockConfig) -> Activation:
    """The parameter ``activation`` of a configuration.

    Raises:
        ModelError: it is missing or none of the fused activations.
    """
    text = config.text("activation")
    if text not in set(Activation):
        raise ModelError(
            f"activation of a {config.block_type!r} block is one of {', '.join(Activation)}; "
            f"got {text!r}."
        )
    return Activation(text)
