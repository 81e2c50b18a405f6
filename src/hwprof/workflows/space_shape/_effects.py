"""Main effects and interactions: how much of a variance the means over groups explain.

Notation: y (n,) a measure; a factor puts each network into one of k groups. The correlation ratio
is eta^2 = SS_between / SS_total, of groups as large as they are. Over a whole product of
dimensions these shares and those of the interactions add up to at most 1 (Fisher's analysis of
variance; the first-order indices of Sobol, 1993). In a sample, chance alone gives k groups a share
of (k - 1) / (n - 1), so epsilon^2 = (SS_between - (k - 1) MS_within) / SS_total (Kelley, 1935).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from hwprof.errors import UnknownNameError
from hwprof.search.spaces import SearchSpace
from hwprof.workflows.space_shape._candidates import Candidates, FloatArray, Integers
from hwprof.workflows.space_shape._values import ChoiceEffect, Effect, Interaction


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """Groups of networks.

    Attributes:
        values: what tells the groups apart.
        codes: group of each network, (n,).
    """

    name: str
    values: tuple[float | str, ...]
    codes: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Varied:
    """What a space varies, as far as the networks that were looked at do.

    Attributes:
        space: its name.
        parameters: as a builder, or a person, counts them.
        dimensions: the choices that a search makes, independent of each other.
    """

    space: str
    parameters: tuple[Factor, ...]
    dimensions: tuple[Factor, ...]

    @classmethod
    def of(cls, space: SearchSpace, candidates: Candidates) -> Varied:
        """Of some networks of a space."""
        dimensions = tuple(_dimensions_of(space, candidates))
        return cls(space.name, tuple(_parameters_of(space, candidates, dimensions)), dimensions)

    @property
    def joined(self) -> tuple[Factor, ...]:
        """Dimensions that are no parameter by another name: they join several."""
        known = {factor.codes.tobytes() for factor in self.parameters}
        return tuple(one for one in self.dimensions if one.codes.tobytes() not in known)

    def named(self, name: str) -> Factor:
        """The parameter, or else the dimension, of a name.

        Raises:
            UnknownNameError: there is none.
        """
        factors = {factor.name: factor for factor in (*self.dimensions, *self.parameters)}
        if name not in factors:
            raise UnknownNameError(f"parameter of {self.space}", name, factors)
        return factors[name]


def _parameters_of(
    space: SearchSpace, candidates: Candidates, independent: Iterable[Factor]
) -> Iterator[Factor]:
    dimensions = {factor.name: factor for factor in independent}
    for name, column in space.factors(candidates.indices).items():
        factor = dimensions.get(name) or _factor(name, column)
        if column.dtype.kind in "iuf":
            factor = _factor(name, column)
        yield factor


def _dimensions_of(space: SearchSpace, candidates: Candidates) -> Iterator[Factor]:
    for dimension, choices in zip(space.dimensions, space.choices(candidates.indices), strict=True):
        used, codes = np.unique(choices, return_inverse=True)
        labels = tuple(dimension.labels[choice] for choice in used.tolist())
        yield Factor(dimension.name, labels, codes)


def _factor(name: str, column: npt.NDArray[np.generic]) -> Factor:
    values, codes = np.unique(column, return_inverse=True)
    return Factor(name, tuple(values.tolist()), codes)


@dataclass(frozen=True, slots=True)
class Effects:
    """Effects over some candidates.

    Attributes:
        meeting: whether each meets all limits, (n,).
        is_whole: whether the candidates are a whole space and no sample.
    """

    candidates: Candidates
    meeting: npt.NDArray[np.bool_]
    is_whole: bool

    def of(self, factor: Factor) -> Effect:
        """What one factor does, averaged over all others."""
        latency_ms, score = self.candidates.latency_us / 1000, self.candidates.score
        counts = np.bincount(factor.codes)
        of_latency, of_score = (_moments(values, factor.codes) for values in (latency_ms, score))
        shares = np.bincount(factor.codes, self.meeting) / counts
        columns = (counts, *of_latency, *of_score, shares)
        rows = zip(factor.values, *(column.tolist() for column in columns), strict=True)
        return Effect(
            factor.name,
            self._share(latency_ms, factor.codes),
            self._share(score, factor.codes),
            tuple(ChoiceEffect(*row) for row in rows),
        )

    def interactions(self, factors: Sequence[Factor]) -> Iterator[Interaction]:
        """Of each two dimensions of a whole space; in a sample cells are too small to tell."""
        if not self.is_whole:
            return
        measures = self.candidates.latency_us, self.candidates.score
        for one, two in combinations(factors, 2):
            cells = one.codes * len(two.values) + two.codes
            shares = [
                max(
                    self._share(values, cells)
                    - self._share(values, one.codes)
                    - self._share(values, two.codes),
                    0.0,
                )
                for values in measures
            ]
            yield Interaction((one.name, two.name), *shares)

    def _share(self, values: FloatArray, codes: Integers) -> float:
        return variance_share(values, codes, is_whole=self.is_whole)


def variance_share(values: FloatArray, codes: Integers, *, is_whole: bool = True) -> float:
    """Share of the variance of ``values`` (n,) that the means over groups explain, 0 to 1."""
    _, codes = np.unique(codes, return_inverse=True)
    counts = np.bincount(codes)
    centred = values - values.mean()
    total = float(centred @ centred)
    if total <= np.finfo(np.float64).eps * float(values @ values):
        return 0.0
    between = float((np.bincount(codes, centred) ** 2 / counts).sum())
    degrees = len(values) - len(counts)
    if not is_whole:
        if degrees <= 0:  # every network is a group of its own: nothing is left to judge by
            return 0.0
        between -= (len(counts) - 1) * (total - between) / degrees
    return min(max(between / total, 0.0), 1.0)


def _moments(values: FloatArray, codes: Integers) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of each group."""
    counts = np.bincount(codes)
    means = np.bincount(codes, values) / counts
    return means, np.sqrt(np.bincount(codes, (values - means[codes]) ** 2) / counts)
