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
    mobilenet_v1,
)
from hwprof.networks.person_detector import fastestdet, person_detector
from hwprof.networks.random_chain import random_chain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwprof.architecture import Architecture

NETWORKS: Mapping[str, Callable[..., Architecture]] = MappingProxyType(
    {
        "cifar10-cnn": cifar10_cnn,
        "fastestdet": fastestdet,
        "micronet-ad-s": micronet_ad_s,
        "micronet-kws-l": micronet_kws_l,
        "micronet-kws-s": micronet_kws_s,
        "mobilenet-v1": mobilenet_v1,
        "person-detector": person_detector,
        "random-chain": random_chain,
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
    "micronet_ad_s",
    "micronet_kws_l",
    "micronet_kws_s",
    "mobilenet_v1",
    "parse_architecture",
    "person_detector",
    "random_chain",
]
