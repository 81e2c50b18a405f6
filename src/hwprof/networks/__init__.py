"""Networks that hwprof builds itself, by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from hwprof.networks._parse import parse
from hwprof.networks.classifiers import (
    cifar10_cnn,
    micronet_ad_s,
    micronet_kws_l,
    micronet_kws_s,
)
from hwprof.networks.mlperf_tiny import (
    mlperf_tiny_ad,
    mlperf_tiny_ic,
    mlperf_tiny_kws,
    mlperf_tiny_vww,
)
from hwprof.networks.mobilenets import mcunet_chain, mcunet_vww1, mobilenet_v1, mobilenet_v2
from hwprof.networks.person_detector import (
    fastestdet,
    person_detector,
    person_detector_head,
)
from hwprof.networks.random_chain import random_chain
from hwprof.networks.resnets import resnet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwprof.architecture import Architecture

NETWORKS: Mapping[str, Callable[..., Architecture]] = MappingProxyType(
    {
        "cifar10-cnn": cifar10_cnn,
        "fastestdet": fastestdet,
        "mcunet-chain": mcunet_chain,
        "mcunet-vww1": mcunet_vww1,
        "micronet-ad-s": micronet_ad_s,
        "micronet-kws-l": micronet_kws_l,
        "micronet-kws-s": micronet_kws_s,
        "mlperf-tiny-ad": mlperf_tiny_ad,
        "mlperf-tiny-ic": mlperf_tiny_ic,
        "mlperf-tiny-kws": mlperf_tiny_kws,
        "mlperf-tiny-vww": mlperf_tiny_vww,
        "mobilenet-v1": mobilenet_v1,
        "mobilenet-v2": mobilenet_v2,
        "person-detector": person_detector,
        "person-detector-head": person_detector_head,
        "random-chain": random_chain,
        "resnet": resnet,
    }
)
"""Builders by name; every parameter is a keyword with a number as its default."""


def parse_architecture(text: str) -> Architecture:
    """Build a network from ``person-detector:k=5,g=1,c=96,width=320,aspect=0.8``.

    Raises:
        UnknownNameError: no such network or parameter; the message suggests the nearest.
        ConfigurationError: an item is not ``name=number``, or the network refuses its value.
    """
    return parse(text, NETWORKS)


__all__ = [
    "NETWORKS",
    "cifar10_cnn",
    "fastestdet",
    "mcunet_chain",
    "mcunet_vww1",
    "micronet_ad_s",
    "micronet_kws_l",
    "micronet_kws_s",
    "mlperf_tiny_ad",
    "mlperf_tiny_ic",
    "mlperf_tiny_kws",
    "mlperf_tiny_vww",
    "mobilenet_v1",
    "mobilenet_v2",
    "parse_architecture",
    "person_detector",
    "person_detector_head",
    "random_chain",
    "resnet",
]
