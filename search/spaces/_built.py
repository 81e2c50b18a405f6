"""A search space of one of hwprof's own networks: choices of the builder's parameters.

Parameters that do not go together at every value are joined into one dimension, which holds the
combinations that the builder accepts; so every point is a network.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.networks import NETWORKS
from hwprof.search.spaces._base import Dimension, Indices, Point, SearchSpace

MOST_CHOICES = 10_000
"""Of one dimension, and combinations tried for one."""
MOST_ARCHITECTURES = 10**12
_SWEPT = 256  # choices of a dimension that are built before a space is taken for good
_DRAWN = 128  # points of it, likewise
_DRAW_SEED = 0

Values: TypeAlias = Mapping[str, float]
"""A number for each parameter."""


@dataclass(frozen=True, slots=True)
class ParameterAxis:
    """Parameters that are chosen together, and the combinations to choose from.

    Attributes:
        names: of the parameters.
        choices: a number for each of them, distinct.
    """

    names: tuple[str, ...]
    choices: tuple[tuple[float, ...], ...]

    def values(self, choice: int) -> dict[str, float]:
        """The parameters at one choice."""
        return dict(zip(self.names, self.choices[choice], strict=True))

    @property
    def dimension(self) -> Dimension:
        """The axis as a search sees it."""
        labels = tuple(_written(self.values(choice)) for choice in range(len(self.choices)))
        return Dimension(",".join(self.names), labels)


class BuiltNetworks(SearchSpace):
    """The networks that a builder makes of some values of its parameters.

    Args:
        name: the space's own.
        network: a name of ``hwprof.networks.NETWORKS``.
        axes: what varies; joined axes hold legal combinations only (``joined``).
        fixed: other parameters that are not at the builder's default.
        seed: parameters of the network that a search starts from; where it says nothing, the
            builder's default if that is a choice, else the first choice.

    Raises:
        UnknownNameError: no such network or parameter.
        ConfigurationError: an axis without choices or with too many, the seed is no choice, or
            the builder refuses a choice or a combination.
    """

    def __init__(
        self,
        name: str,
        network: str,
        axes: Iterable[ParameterAxis],
        *,
        fixed: Values | None = None,
        seed: Values | None = None,
    ) -> None:
        self.name = name
        self.network = network
        self.axes = tuple(axes)
        self.fixed = dict(fixed or {})
        self._build = builder(network)
        self._check_names()
        self._check_extents()
        self._seed_point = tuple(self._seed_choice(axis, seed or {}) for axis in self.axes)
        self._check_points()

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        return tuple(axis.dimension for axis in self.axes)

    @property
    def seed_point(self) -> Point:
        return self._seed_point

    @property
    def origin(self) -> str:
        """The network, and its parameters that do not vary."""
        return repr((self.network, sorted(self.fixed.items())))

    def architecture(self, point: Point) -> Architecture:
        """The network at a point.

        Raises:
            ConfigurationError: the builder refuses a combination of choices.
        """
        values = self._values(point)
        try:
            return self._build(**values)
        except ConfigurationError as error:
            reason = str(error).rstrip(".")
            raise ConfigurationError(
                f"the search space {self.name!r} holds {self.network}:{_written(values)}, which is "
                f"no network ({reason}); leave it out, or join parameters that depend on each "
                "other by 'together'."
            ) from error

    def factors(self, indices: Indices) -> dict[str, npt.NDArray[Any]]:
        columns = {}
        for axis, choices in zip(self.axes, self.choices(indices), strict=True):
            for name, values in zip(axis.names, zip(*axis.choices, strict=True), strict=True):
                columns[name] = np.array(values)[choices]
        return columns

    def _values(self, point: Point) -> dict[str, float]:
        values = dict(self.fixed)
        for axis, choice in zip(self.axes, point, strict=True):
            values |= axis.values(choice)
        return values

    def _check_names(self) -> None:
        defaults = parameter_defaults(self.network)
        names = [*self.fixed, *(name for axis in self.axes for name in axis.names)]
        for name in names:
            if name not in defaults:
                raise UnknownNameError(f"parameter of {self.network}", name, defaults)
        if len(set(names)) < len(names):
            raise ConfigurationError(
                f"each parameter of the search space {self.name!r} varies once; got "
                f"{', '.join(names)}; remove what is there twice."
            )

    def _check_extents(self) -> None:
        if not self.axes:
            raise ConfigurationError(
                f"the search space {self.name!r} needs a parameter that varies; give one of "
                f"{', '.join(parameter_defaults(self.network)) or 'another network'} a list."
            )
        for axis in self.axes:
            different = len(set(axis.choices))
            if not 0 < different == len(axis.choices) <= MOST_CHOICES:
                raise ConfigurationError(
                    f"{' with '.join(axis.names)} of the search space {self.name!r} needs 1 to "
                    f"{MOST_CHOICES:,} different choices; got {len(axis.choices):,}, "
                    f"{different:,} of them different; give it others."
                )
        if self.size > MOST_ARCHITECTURES:
            raise ConfigurationError(
                f"a search space holds at most {MOST_ARCHITECTURES:,} architectures; "
                f"{self.name!r} has {self.size:,}; give it fewer choices."
            )

    def _seed_choice(self, axis: ParameterAxis, seed: Values) -> int:
        defaults = parameter_defaults(self.network)
        wanted = tuple(seed.get(name, defaults[name]) for name in axis.names)
        if wanted in axis.choices:
            return axis.choices.index(wanted)
        if any(name in seed for name in axis.names):
            raise ConfigurationError(
                f"the seed of the search space {self.name!r} is one of its networks; "
                f"{_written(dict(zip(axis.names, wanted, strict=True)))} is no choice of "
                f"{' with '.join(axis.names)}; make it one, or leave it out of the seed."
            )
        return 0

    def _check_points(self) -> None:
        """Build each choice beside the seed's others, and some points at random."""
        for point in self._probes():
            self.architecture(point)

    def _probes(self) -> Iterator[Point]:
        seed = self.seed_point
        for number, axis in enumerate(self.axes):
            count = len(axis.choices)
            for choice in np.unique(np.linspace(0, count - 1, min(count, _SWEPT)).astype(int)):
                yield (*seed[:number], int(choice), *seed[number + 1 :])
        rng = random.Random(_DRAW_SEED)
        for _ in range(_DRAWN):
            yield self.point(rng.randrange(self.size))


