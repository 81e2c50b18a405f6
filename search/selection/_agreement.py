"""How well scores rank designs as their quality does, and how sure that is.

Kendall's tau-b (Biometrika 33, 1945) counts pairs of designs that both order alike, less those
they order apart; pairs that one of them ties are left out of its share. Designs are resampled
with replacement, the same for every strategy, so that differences of taus are paired; intervals
are percentiles (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).

With signs S (n, n) of the pairs' differences and a resample that takes design i w_i times,

    tau-b = w' (S_score * S_quality) w / sqrt(w' S_score^2 w  *  w' S_quality^2 w)

so one product of matrices serves all resamples; all w_i = 1 is the value itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwprof.errors import ConfigurationError
from hwprof.search.estimators import FloatArray

RESAMPLES = 2000
LEVEL = 0.95
FEWEST_DESIGNS = 3

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and where ``LEVEL`` of its bootstrap replicates lie; NaN where there is none."""

    value: float
    low: float
    high: float


class Ranks:
    """Compares scores with the quality of the same designs, under one set of resamples.

    Args:
        quality: (n,); more is better.
        macs: (n,); ``within`` compares designs of about equal work by it.
        n_bins: of equal counts, from the least work to the most.

    Raises:
        ConfigurationError: fewer than three designs, or all of one quality.
    """

    def __init__(
        self, quality: FloatArray, macs: FloatArray, *, n_bins: int = 4, seed: int = 0
    ) -> None:
        self.n = len(quality)
        if self.n < FEWEST_DESIGNS:
            raise ConfigurationError(
                f"a rank correlation needs at least {FEWEST_DESIGNS} trained designs; got "
                f"{self.n}; raise --samples."
            )
        if np.ptp(quality) == 0:
            raise ConfigurationError(
                f"Kendall's tau is undefined where all designs are equally good; the {self.n} "
                f"samples all have {quality[0]:.4g}; train longer, on more pictures, or take more "
                "--samples."
            )
        self.bins = equal_bins(macs, n_bins)
        self._quality = _signs(quality)
        draws = np.random.default_rng(seed).multinomial(
            self.n, np.full(self.n, 1 / self.n), RESAMPLES
        )
        # The first row is the sample itself.
        self._weights = np.vstack([np.ones(self.n), draws])

    def taus(self, scores: FloatArray, folds: Labels | None = None) -> FloatArray:
        """Tau-b of the designs themselves, then of each resample.

        Args:
            scores: (n,), or (repeats, n) for scores that were made several times over: theirs is
                the mean of the repeats' taus.
            folds: of the same shape, where only designs of one fold can be compared.

        Returns:
            (1 + RESAMPLES,); 0 where all scores are equal, because they rank nothing.
        """
        every = np.ones((self.n, self.n))
        return np.nan_to_num(self._mean_over_repeats(scores, folds, [every]))

    def within(self, scores: FloatArray, folds: Labels | None = None) -> FloatArray:
        """The same inside bins of equal work: the mean of the bins' taus, weighted by pairs.

        Returns:
            (1 + RESAMPLES,); NaN where no two designs of a bin can be compared.
        """
        masks = [
            np.outer(here, here) for here in np.equal.outer(np.unique(self.bins), self.bins) * 1.0
        ]
        return self._mean_over_repeats(scores, folds, masks)

    def _mean_over_repeats(
        self, scores: FloatArray, folds: Labels | None, masks: Sequence[FloatArray]
    ) -> FloatArray:
        repeats = np.atleast_2d(scores)
        labels = np.zeros(repeats.shape) if folds is None else np.atleast_2d(folds)
        taus = []
        for one, label in zip(repeats, labels, strict=True):
            alike = np.equal.outer(label, label)
            taus.append(self._weighted(_signs(one), [mask * alike for mask in masks]))
        mean: FloatArray = np.mean(taus, axis=0)
        return mean

    def _weighted(self, signs: FloatArray, masks: Sequence[FloatArray]) -> FloatArray:
        total = np.zeros(len(self._weights))
        pairs = np.zeros(len(self._weights))
        for mask in masks:
            quality = self._quality * mask
            judged = self._form(quality**2)
            spread = np.sqrt(judged * self._form((signs * mask) ** 2))
            agreed = self._form(signs * quality)
            tau = np.divide(agreed, spread, out=np.zeros_like(agreed), where=spread > 0)
            total += judged * tau
            pairs += judged
        taus: FloatArray = np.divide(total, pairs, out=np.full_like(total, np.nan), where=pairs > 0)
        return taus

    def _form(self, matrix: FloatArray) -> FloatArray:
        """The quadratic form of every resample, (1 + RESAMPLES,)."""
        form: FloatArray = np.einsum("bi,bi->b", self._weights @ matrix, self._weights)
        return form


def interval(replicates: FloatArray) -> Interval:
    """Value and percentile interval of what ``Ranks`` returns; all NaN where the value is."""
    margin = (1 - LEVEL) / 2
    if np.isnan(replicates[0]):
        return Interval(*[float(replicates[0])] * 3)
    low, high = np.nanquantile(replicates[1:], [margin, 1 - margin])
    return Interval(float(replicates[0]), float(low), float(high))


def equal_bins(values: FloatArray, count: int) -> Labels:
    """Number of the bin of each value, (n,), bins of about equal counts in ascending order."""
    order = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    bins: Labels = order * min(count, len(values)) // len(values)
    return bins


def _signs(values: FloatArray) -> FloatArray:
    signs: FloatArray = np.sign(np.subtract.outer(values, values))
    return signs
