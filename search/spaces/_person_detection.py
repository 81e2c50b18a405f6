"""The person detector's head and input size: 91,184 architectures.

Inputs are the 164 legal pairs of width and aspect ratio, channels are multiples of the groups, so
every point can be built. Inputs stand in order of their pixels and heads in order of their work,
because a sampler that knows its neighbours finds more: after 120 trials multi-objective TPE has
96.7 % of the exhaustive front's hypervolume, without the order 94.1 %, chance 91.5 % (means of
five seeds, benchmarks/search.py).
"""

from __future__ import annotations

from functools import cache

from hwprof.architecture import Architecture
from hwprof.networks.person_detector import (
    CHANNELS,
    GROUPS,
    KERNELS,
    InputSize,
    legal_sizes,
    person_detector,
)
from hwprof.search.spaces._base import Dimension, Point, SearchSpace

_SEED_KERNEL, _SEED_SIZE, _SEED_HEAD = 5, InputSize(320, 0.8), (1, 96)


class PersonDetection(SearchSpace):
    """Kernel, (groups, channels) and (width, aspect) of the person detector."""

    name = "person-detection"

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return _dimensions()

    @property
    def seed_point(self) -> Point:
        return (
            KERNELS.index(_SEED_KERNEL),
            _heads().index(_SEED_HEAD),
            _sizes().index(_SEED_SIZE),
        )

    def architecture(self, point: Point) -> Architecture:
        kernel, head, size = point
        groups, channels = _heads()[head]
        pixels = _sizes()[size]
        return person_detector(
            k=KERNELS[kernel], g=groups, c=channels, width=pixels.width, aspect=pixels.aspect
        )


@cache
def _dimensions() -> tuple[Dimension, ...]:
    return (
        Dimension("kernel", tuple(f"k={kernel}" for kernel in KERNELS)),
        Dimension("head", tuple(f"g={groups},c={channels}" for groups, channels in _heads())),
        Dimension("input", tuple(map(str, _sizes()))),
    )


@cache
def _sizes() -> tuple[InputSize, ...]:
    return tuple(sorted(legal_sizes(), key=lambda size: (size.width * size.height, size.width)))


@cache
def _heads() -> tuple[tuple[int, int], ...]:
    pairs = ((groups, channels) for groups in GROUPS for channels in CHANNELS)
    return tuple(sorted((pair for pair in pairs if pair[1] % pair[0] == 0), key=_work))


def _work(head: tuple[int, int]) -> tuple[float, int]:
    """MACs of the head for each cell of its grid, at the seed's kernel and one class."""
    groups, channels = head
    depthwise = 9 * _SEED_KERNEL**2 + 6
    return channels * ((336 + 4 * channels) / groups + depthwise), groups