def builder(network: str) -> Callable[..., Architecture]:
    """The function that builds networks of a name.

    Raises:
        UnknownNameError: no such network; the message suggests the nearest.
    """
    if network not in NETWORKS:
        raise UnknownNameError("network", network, NETWORKS)
    return NETWORKS[network]


def parameter_defaults(network: str) -> dict[str, float]:
    """Parameters of a network's builder and their defaults, whole numbers where it takes such."""
    parameters = signature(builder(network)).parameters
    return {name: parameter.default for name, parameter in parameters.items()}


def joined(network: str, axes: Iterable[ParameterAxis], others: Values) -> ParameterAxis:
    """One axis of the combinations of several that the builder accepts.

    Args:
        others: other parameters that are not to be at the builder's default meanwhile.

    Raises:
        ConfigurationError: it accepts none, or there are too many to try.
    """
    axes = tuple(axes)
    names = tuple(name for axis in axes for name in axis.names)
    count = math.prod(len(axis.choices) for axis in axes)
    if count > MOST_CHOICES:
        raise ConfigurationError(
            f"at most {MOST_CHOICES:,} combinations of {' with '.join(names)} can be tried; there "
            f"are {count:,}; give them fewer choices."
        )
    build = builder(network)
    legal, refusal = [], "none was given"
    for choice in product(*(axis.choices for axis in axes)):
        values = tuple(number for numbers in choice for number in numbers)
        try:
            build(**others, **dict(zip(names, values, strict=True)))
        except ConfigurationError as error:
            refusal = str(error).rstrip(".")
        else:
            legal.append(values)
    if not legal:
        raise ConfigurationError(
            f"no combination of {' with '.join(names)} is a network of {network} ({refusal}); "
            "give them other choices, or a [seed] for the others."
        )
    return ParameterAxis(names, tuple(legal))


def _written(values: Values) -> str:
    return ",".join(f"{name}={value}" for name, value in values.items())
