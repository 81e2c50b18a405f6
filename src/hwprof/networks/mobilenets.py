"""MobileNets, and chains of inverted residuals with mixed kernels and widths as in MCUNet."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

from hwprof.blocks import InvertedResidual
from hwprof.graph import Activation
from hwprof.networks._chain import Chain, check_range, check_scale, scaled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwprof.architecture import Architecture

    T = TypeVar("T")

_RELU6 = Activation.RELU6

# Channels and stride of each depthwise-separable pair. Howard et al., "MobileNets", 2017, table 1.
_MOBILENET_V1 = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)
# Expansion, channels, blocks and stride of the first one. Sandler et al., "MobileNetV2", 2018,
# table 2.
_MOBILENET_V2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_V2_LAST = 1280
# Expanded channels, kernel, stride and output channels of each block of mcunet-vww1, read from
# the TFLite file that mit-han-lab/tinyengine deploys (commit 011bf32).
_MCUNET_VWW1 = (
    (16, 3, 1, 8),
    (48, 3, 2, 16),
    (48, 3, 1, 16),
    (48, 3, 1, 16),
    (48, 7, 2, 24),
    (144, 3, 1, 24),
    (120, 5, 1, 24),
    (144, 7, 2, 40),
    (240, 7, 1, 40),
    (240, 3, 1, 48),
    (192, 3, 1, 48),
    (240, 5, 2, 96),
    (480, 3, 1, 96),
    (384, 3, 1, 96),
    (288, 7, 1, 160),
)
# The space of Lin et al., "MCUNet", NeurIPS 2020, section 3.1: kernels, expansions, and stages of
# up to three blocks; stage widths are MobileNetV2's.
_KERNELS = (3, 5, 7)
_EXPANSIONS = (3, 4, 5, 6)
_STAGES = ((24, 2), (40, 2), (48, 1), (96, 2), (160, 1))
_DEPTHS = (1, 2, 3)
_WIDTHS = (0.75, 1.0, 1.25)


def mobilenet_v1(*, alpha: float = 0.25, size: int = 160, classes: int = 1000) -> Architecture:
    """MobileNetV1 on a square picture.

    Args:
        alpha: multiplier of every layer's channels, above 0, at most 4.
        size: rows and columns of the input, 16 to 512.
        classes: outputs, 1 to 1000.

    Raises:
        ConfigurationError: an argument is outside its range.
    """
    chain = mobilenet_v1_chain(
        f"mobilenet-v1:alpha={alpha:g},size={size},classes={classes}", alpha, size, classes
    )
    return chain.finish()


def mobilenet_v1_chain(name: str, alpha: float, size: int, classes: int) -> Chain:
    """MobileNetV1 up to its logits."""
    check_scale(alpha, size, classes)
    chain = Chain(name, (size, size, 3))
    chain.conv(scaled(32, alpha), (3, 3), stride=2)
    for channels, stride in _MOBILENET_V1:
        chain.separable(scaled(channels, alpha), stride)
    chain.global_pool()
    chain.dense(classes)
    return chain


def mobilenet_v2(*, alpha: float = 0.35, size: int = 96, classes: int = 2) -> Architecture:
    """MobileNetV2 on a square picture; the defaults are a size for visual wake words.

    The last 1x1 convolution keeps its 1280 channels where ``alpha`` is below 1 (section 3.4 of
    the paper). With more than 819 classes the dense layer is larger than the pool of seeded
    weights: such a network is counted, not run.

    Args:
        alpha: multiplier of every other layer's channels, above 0, at most 4.
        size: rows and columns of the input, 16 to 512.
        classes: outputs, 1 to 1000.

    Raises:
        ConfigurationError: an argument is outside its range.
    """
    check_scale(alpha, size, classes)
    chain = Chain(f"mobilenet-v2:alpha={alpha:g},size={size},classes={classes}", (size, size, 3))
    chain.conv(scaled(32, alpha), (3, 3), stride=2, activation=_RELU6)
    for expansion, channels, count, first_stride in _MOBILENET_V2:
        for position in range(count):
            stride = 1 if position else first_stride
            _inverted(chain, expansion * chain.shape[2], (3, stride), scaled(channels, alpha))
    chain.conv(scaled(_V2_LAST, max(alpha, 1.0)), (1, 1), activation=_RELU6)
    chain.global_pool()
    chain.dense(classes)
    return chain.finish()


def mcunet_vww1() -> Architecture:
    """MCUNet's smallest detector of persons, as TinyEngine deploys it: 80 x 80, two classes."""
    chain = Chain("mcunet-vww1", (80, 80, 3))
    chain.conv(16, (3, 3), stride=2, activation=_RELU6)
    for expanded, kernel, stride, channels in _MCUNET_VWW1:
        _inverted(chain, expanded, (kernel, stride), channels)
    chain.global_pool()
    chain.dense(2)
    return chain.finish()


def mcunet_chain(
    *, point: int = 0, alpha: float = 0.5, size: int = 96, classes: int = 2
) -> Architecture:
    """A point of a space like MCUNet's: inverted residuals with mixed kernels and widths.

    Every stage has one to three blocks and its own width, every block its own kernel (3, 5, 7)
    and expansion (3 to 6). Each choice is read from the SHA-256 of ``point`` and its place, so a
    point is the same network everywhere.

    Args:
        point: which network, 0 to 999,999.
        alpha: multiplier of every width, above 0, at most 4.
        size: rows and columns of the input, 16 to 512.
        classes: outputs, 1 to 1000.

    Raises:
        ConfigurationError: an argument is outside its range.
    """
    check_range("mcunet-chain", point=(point, range(1_000_000)))
    check_scale(alpha, size, classes)
    name = f"mcunet-chain:point={point},alpha={alpha:g},size={size},classes={classes}"
    chain = Chain(name, (size, size, 3))
    chain.conv(scaled(32, alpha), (3, 3), stride=2, activation=_RELU6)
    _inverted(chain, chain.shape[2], (3, 1), scaled(16, alpha))
    for number, (width, first_stride) in enumerate(_STAGES):
        place = f"{point}/{number}"
        channels = scaled(width, alpha * _pick(f"{place}/width", _WIDTHS))
        for position in range(_pick(f"{place}/depth", _DEPTHS)):
            stride = 1 if position else first_stride
            kernel = _pick(f"{place}/{position}/kernel", _KERNELS)
            expansion = _pick(f"{place}/{position}/expansion", _EXPANSIONS)
            _inverted(chain, expansion * chain.shape[2], (kernel, stride), channels)
    chain.global_pool()
    chain.dense(classes)
    return chain.finish()


def _inverted(chain: Chain, expanded: int, window: tuple[int, int], channels: int) -> None:
    kernel, stride = window
    chain.block(
        InvertedResidual().of(
            chain.shape, expanded=expanded, kernel=kernel, stride=stride, c_out=channels
        )
    )


def _pick(place: str, choices: Sequence[T]) -> T:
    """One of the choices, the same for a place in every process and version of Python."""
    digest = hashlib.sha256(place.encode()).digest()
    return choices[int.from_bytes(digest[:8]) % len(choices)]
