"""What measured blocks tell of the target's multipliers.

Notation: t are log multipliers with mean e and covariance K (``_terms``); a block's log cycles are
f(t) + u + noise, with u an offset of its block type. Around t, f moves by the shares Z of the
terms in the block's cycles, so that t is found by Gauss and Newton's steps, each a linear
Gaussian update; the posterior's covariance is that of the last one (Laplace's approximation:
Gelman et al., Bayesian Data Analysis, 3rd edition, 2013, chapter 4.1; the updates as in
Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, chapter 2.1).

Intervals: a handful of measurements calibrates nothing by itself (the quantile of ten errors at
90 % is their largest). So the scale of the posterior's deviations is learned too: it starts at 1
with the weight of ``_SCALE_SAMPLES`` blocks, and blocks left out in turn add their normalised
errors; intervals are then Student's t (scaled inverse chi-square prior: Gelman et al., 2.6, 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hwprof.errors import ConfigurationError
from hwprof.surrogates.regressors import Matrix, Vector
from hwprof.surrogates.transfer._terms import Design

MIN_SAMPLES = 3
"""Fewer tell no group of terms from another."""

NOISE = 0.03
"""Standard deviation of what no multiplier explains, in log cycles."""
NOISE_CYCLES = 50
"""The same in cycles, which tells in blocks of a thousand."""
TYPE = 0.02
"""Standard deviation of a block type's offset."""

_STEPS = 60
_LONGEST_STEP = 1.0
_NEAR = 1e-6
_SCALE_SAMPLES = 20


def noise_variance(log_cycles: Vector) -> Vector:
    """Variance of a block's log cycles that no multiplier explains, (n,)."""
    variance: Vector = NOISE**2 + (NOISE_CYCLES / np.exp(log_cycles)) ** 2
    return variance


def offset_covariance(
    first: npt.NDArray[np.str_], second: npt.NDArray[np.str_]
) -> npt.NDArray[np.float64]:
    """Covariance of offsets of blocks of these types, (n_first, n_second)."""
    same: npt.NDArray[np.float64] = TYPE**2 * (first[:, None] == second[None, :])
    return same


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Log multipliers given measured blocks.

    Attributes:
        log_multipliers: the likeliest, (n_terms,).
        shares: of each term in each measured block, there, (n, n_terms).
        known: covariance of the measured blocks' log cycles, (n, n).
        weights: of each measured block in predictions, (n,).
    """

    measured: Design
    log_multipliers: Vector
    shares: Matrix
    known: Matrix
    weights: Vector

    @classmethod
    def of(cls, measured: Design, cycles: Vector) -> Posterior:
        """What n measured blocks say, 0 or more."""
        expected, covariance = measured.terms.expected, measured.terms.covariance
        log_cycles = np.log(cycles)
        fixed = offset_covariance(measured.types, measured.types)
        fixed += np.diag(noise_variance(log_cycles))
        at = expected
        for _ in range(_STEPS):
            predicted, shares = measured.shares(at)
            known = shares @ covariance @ shares.T + fixed
            missing = log_cycles - predicted + shares @ (at - expected)
            weights: Vector = np.linalg.solve(known, missing).astype(np.float64)
            step = expected + covariance @ (shares.T @ weights) - at
            size = float(np.abs(step).max())
            if size < _NEAR:
                break
            at = at + step * min(1.0, _LONGEST_STEP / size)
        return cls(measured, at, shares, known, weights)

    def predict(self, blocks: Design) -> tuple[Vector, Vector]:
        """Log cycles of blocks and their standard deviation, both (n,)."""
        log_cycles, shares = blocks.shares(self.log_multipliers)
        offsets = offset_covariance(blocks.types, self.measured.types)
        covariance = blocks.terms.covariance
        across = shares @ covariance @ self.shares.T + offsets
        prior = (shares @ covariance * shares).sum(axis=1) + TYPE**2
        explained = (across * np.linalg.solve(self.known, across.T).T).sum(axis=1)
        expected = log_cycles + offsets @ self.weights
        variance = np.maximum(prior - explained, 0.0) + noise_variance(expected)
        return expected, np.sqrt(variance)

    def offset(self, block_type: str) -> float:
        """Likeliest offset of a block type, in log cycles."""
        return float(TYPE**2 * self.weights[self.measured.types == block_type].sum())


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """Blocks of the target, as far as measured ones tell.

    Attributes:
        scalar: the one factor that a user would scale by, the median ratio of measured cycles to
            the source's prediction.
        quantile: half-width of intervals in deviations of the posterior.
    """

    posterior: Posterior = field(repr=False)
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
        errors = np.array([_left_out(measured, cycles, row) for row in range(len(cycles))])
        scalar = float(np.median(cycles / measured.priced))
        return cls(Posterior.of(measured, cycles), scalar, _quantile(errors, level))

    def predict(self, blocks: Design) -> Vector:
        """Cycles of each block, (n,)."""
        cycles: Vector = np.exp(self.posterior.predict(blocks)[0])
        return cycles

    def half_widths(self, blocks: Design) -> Vector:
        """Half-width of the interval of each block, in log ratio, (n,)."""
        return self.quantile * self.posterior.predict(blocks)[1]

    def coefficients(self, block_type: str = "") -> Vector:
        """Cycles per count on the target, with a block type's offset, (n_features,)."""
        multipliers = np.exp(self.posterior.log_multipliers + self.posterior.offset(block_type))
        return self.posterior.measured.terms.coefficients(multipliers)


def _left_out(measured: Design, cycles: Vector, row: int) -> float:
    """Log error of a block in deviations, by the others alone."""
    rest = np.delete(np.arange(len(cycles)), row)
    others = Posterior.of(measured.take(rest), cycles[rest])
    log_cycles, deviation = others.predict(measured.take([row]))
    return float((np.log(cycles[row]) - log_cycles[0]) / deviation[0])


def _quantile(errors: Vector, level: float) -> float:
    """Half-width in deviations that covers ``level``, from normalised errors (n,)."""
    from scipy.stats import t

    freedom = _SCALE_SAMPLES + len(errors)
    scale = np.sqrt((_SCALE_SAMPLES + (errors**2).sum()) / freedom)
    return float(scale * t.ppf((1 + level) / 2, freedom))
