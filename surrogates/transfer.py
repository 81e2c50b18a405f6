"""A surrogate moved to another board by a handful of measurements.

Notation: c (n_terms,) are the source's cycles per count, p = X . c its prediction, and
Z = X c / p (n, n_terms) the share of each term in it, rows adding to 1. On the target the ratio
r = y / p is Z m + u: a multiplier m for each term, and an offset u for each block type. Before
any measurement m is normal around 1 with covariance

    v 1 1' + sum over groups g of v_g 1_g 1_g' + diag(v_j)

so that one scalar moves all terms, a scalar more moves those of a group (compute, activations'
lines, weights' lines, overhead of a call), and a term alone moves little; u is normal around 0,
smaller still. That is a hierarchical ridge regression: what the measurements do not tell apart
shrinks to one scalar (Gelman et al., Bayesian Data Analysis, 3rd edition, 2013, chapter 15;
linear Gaussian conditioning as in Rasmussen and Williams, Gaussian Processes for Machine
Learning, 2006, chapter 2.1). Residuals learned on the source are not taken along: they hold
what its caches do.

The blocks to measure are chosen before they are: each time the one that lowers the variance
of all candidates' ratios most (Cohn, Ghahramani and Jordan, Active Learning with Statistical
Models, 1996), which spans the terms by their shares.

Intervals are conformal in units of the posterior's own deviation (Lei et al.,
Distribution-Free Predictive Inference for Regression, 2018, section 5.2), over the measured
blocks, each left out in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwprof.blocks import BlockConfig
from hwprof.errors import ConfigurationError
from hwprof.surrogates.active import most_telling
from hwprof.surrogates.features import FEATURES, block_features
from hwprof.surrogates.intervals import conformal_quantile
from hwprof.surrogates.regressors import Matrix, Vector

MIN_SAMPLES = 3
"""Fewer tell no group of terms from another."""

_SCALAR = 1.0
_GROUPS = (0.05, 0.5, 0.5, 1.0)
_TERMS = (0.1, 0.5, 0.5, 0.5)
"""Standard deviations by group: compute, activations, weights, overhead. Boards of one core differ
little in compute and by factors in memory; chosen on the three boards of benchmarks/transfer.py."""
_TYPE = 0.03
_NOISE = 0.05
_LEAST = 0.02
"""A ratio below this is no prediction."""

Groups = npt.NDArray[np.int64]


def term_groups() -> Groups:
    """Group of each feature: 0 compute, 1 lines of activations, 2 of weights, 3 overhead."""
    return np.array([_group(term.name, term.unit, term.kernel is None) for term in FEATURES])


def _group(name: str, unit: str, is_shared: bool) -> int:  # noqa: FBT001 - one place, one meaning
    if is_shared and unit.startswith("line"):
        return 2 if name.startswith("weight") else 1
    return 3 if name.endswith("_calls") else 0


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Blocks as the transfer sees them.

    Attributes:
        priced: cycles that the source predicts, (n,).
        shares: of each term in them, (n, n_terms).
        types: block type of each, (n,).
    """

    priced: Vector
    shares: Matrix
    types: npt.NDArray[np.str_]

    @classmethod
    def of(cls, configs: Sequence[BlockConfig], coefficients: Vector) -> Design:
        """Blocks priced by the source's coefficients, ``floored``.

        Raises:
            ConfigurationError: a block costs nothing.
        """
        contributions = block_features(configs).X * floored(coefficients)
        priced = contributions.sum(axis=1)
        if not (priced > 0).all():
            free = configs[int(np.argmin(priced))].key
            raise ConfigurationError(
                f"a transfer is learned from blocks that cost something; {free} costs nothing; "
                "leave it out."
            )
        kinds = np.array([config.block_type for config in configs])
        return cls(priced, contributions / priced[:, None], kinds)

    def take(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> Design:
        """Some of the blocks."""
        chosen = np.asarray(rows, dtype=np.int64)
        return Design(self.priced[chosen], self.shares[chosen], self.types[chosen])


_FLOOR = 1e-3


def floored(coefficients: Vector) -> Vector:
    """The source's coefficients, none at nothing.

    Such a term gets a little of what it was guessed at, so that it can grow.
    """
    guesses = np.array([term.guess_cycles for term in FEATURES], dtype=np.float64)
    return np.maximum(coefficients, _FLOOR * guesses)


def covariance(first: Design, second: Design) -> Matrix:
    """Prior covariance of the ratios of blocks, (n_first, n_second)."""
    groups = term_groups()
    total = np.full((len(first.priced), len(second.priced)), _SCALAR**2)
    for group, deviation in enumerate(_GROUPS):
        inside = groups == group
        ours, theirs = first.shares[:, inside].sum(axis=1), second.shares[:, inside].sum(axis=1)
        total += deviation**2 * np.outer(ours, theirs)
    variances = np.array(_TERMS)[groups] ** 2
    total += (first.shares * variances) @ second.shares.T
    total += _TYPE**2 * (first.types[:, None] == second.types[None, :])
    return total


def choose_blocks(candidates: Design, count: int, measured: Sequence[int] = ()) -> list[int]:
    """Rows of the candidates to measure, most telling first, beyond those measured before.

    Raises:
        ConfigurationError: fewer candidates than are to be chosen.
    """
    if count + len(measured) > len(candidates.priced):
        raise ConfigurationError(
            f"a transfer chooses among candidates; {count} of {len(candidates.priced)} cannot be "
            "chosen; ask for fewer samples."
        )
    variance = covariance(candidates, candidates)
    return most_telling(variance, count, measured, noise=_NOISE)


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """Ratios of the target to the source, as far as measured blocks tell.

    Attributes:
        measured: the blocks, and ``ratios`` (n,) of their cycles to the source's prediction.
        scalar: the one factor that a user would scale by, the median ratio.
        quantile: of normalised errors of blocks left out, at the level asked for.
    """

    measured: Design
    ratios: Vector
    scalar: float
    quantile: float

    @classmethod
    def fit(cls, measured: Design, cycles: Vector, level: float) -> Transfer:
        """What measured blocks say.

        Args:
            measured: n blocks, at least ``MIN_SAMPLES``.
            cycles: of each, (n,), positive.
            level: share of blocks that intervals are to cover, 0 to 1.

        Raises:
            ConfigurationError: too few blocks.
        """
        if len(cycles) < MIN_SAMPLES:
            raise ConfigurationError(
                f"a transfer needs at least {MIN_SAMPLES} measured blocks; got {len(cycles)}."
            )
        ratios = cycles / measured.priced
        whole = cls(measured, ratios, float(np.median(ratios)), 0.0)
        errors = [whole._normalised_error(row) for row in range(len(ratios))]
        return cls(measured, ratios, whole.scalar, conformal_quantile(np.array(errors), level))

    def _normalised_error(self, row: int) -> float:
        """Log error of a block in deviations, by the others alone."""
        rest = np.delete(np.arange(len(self.ratios)), row)
        others = Transfer(self.measured.take(rest), self.ratios[rest], 1.0, 0.0)
        ratio, deviation = others.predict(self.measured.take([row]))
        return float(abs(np.log(self.ratios[row] / ratio[0])) / deviation[0])

    def predict(self, blocks: Design) -> tuple[Vector, Vector]:
        """Ratio of each block and its deviation relative to it, both (n,)."""
        across = covariance(blocks, self.measured)
        known = self._known()
        ratio = np.maximum(1 + across @ np.linalg.solve(known, self.ratios - 1), _LEAST)
        prior = np.diag(covariance(blocks, blocks))
        explained = (across * np.linalg.solve(known, across.T).T).sum(axis=1)
        deviation = np.sqrt(np.maximum(prior - explained, 0.0)) / ratio
        return ratio, np.hypot(deviation, _NOISE)

    def multipliers(self, block_type: str = "") -> Vector:
        """Factor of each of the source's coefficients, with a block type's offset; (n_terms,)."""
        weights = np.linalg.solve(self._known(), self.ratios - 1)
        groups, shares = term_groups(), self.measured.shares
        told = shares.T @ weights
        factor = 1 + _SCALAR**2 * told.sum() + np.array(_TERMS)[groups] ** 2 * told
        for group, deviation in enumerate(_GROUPS):
            inside = groups == group
            factor[inside] += deviation**2 * told[inside].sum()
        own = _TYPE**2 * weights[self.measured.types == block_type].sum()
        multipliers: Vector = np.maximum(factor + own, 0.0)
        return multipliers

    def half_widths(self, blocks: Design) -> Vector:
        """Half-width of the interval of each block, in log ratio, (n,)."""
        return self.quantile * self.predict(blocks)[1]

    def _known(self) -> Matrix:
        noise = np.diag((_NOISE * self.ratios) ** 2)
        known: Matrix = covariance(self.measured, self.measured) + noise
        return known
