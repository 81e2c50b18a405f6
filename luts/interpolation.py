"""Interpolation between the rows of a table: inside the hull of what was measured, or not at all.

For a point x among known points x_i, minimising sum w_i |x_i - x|^2 over weights w >= 0 that add
up to 1 and reproduce x (sum w_i x_i = x) gives the corners of the Delaunay simplex around x and
its barycentric coordinates; if no such weights exist, x lies outside the hull (Rajan, "Optimality
of the Delaunay triangulation in R^d", Discrete Comput. Geom. 12, 1994). That is one small linear
programme for each question (HiGHS, by scipy), and no triangulation, whose size grows
exponentially with the dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MAX_POINTS = 512
"""Known points of one question, the nearest: bounds its time to some milliseconds."""
MAX_HELD_OUT = 48
"""Known points that are held out to see how far off interpolation is."""

_TOLERANCE = 1e-7


@dataclass(frozen=True, eq=False)
class Interpolator:
    """Values known at some points, and the blend of them at points between.

    Attributes:
        points: (n, n_dimensions), distinct.
        values: (n,).
    """

    points: FloatArray
    values: FloatArray

    def at(self, point: FloatArray) -> float | None:
        """The blended value, None outside the hull of the points."""
        return self._blend(point, np.arange(len(self.points)))

    @cached_property
    def held_out(self) -> FloatArray:
        """Blended less known value at points that were left out.

        Of some points in an order that tells nothing about them, the first ``MAX_HELD_OUT`` that
        lie in the hull of the others.
        """
        n = len(self.points)
        misses: list[float] = []
        for left_out in np.random.default_rng(0).permutation(n)[:MAX_POINTS].tolist():
            if len(misses) == MAX_HELD_OUT:
                break
            rest = np.delete(np.arange(n), left_out)
            blended = self._blend(self.points[left_out], rest)
            if blended is not None:
                misses.append(blended - self.values[left_out])
        return np.array(misses)

    def _blend(self, point: FloatArray, among: npt.NDArray[np.int64]) -> float | None:
        from scipy.optimize import linprog

        known = self.points[among]
        if not len(known) or _outside_box(known, point):
            return None
        apart = ((known - point) ** 2).sum(axis=1)
        nearest = np.argsort(apart, kind="stable")[:MAX_POINTS]
        varied = np.ptp(known[nearest], axis=0) > 0
        if _outside_box(known[nearest], point):
            return None
        conditions = np.vstack([known[nearest][:, varied].T, np.ones(len(nearest))])
        solution = linprog(
            apart[nearest],
            A_eq=conditions,
            b_eq=np.append(point[varied], 1.0),
            bounds=(0, None),
            method="highs",
        )
        if solution.status != 0:
            return None
        return float(solution.x @ self.values[among][nearest])


def _outside_box(known: FloatArray, point: FloatArray) -> bool:
    low, high = known.min(axis=0) - _TOLERANCE, known.max(axis=0) + _TOLERANCE
    return bool(((point < low) | (point > high)).any())
