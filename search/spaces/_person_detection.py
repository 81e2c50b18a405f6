"""The person detector's head and input size: 91,184 architectures.

Inputs are the 164 legal pairs of width and aspect ratio, channels are multiples of the groups, so
every point can be built. Inputs stand in order of their pixels and heads in order of their work,
because a sampler that knows its neighbours finds more: after 120 trials multi-objective TPE has
94.6 % of the exhaustive front's hypervolume, without the order 91.0 %, chance 90.9 % (means of
five seeds, benchmarks/search.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.architecture import Architecture, BlockInstance, SharedBlocks
from hwprof.errors import ConfigurationError
from hwprof.networks.person_detector import (
    ASPECTS,
    CHANNELS,
    GROUPS,
    KERNELS,
    WIDTHS,
    InputSize,
    legal_sizes,
    person_detector,
)
from hwprof.search.spaces._base import Dimension, Indices, Point, SearchSpace

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

    @property
    def parameters(self) -> tuple[str, ...]:
        """Columns of a table of its networks, as ``person_detector`` takes them."""
        return "k", "g", "c", "width", "aspect"

    def factors(self, indices: Indices) -> dict[str, npt.NDArray[Any]]:
        kernel, head, size = self.choices(indices)
        heads = np.array(_heads())
        return {
            "k": np.array(KERNELS)[kernel],
            "g": heads[head, 0],
            "c": heads[head, 1],
            "width": np.array([size.width for size in _sizes()])[size],
            "aspect": np.array([size.aspect for size in _sizes()])[size],
        }

    def blocks_of(self, columns: Mapping[str, npt.NDArray[Any]]) -> tuple[SharedBlocks, ...]:
        """Backbone and head of the network of each row.

        Args:
            columns: an array (n,) for each of ``parameters``.

        Raises:
            ConfigurationError: a row is no network of the space; the message says which.
        """
        choices = {"k": KERNELS, "g": GROUPS, "c": CHANNELS, "width": WIDTHS, "aspect": ASPECTS}
        at = {name: _positions(name, columns[name], values) for name, values in choices.items()}
        size = _size_numbers()[at["width"], at["aspect"]]
        odd = np.asarray(CHANNELS)[at["c"]] % np.asarray(GROUPS)[at["g"]] != 0
        _refuse(columns, odd, "c is no multiple of g")
        _refuse(columns, size < 0, "the levels of that width and aspect do not join")
        grid = _grid_numbers()[size]
        extents = len(KERNELS), len(GROUPS), len(CHANNELS), len(_grids())
        head = np.ravel_multi_index((at["k"], at["g"], at["c"], grid), extents)
        return _shared(size, _backbone), _shared(head, _head)


Stretch = tuple[BlockInstance, ...]

_DECIMALS = 5
"""Of an aspect ratio; a column in single precision has no more that can be relied on."""


def _positions(
    name: str, values: npt.NDArray[Any], choices: Sequence[float]
) -> npt.NDArray[np.int64]:
    """Position of each value among ascending choices."""
    if values.dtype.kind not in "iuf":
        raise ConfigurationError(
            f"the column {name} of a table of networks holds numbers; got {values.dtype}."
        )
    exact = np.round(values.astype(np.float64), _DECIMALS)
    positions = np.minimum(np.searchsorted(choices, exact), len(choices) - 1)
    wrong = np.flatnonzero(np.asarray(choices)[positions] != exact)
    if len(wrong):
        legal = (
            f"{choices[0]} to {choices[-1]}"
            if isinstance(choices, range)
            else ", ".join(map(str, choices))
        )
        raise ConfigurationError(
            f"row {wrong[0]} of the table is no network of {PersonDetection.name}: {name} must be "
            f"one of {legal}; got {values[wrong[0]]:g}."
        )
    return positions


def _refuse(
    columns: Mapping[str, npt.NDArray[Any]], wrong: npt.NDArray[np.bool_], reason: str
) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        values = ", ".join(f"{name}={column[row]:g}" for name, column in columns.items())
        raise ConfigurationError(
            f"row {row} of the table is no network of {PersonDetection.name}: {reason}; "
            f"got {values}."
        )


def _shared(numbers: npt.NDArray[np.int64], build: Callable[[int], Stretch]) -> SharedBlocks:
    """The stretches of the numbers that occur, and which of them each row has."""
    used = np.flatnonzero(np.bincount(numbers))
    index = np.zeros(int(numbers.max(initial=0)) + 1, np.int64)
    index[used] = np.arange(len(used))
    return SharedBlocks([build(number) for number in used.tolist()], index[numbers])


@cache
def _size_numbers() -> npt.NDArray[np.int64]:
    """Number of each width and aspect among the legal sizes, -1 where it is none."""
    numbers = np.full((len(WIDTHS), len(ASPECTS)), -1)
    for number, size in enumerate(legal_sizes()):
        numbers[WIDTHS.index(size.width), ASPECTS.index(size.aspect)] = number
    return numbers


@cache
def _grids() -> tuple[tuple[int, int], ...]:
    return tuple(dict.fromkeys(size.grid for size in legal_sizes()))


@cache
def _grid_numbers() -> npt.NDArray[np.int64]:
    return np.array([_grids().index(size.grid) for size in legal_sizes()])


def _backbone(number: int) -> Stretch:
    """Blocks before the head at one of the legal sizes."""
    size = legal_sizes()[number]
    return person_detector(width=size.width, aspect=size.aspect).blocks[:-_HEAD_BLOCKS]


def _head(number: int) -> Stretch:
    """Blocks of one head on one grid."""
    extents = len(KERNELS), len(GROUPS), len(CHANNELS), len(_grids())
    kernel, groups, channels, grid = np.unravel_index(number, extents)
    size = next(size for size in legal_sizes() if size.grid == _grids()[grid])
    return person_detector(
        k=KERNELS[kernel],
        g=GROUPS[groups],
        c=CHANNELS[channels],
        width=size.width,
        aspect=size.aspect,
    ).blocks[-_HEAD_BLOCKS:]


_HEAD_BLOCKS = 2


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
