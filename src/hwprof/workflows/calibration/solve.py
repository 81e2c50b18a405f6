"""From measured cycles of probes to constants: a non-negative least-squares fit.

Notation: x (k,) are the constants' factors less one; f(x) (n,) the cycles that the virtual board
counts with its memories' constants and kernels' core cycles so multiplied; y (n,) the measured
ones. Sought is the x >= -1 that minimises |(y - f(x)) / (s y)|^2 + |x / d|^2, where s is the
relative deviation of a measurement from the model and d how far a constant may be off before
anything is measured. Gauss-Newton (Nocedal and Wright, Numerical Optimization, 2nd edition, 2006,
10.3), its slopes taken twice: on the unchanged board, and where that led; f is run anew in each
round. The covariance of x is the inverse of the normal matrix there, where a cost may hide
that showed before, with s estimated from what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hwprof.workflows.calibration.constants import KERNEL, Constant, Factors
from hwprof.workflows.calibration.modelled import Modelled
from hwprof.workflows.calibration.probes import Matrix, Vector

STEP = 0.2
"""Relative change of a constant by which sensitivities are taken."""

MEMORY_DEVIATION, KERNEL_DEVIATION = 0.5, 0.2
LEAST_NOISE = 0.0005
"""Of the fit's own straight lines; silicon's is larger and shows in the residuals."""

_ROUNDS = 4
_FIRST_NOISE = 0.02
_SETTLED = 1e-3
_LEAST_FACTOR = 0.05
Z95 = 1.96
"""Half of a 95 % interval in deviations."""

Simulate = Callable[[Factors], Sequence[Modelled]]
Slopes = Callable[[Factors], Matrix]


def deviations(constants: Sequence[Constant]) -> Vector:
    """How far each constant may be off before anything is measured, (k,)."""
    return np.array([KERNEL_DEVIATION if c.is_kernel else MEMORY_DEVIATION for c in constants])


def kernel_constants(runs: Sequence[Modelled]) -> list[Constant]:
    """One for each kernel that runs."""
    return [Constant(KERNEL, kernel) for kernel in sorted({run.kernel for run in runs})]


def predicted_cycles(runs: Sequence[Modelled], factors: Factors) -> Vector:
    """Cycles of runs whose kernels' core cycles are multiplied, (n,)."""
    more = [factors.get(Constant(KERNEL, run.kernel), 1.0) - 1 for run in runs]
    return np.array(
        [run.cycles + extra * run.core_cycles for run, extra in zip(runs, more, strict=True)]
    )


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Constants as measured cycles ask for them.

    Attributes:
        factors: by constant, in the order of ``covariance`` (k, k).
        runs: of the virtual board with the memories' constants among them, n of them.
        cycles: with those of the kernels too, (n,).
        noise: relative deviation of what was measured from that.
    """

    factors: Factors
    covariance: Matrix
    runs: Sequence[Modelled]
    cycles: Vector
    noise: float

    def half_width(self, constant: Constant) -> float:
        """Half of the 95 % interval of a factor."""
        place = list(self.factors).index(constant)
        return float(Z95 * np.sqrt(self.covariance[place, place]))


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Constants to fit to measured cycles.

    Attributes:
        measured: cycles of n programs.
        simulate: runs of them with memories' constants multiplied.
        slopes: change of their cycles, relative to them, for a change of a factor, (n, k).
        first_slopes: those of the unchanged board.
    """

    constants: Sequence[Constant]
    measured: Vector
    simulate: Simulate
    slopes: Slopes
    first_slopes: Matrix

    def solve(self) -> Solution:
        """The constants that explain the cycles best."""
        prior = deviations(self.constants)
        x = self._settle(np.zeros(len(prior)), self.first_slopes)
        slope = self.slopes(self._factors(x))
        factors = self._factors(self._settle(x, slope))
        runs = self.simulate(factors)
        cycles = predicted_cycles(runs, factors)
        noise = self._noise(self._residuals(cycles))
        normal = slope.T @ slope / noise**2 + np.diag(prior**-2.0)
        return Solution(factors, np.asarray(np.linalg.inv(normal), np.float64), runs, cycles, noise)

    def _settle(self, x: Vector, slope: Matrix) -> Vector:
        """Steps along fixed slopes until they are small."""
        prior, noise = deviations(self.constants), _FIRST_NOISE
        for _ in range(_ROUNDS):
            factors = self._factors(x)
            cycles = predicted_cycles(self.simulate(factors), factors)
            residuals = self._residuals(cycles)
            noise = min(noise, self._noise(residuals))
            weighted = slope * (cycles / self.measured)[:, None] / noise
            step = _newton_step(weighted, residuals / noise, x, prior)
            x = x + step
            if np.abs(step).max() < _SETTLED:
                break
        return x

    def _factors(self, x: Vector) -> Factors:
        return dict(zip(self.constants, (1 + x).tolist(), strict=True))

    def _residuals(self, cycles: Vector) -> Vector:
        return (self.measured - cycles) / self.measured

    def _noise(self, residuals: Vector) -> float:
        """Deviation of residuals, for the constants that were fitted to them."""
        freedom = max(len(residuals) - len(self.constants), 1)
        return max(LEAST_NOISE, float(np.sqrt((residuals**2).sum() / freedom)))


def _newton_step(slopes: Matrix, residuals: Vector, x: Vector, prior: Vector) -> Vector:
    from scipy.optimize import lsq_linear

    left = np.vstack([slopes, np.diag(1 / prior)])
    right = np.concatenate([residuals, -x / prior])
    bounds = (_LEAST_FACTOR - 1 - x - 1e-9, np.full(len(x), np.inf))
    step: Vector = lsq_linear(left, right, bounds).x
    return step
