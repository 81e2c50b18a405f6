"""Small classifiers whose latencies on Cortex-M7 boards are published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError
from hwprof.networks._chain import Chain

if TYPE_CHECKING:
    from hwprof.architecture import Architecture

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
# Banbury et al., "MicroNets", 2020 (arXiv 2010.11267), table 5.
_KWS_LARGE = ((248, 2), (276, 1), (276, 1), (248, 1), (248, 1), (248, 1), (248, 1))
_KWS_SMALL = ((112, 2), (84, 1), (84, 1), (84, 1), (196, 1))
_AD_SMALL = ((164, 2), (220, 1), (276, 2), (276, 2))

_WIDEST = 4.0
_SIZES = range(16, 513)
_CLASSES = range(1, 1001)


def mobilenet_v1(*, alpha: float = 0.25, size: int = 160, classes: int = 1000) -> Architecture:
    """MobileNetV1 on a square picture.

    Args:
        alpha: multiplier of every layer's channels, above 0, at most 4.
        size: rows and columns of the input, 16 to 512.
        classes: outputs, 1 to 1000.

    Raises:
        ConfigurationError: an argument is outside its range.
    """
    if not 0 < alpha <= _WIDEST or size not in _SIZES or classes not in _CLASSES:
        raise ConfigurationError(
            f"alpha must be above 0 and at most {_WIDEST:g}, size {_SIZES[0]} to {_SIZES[-1]}, "
            f"classes {_CLASSES[0]} to {_CLASSES[-1]}; got alpha={alpha:g}, size={size}, "
            f"classes={classes}."
        )
    chain = Chain(f"mobilenet-v1:alpha={alpha:g},size={size},classes={classes}", (size, size, 3))
    chain.conv(_scaled(32, alpha), (3, 3), stride=2)
    for channels, stride in _MOBILENET_V1:
        chain.separable(_scaled(channels, alpha), stride)
    chain.global_pool()
    return chain.finish(classes)


def _scaled(channels: int, alpha: float) -> int:
    """Channels times ``alpha``, to a multiple of 8 that is not more than 10 % below.

    Source: ``_make_divisible`` of TensorFlow's MobileNet model files.
    """
    wanted = channels * alpha
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * wanted else rounded + 8


def micronet_kws_l() -> Architecture:
    """MicroNets' large keyword spotter."""
    return _keyword_spotter("micronet-kws-l", 276, _KWS_LARGE)


def micronet_kws_s() -> Architecture:
    """MicroNets' small keyword spotter."""
    return _keyword_spotter("micronet-kws-s", 84, _KWS_SMALL)


def micronet_ad_s() -> Architecture:
    """MicroNets' small anomaly detector."""
    chain = Chain("micronet-ad-s", (32, 32, 1))
    chain.conv(72, (3, 3))
    return _separable_classifier(chain, _AD_SMALL, 4)


def _keyword_spotter(name: str, channels: int, pairs: tuple[tuple[int, int], ...]) -> Architecture:
    chain = Chain(name, (49, 10, 1))
    chain.conv(channels, (10, 4))
    return _separable_classifier(chain, pairs, 12)


def _separable_classifier(
    chain: Chain, pairs: tuple[tuple[int, int], ...], classes: int
) -> Architecture:
    for channels, stride in pairs:
        chain.separable(channels, stride)
    chain.global_pool()
    return chain.finish(classes)


def cifar10_cnn() -> Architecture:
    """The CIFAR-10 network of CMSIS-NN's paper (Lai et al., arXiv 1801.06601, table 1)."""
    chain = Chain("cifar10-cnn", (32, 32, 3))
    chain.conv(32, (5, 5))
    chain.max_pool(3, 2)
    chain.conv(32, (5, 5))
    chain.average_pool(3, 2)
    chain.conv(64, (5, 5))
    chain.average_pool(3, 2)
    return chain.finish(10)
