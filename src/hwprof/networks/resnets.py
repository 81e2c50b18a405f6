"""Residual networks for small pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwprof.blocks import ResidualBlock
from hwprof.networks._chain import CLASSES, SIZES, Chain, check_range

if TYPE_CHECKING:
    from hwprof.architecture import Architecture

_STAGES = 3
_WIDTHS = range(4, 129)
_BOTTLENECK_FACTOR = 4
_LAYERS_OUTSIDE = 2  # the first convolution and the dense layer


def resnet(
    *, depth: int = 20, width: int = 16, bottleneck: int = 0, size: int = 32, classes: int = 10
) -> Architecture:
    """A residual network in three stages, each half the size and twice the width of the last.

    He et al., "Deep Residual Learning", CVPR 2016, section 4.2, with 1x1 projections where shapes
    differ; bottlenecks as in He et al., "Identity Mappings", 2016, for the same pictures.

    Args:
        depth: weighted layers beside the main path's projections: 6n + 2, or 9n + 2 with
            bottlenecks, up to 110.
        width: channels of the first stage, 4 to 128.
        bottleneck: 1 for blocks of 1x1, 3x3 and 1x1 with four times the channels outside.
        size: rows and columns of the input, 16 to 512.
        classes: outputs, 1 to 1000.

    Raises:
        ConfigurationError: an argument is outside its range.
    """
    check_range(
        "resnet",
        bottleneck=(bottleneck, (0, 1)),
        width=(width, _WIDTHS),
        size=(size, SIZES),
        classes=(classes, CLASSES),
    )
    stage_layers = _STAGES * (3 if bottleneck else 2)
    check_range("resnet", depth=(depth, range(stage_layers + _LAYERS_OUTSIDE, 111, stage_layers)))
    name = (
        f"resnet:depth={depth},width={width},bottleneck={bottleneck},size={size},classes={classes}"
    )
    count = (depth - _LAYERS_OUTSIDE) // stage_layers
    chain = resnet_chain(name, size, width, (count, bool(bottleneck)))
    chain.dense(classes)
    return chain.finish()


def resnet_chain(name: str, size: int, width: int, stage: tuple[int, bool]) -> Chain:
    """A residual network up to its global pooling; ``stage`` is blocks and whether narrowed."""
    count, narrow = stage
    chain = Chain(name, (size, size, 3))
    chain.conv(width, (3, 3))
    for number in range(_STAGES):
        middle = width << number
        c_out = middle * _BOTTLENECK_FACTOR if narrow else middle
        for position in range(count):
            config = ResidualBlock().of(
                chain.shape,
                kind="bottleneck" if narrow else "basic",
                middle=middle,
                stride=2 if number and not position else 1,
                c_out=c_out,
            )
            chain.block(config)
    chain.global_pool()
    return chain
