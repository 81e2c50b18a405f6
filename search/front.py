"""Fronts of two objectives: latency, of which less is better, and score, of which more is.

Notation: n candidates have ``latency_us`` (n,) and ``score`` (n,). The hypervolume is the area
of the plane that a front dominates, bounded by a reference that is worse than all of it, in
microseconds times units of score; only ratios of it mean anything.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hwprof.search.estimators import FloatArray

Indices = npt.NDArray[np.int64]


def pareto_indices(latency_us: FloatArray, score: FloatArray) -> Indices:
    """Candidates that no other beats, by latency; of equals the first stays.

    A candidate is beaten by one that is no slower and no worse, and better in one of the two.
    """
    order = np.lexsort((-score, latency_us))
    best_before = np.concatenate([[-np.inf], np.maximum.accumulate(score[order])[:-1]])
    return order[score[order] > best_before]


def hypervolume(latency_us: FloatArray, score: FloatArray, reference: tuple[float, float]) -> float:
    """Area between the candidates' front and the reference (latency_us, score).

    Candidates beyond the reference in either objective add nothing.
    """
    worst_us, worst_score = reference
    within = (latency_us < worst_us) & (score > worst_score)
    latency_us, score = latency_us[within], score[within]
    front = pareto_indices(latency_us, score)
    widths = np.diff(np.append(latency_us[front], worst_us))
    return float(np.sum(widths * (score[front] - worst_score)))
