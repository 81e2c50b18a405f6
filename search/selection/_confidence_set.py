"""The strategies among which the best is, as far as the samples tell: a model confidence set.

Hansen, Lunde and Nason, The Model Confidence Set (Econometrica 79, 2011), section 3.1.2, with the
statistic T_R: while two of the strategies that remain can be told apart, the one that is furthest
behind another, in standard errors of the difference, goes; what is left holds the best with
``LEVEL`` confidence. One test of the largest of all differences takes the place of one a pair, so
that 24 strategies do not make 276 chances for a mistake.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hwprof.search.estimators import FloatArray
from hwprof.search.selection._agreement import LEVEL


def confidence_set(taus: FloatArray) -> npt.NDArray[np.bool_]:
    """Which strategies may be the best.

    Args:
        taus: (m, 1 + resamples), as ``Ranks`` returns them for each strategy, under one set of
            resamples.

    Returns:
        (m,); at least one is.
    """
    ahead = taus[:, None, :] - taus[None, :, :]
    value, drawn = ahead[..., :1], ahead[..., 1:] - ahead[..., :1]
    error = np.sqrt(np.mean(drawn**2, axis=2, keepdims=True))
    behind, chance = _over(value, error)[..., 0], _over(drawn, error)
    kept = np.arange(len(taus))
    while len(kept) > 1:
        pairs = np.ix_(kept, kept)
        largest = behind[pairs].max()
        if np.mean(chance[pairs].max(axis=(0, 1)) >= largest) >= 1 - LEVEL:
            break
        kept = np.delete(kept, behind[pairs].max(axis=0).argmax())
    return np.isin(np.arange(len(taus)), kept)


def _over(differences: FloatArray, error: FloatArray) -> FloatArray:
    """Differences in standard errors; without end where all resamples have the same."""
    endless = np.where(differences > 0, np.inf, 0.0)
    return np.divide(differences, error, out=endless, where=error > 0)
