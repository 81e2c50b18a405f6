"""What may differ between two boards: a multiplier for each term of the source's prediction.

Terms are the source's coefficients, with two changes. A movement (copy, fill, transpose, resize)
does next to nothing but wait for memory, and each line it fills comes with as many words, so the
source's fit cannot tell the two apart: what its loops cost beyond their instructions is a term
of memory. And each kernel's code is fetched once a call where it lies behind the instruction
cache, of which the source, with its code in TCM, knows nothing.

Logarithms of multipliers are normal around what board files say of the memories, with covariance

    v 1 1' + sum over groups g of v_g 1_g 1_g' + diag(v_j)

so that one scalar moves all terms, a scalar more those of a group, and a term alone moves little:
a hierarchical prior (Gelman et al., Bayesian Data Analysis, 3rd edition, 2013, chapter 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from hwprof.blocks import BlockConfig
from hwprof.errors import ConfigurationError
from hwprof.surrogates.calls import KernelClass
from hwprof.surrogates.cost_terms import Term
from hwprof.surrogates.features import FEATURES, block_features
from hwprof.surrogates.regressors import Matrix, Vector

_CODE_LINES = 30
"""Lines of code that a call runs through: kernels have 0.5 to 3 KiB, of which a call needs some."""
_FLOOR = 1e-3
_MOVEMENTS = (KernelClass.COPY, KernelClass.FILL, KernelClass.TRANSPOSE, KernelClass.RESIZE)


class Group(IntEnum):
    """Terms that one cause moves together."""

    COMPUTE = 0
    READS = 1
    WRITES = 2
    WEIGHTS = 3
    OVERHEAD = 4
    CODE = 5


@dataclass(frozen=True, slots=True)
class LineCosts:
    """Core cycles that a cache line takes from the memory of each part, source and target.

    Attributes:
        activations, weights: on the target, as multiples of those on the source.
        code_cycles: of a line of code on the target; below 1 where code is never fetched.
        is_known: whether a board file says so; else all is a guess.
    """

    activations: float = 1.0
    weights: float = 1.0
    code_cycles: float = 3.0
    is_known: bool = False


UNKNOWN = LineCosts()
"""A board that nobody has described."""


@dataclass(frozen=True, slots=True)
class _Deviations:
    """Standard deviations of log multipliers: of all, of both activation groups, of each group."""

    activations: float
    groups: tuple[float, ...]


# Boards of one core differ little in compute and by factors in memory. Chosen on the boards of
# benchmarks/transfer.py but the STM32F746, on seeds 0 to 4.
_KNOWN = _Deviations(1.0, (0.05, 0.3, 0.8, 1.0, 0.5, 1.5))
_GUESSED = _Deviations(1.5, (0.05, 0.3, 0.8, 2.5, 0.5, 2.0))
_SCALAR = 0.3
_TERMS = (0.1, 0.4, 0.4, 0.4, 0.4, 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """n terms of the source's prediction.

    Attributes:
        columns: the feature that each counts, (n,).
        cycles: core cycles per count on the source, (n,); of code, per cycle of a line.
        groups: ``Group`` of each, (n,).
        expected: log multiplier before anything was measured, (n,).
        covariance: of the log multipliers, (n, n).
    """

    columns: npt.NDArray[np.int64]
    cycles: Vector
    groups: npt.NDArray[np.int64]
    expected: Vector
    covariance: Matrix

    @classmethod
    def of(cls, coefficients: Vector, costs: LineCosts = UNKNOWN) -> Terms:
        """Terms of a source.

        Args:
            coefficients: its cycles per count, (n_features,).
            costs: what is known of the memories of both boards.
        """
        cycles = _floored(coefficients)
        waiting = np.maximum(cycles - _GUESSES, 0.0) * _MOVES
        moving, calling = np.flatnonzero(waiting), np.flatnonzero(_CALLS)
        groups = np.concatenate(
            [_GROUPS, np.full(len(moving), Group.WRITES), np.full(len(calling), Group.CODE)]
        )
        return cls(
            columns=np.concatenate([np.arange(len(cycles)), moving, calling]),
            cycles=np.concatenate(
                [cycles - waiting, waiting[moving], np.full(len(calling), float(_CODE_LINES))]
            ),
            groups=groups,
            expected=_expected(groups, costs),
            covariance=_covariance(groups, _KNOWN if costs.is_known else _GUESSED),
        )

    def coefficients(self, multipliers: Vector) -> Vector:
        """Cycles per count on the target, (n_features,), for multipliers (n,)."""
        return np.bincount(self.columns, self.cycles * multipliers, len(FEATURES)).astype(
            np.float64
        )


def _expected(groups: npt.NDArray[np.int64], costs: LineCosts) -> Vector:
    by_group = np.zeros(len(Group))
    by_group[[Group.READS, Group.WRITES]] = np.log(costs.activations)
    by_group[Group.WEIGHTS] = np.log(costs.weights)
    by_group[Group.CODE] = np.log(costs.code_cycles)
    expected: Vector = by_group[groups]
    return expected


def _covariance(groups: npt.NDArray[np.int64], deviations: _Deviations) -> Matrix:
    causes = [np.isin(groups, (Group.READS, Group.WRITES)), *(groups == g for g in Group)]
    sizes = [deviations.activations, *deviations.groups]
    covariance = np.full((len(groups), len(groups)), _SCALAR**2)
    for moved, size in zip(causes, sizes, strict=True):
        covariance += size**2 * np.outer(moved, moved)
    return covariance + np.diag(np.array(_TERMS)[groups] ** 2)


_LINES = {"write": Group.WRITES, "weight": Group.WEIGHTS}


def _group(term: Term) -> Group:
    if term.kernel is None and "_lines" in term.name:
        return _LINES.get(term.name.partition("_")[0], Group.READS)
    return Group.OVERHEAD if term.name.endswith("_calls") else Group.COMPUTE


_GUESSES = np.array([term.guess_cycles for term in FEATURES], dtype=np.float64)
_CALLS = np.array([term.name.endswith("_calls") for term in FEATURES])
_MOVES = np.array([term.kernel in _MOVEMENTS for term in FEATURES]) & ~_CALLS
_GROUPS = np.array([_group(term) for term in FEATURES])


def _floored(coefficients: Vector) -> Vector:
    """None at nothing: such a term gets a little of what it was guessed at, so that it can grow."""
    return np.maximum(coefficients, _FLOOR * _GUESSES)


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Blocks as a transfer sees them.

    Attributes:
        counts: of each term in each block, (n, n_terms).
        priced: cycles that the source predicts, (n,).
        types: block type of each, (n,).
    """

    terms: Terms
    counts: Matrix
    priced: Vector
    types: npt.NDArray[np.str_]

    @classmethod
    def of(cls, configs: Sequence[BlockConfig], terms: Terms) -> Design:
        """Blocks as counts of the source's terms.

        Raises:
            ConfigurationError: a block costs nothing.
        """
        counts = block_features(configs).X[:, terms.columns]
        priced = counts @ (terms.cycles * (terms.groups != Group.CODE))
        if not (priced > 0).all():
            free = configs[int(np.argmin(priced))].key
            raise ConfigurationError(
                f"a transfer is learned from blocks that cost something; {free} costs nothing; "
                "leave it out."
            )
        return cls(terms, counts, priced, np.array([config.block_type for config in configs]))

    def take(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> Design:
        """Some of the blocks."""
        chosen = np.asarray(rows, dtype=np.int64)
        return Design(self.terms, self.counts[chosen], self.priced[chosen], self.types[chosen])

    def shares(self, log_multipliers: Vector) -> tuple[Vector, Matrix]:
        """Log cycles of each block (n,), and the share of each term in them (n, n_terms)."""
        parts = self.counts * (self.terms.cycles * np.exp(log_multipliers))
        cycles = parts.sum(axis=1)
        return np.log(cycles), parts / cycles[:, None]
