"""Small classifiers whose latencies on Cortex-M7 boards are published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwprof.networks._chain import Chain

if TYPE_CHECKING:
    from hwprof.architecture import Architecture

# Banbury et al., "MicroNets", 2020 (arXiv 2010.11267), table 5.
_KWS_LARGE = ((248, 2), (276, 1), (276, 1), (248, 1), (248, 1), (248, 1), (248, 1))
_KWS_SMALL = ((112, 2), (84, 1), (84, 1), (84, 1), (196, 1))
_AD_SMALL = ((164, 2), (220, 1), (276, 2), (276, 2))


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
    chain.dense(classes)
    return chain.finish()


def cifar10_cnn() -> Architecture:
    """The CIFAR-10 network of CMSIS-NN's paper (Lai et al., arXiv 1801.06601, table 1)."""
    chain = Chain("cifar10-cnn", (32, 32, 3))
    chain.conv(32, (5, 5))
    chain.max_pool(3, 2)
    chain.conv(32, (5, 5))
    chain.average_pool(3, 2)
    chain.conv(64, (5, 5))
    chain.average_pool(3, 2)
    chain.dense(10)
    return chain.finish()
