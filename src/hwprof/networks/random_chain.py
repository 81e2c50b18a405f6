"""Networks nobody designed: chains of convolutions, poolings and a classifier, drawn by number.

They tell whether a prediction knows the board or only the networks it was fitted beside.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError
from hwprof.networks._chain import Chain

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwprof.architecture import Architecture

_SEEDS = range(2**31)
_SIDES = range(24, 129)
_DEPTHS = range(3, 13)
_WIDTHS = (8, 12, 16, 20, 24, 30, 32, 40, 48, 64, 80, 96, 128)
_KERNELS = (3, 3, 3, 5, 7)
_MAX_CONV_MACS = 6_000_000
"""Keeps a chain as small as the boards' memories and a virtual board's minutes want it."""


def random_chain(*, seed: int = 0) -> Architecture:
    """A chain of 3 to 12 layers and a classifier, drawn from the number.

    Raises:
        ConfigurationError: the seed is outside 0 to 2^31 - 1.
    """
    if seed not in _SEEDS:
        raise ConfigurationError(
            f"the seed of a random chain is {_SEEDS[0]} to {_SEEDS[-1]}; got {seed}."
        )
    rng = random.Random(seed)
    height = rng.choice(_SIDES)
    width = height if rng.random() < 0.5 else rng.choice(_SIDES)
    chain = Chain(f"random-chain:seed={seed}", (height, width, rng.choice((1, 3))))
    chain.conv(rng.choice(_WIDTHS[:6]), (3, 3), stride=2)
    layers = list(_LAYERS)
    for _ in range(rng.choice(_DEPTHS)):
        _LAYERS[rng.choice(layers)](chain, rng)
    chain.global_pool()
    chain.dense(rng.choice((2, 10, 100)))
    return chain.finish()


def _convolution(chain: Chain, rng: random.Random) -> None:
    kernel, stride, channels = rng.choice(_KERNELS), _stride(chain, rng), _channels(chain, rng)
    height, width, depth = chain.shape
    macs = height * width * depth * channels * kernel**2 // stride**2
    if macs <= _MAX_CONV_MACS:
        chain.conv(channels, (kernel, kernel), stride)
    else:
        _separable(chain, rng)


def _pointwise(chain: Chain, rng: random.Random) -> None:
    chain.conv(_channels(chain, rng), (1, 1))


def _separable(chain: Chain, rng: random.Random) -> None:
    chain.depthwise(rng.choice(_KERNELS), _stride(chain, rng))
    _pointwise(chain, rng)


def _max_pool(chain: Chain, rng: random.Random) -> None:
    if min(chain.shape[:2]) > 4:
        chain.max_pool(rng.choice((2, 3)), 2)


def _average_pool(chain: Chain, rng: random.Random) -> None:
    if min(chain.shape[:2]) > 4:
        chain.average_pool(rng.choice((2, 3)), rng.choice((1, 2)))


def _stride(chain: Chain, rng: random.Random) -> int:
    return rng.choice((1, 1, 2)) if min(chain.shape[:2]) > 8 else 1


def _channels(chain: Chain, rng: random.Random) -> int:
    """Within a factor of three of what comes in."""
    depth = chain.shape[2]
    return rng.choice([width for width in _WIDTHS if depth / 3 <= width <= depth * 3])


_LAYERS: dict[str, Callable[[Chain, random.Random], None]] = {
    "convolution": _convolution,
    "pointwise": _pointwise,
    "separable": _separable,
    "max_pool": _max_pool,
    "average_pool": _average_pool,
}
