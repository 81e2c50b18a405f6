"""What a search space is: dimensions whose product it is, and the architecture at each point."""

from __future__ import annotations

import abc
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.search.design import Design

Point: TypeAlias = tuple[int, ...]
"""One choice, by its position, for each dimension."""

Indices: TypeAlias = npt.NDArray[np.int64]
"""Numbers of architectures of a space, (n,)."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One choice that a search makes.

    Attributes:
        labels: the choices in words, distinct; part of a space's identity.
        ordered: whether neighbours are alike, so that a sampler may learn from them.
    """

    name: str
    labels: tuple[str, ...]
    ordered: bool = True

    def value(self, choice: int) -> int | str:
        """A choice as a study keeps it: its position, or its label where there is no order."""
        return choice if self.ordered else self.labels[choice]

    def choice(self, value: int | str) -> int:
        """The choice that a study keeps as ``value``."""
        return self.labels.index(value) if isinstance(value, str) else int(value)


class SearchSpace(abc.ABC):
    """A finite product of dimensions, every point of which is an architecture.

    Feasible by construction: what does not exist is no point. Points are numbered from 0, the
    last dimension fastest.
    """

    name: str

    @property
    @abc.abstractmethod
    def dimensions(self) -> tuple[Dimension, ...]:
        """The choices, in the order of a point's numbers."""

    @property
    @abc.abstractmethod
    def seed_point(self) -> Point:
        """The network that the search starts from and is compared with."""

    @abc.abstractmethod
    def architecture(self, point: Point) -> Architecture:
        """The architecture at a point; its name tells it from all others of the space."""

    def design(self, point: Point) -> Design:
        """The architecture at a point and, where the space varies it, how it is trained."""
        return Design(self.architecture(point))

    @property
    def size(self) -> int:
        """How many architectures the space holds."""
        return prod(len(dimension.labels) for dimension in self.dimensions)

    @property
    def fingerprint(self) -> str:
        """Hash of all names and choices, and of what they are choices of.

        A stored study, and a model of quality, belong to one.
        """
        text = repr((self.name, [(d.name, d.labels, d.ordered) for d in self.dimensions]))
        return hashlib.sha256((text + self.origin).encode()).hexdigest()

    @property
    def origin(self) -> str:
        """What tells the space from others of its names and choices; empty where nothing must."""
        return ""

    def point(self, index: int) -> Point:
        """The point of a number.

        Raises:
            ConfigurationError: the number is not in 0 to ``size`` - 1.
        """
        if not 0 <= index < self.size:
            raise ConfigurationError(
                f"architectures of {self.name} are numbered 0 to {self.size - 1}; got {index}."
            )
        choices = []
        for dimension in reversed(self.dimensions):
            index, choice = divmod(index, len(dimension.labels))
            choices.append(choice)
        return tuple(reversed(choices))

    def index(self, point: Point) -> int:
        """The number of a point."""
        index = 0
        for dimension, choice in zip(self.dimensions, point, strict=True):
            index = index * len(dimension.labels) + choice
        return index

    def parameters_of(self, point: Point) -> dict[str, int | str]:
        """A point as a study keeps it, by the names of the dimensions."""
        pairs = zip(self.dimensions, point, strict=True)
        return {dimension.name: dimension.value(choice) for dimension, choice in pairs}

    def point_of(self, parameters: Mapping[str, int | str]) -> Point:
        """The point that a study keeps as ``parameters``."""
        return tuple(d.choice(parameters[d.name]) for d in self.dimensions)

    def architectures(self, indices: Sequence[int]) -> Iterator[Architecture]:
        """The architectures of some numbers, in their order."""
        return (self.architecture(self.point(index)) for index in indices)

    def designs(self, indices: Sequence[int]) -> Iterator[Design]:
        """What some numbers stand for, in their order."""
        return (self.design(self.point(index)) for index in indices)

    def choices(self, indices: Indices) -> tuple[Indices, ...]:
        """For each dimension the position of its choice at each number, (n,) each."""
        extents = [len(dimension.labels) for dimension in self.dimensions]
        return np.unravel_index(indices, extents)

    def factors(self, indices: Indices) -> dict[str, npt.NDArray[Any]]:
        """What its architectures differ by: a column (n,) of numbers or words for each name.

        The dimensions, unless a space knows parameters behind them.
        """
        return {
            dimension.name: np.array(dimension.labels)[chosen]
            for dimension, chosen in zip(self.dimensions, self.choices(indices), strict=True)
        }
