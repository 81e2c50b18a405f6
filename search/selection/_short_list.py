"""Which candidates of a search by estimator are worth a full training, and how many of them."""

from __future__ import annotations

from itertools import islice

import numpy as np
import numpy.typing as npt

from hwprof.search.estimators import FloatArray
from hwprof.search.selection._agreement import Interval
from hwprof.search.spaces import SearchSpace

Numbers = npt.NDArray[np.int64]

SHORTEST, MIDDLE, LONGEST = 8, 12, 18
SIZES = ((0.5, SHORTEST), (0.25, MIDDLE))
APART = 0.1

SIZE_RULE = (
    "8 candidates where the lower end of tau's interval is at least 0.5, 12 where it is at least "
    "0.25, else 18"
)


def short_list_size(tau: Interval) -> int:
    """How many candidates to train fully; the less sure the ranking, the more.

    The sizes are those that the published totals are consistent with (8, 12 and 18 trainings of
    800 s); the thresholds are ours.
    """
    return next((size for low, size in SIZES if tau.low >= low), LONGEST)


def short_list(
    space: SearchSpace, candidates: Numbers, score: FloatArray, count: int
) -> tuple[int, ...]:
    """Numbers of the best candidates that are not neighbours of each other, the best first.

    The best of a large space are twins, one pixel or channel apart, and training them all would
    ask one question many times. So the list is filled from the best score down, and what lies
    within ``APART`` of each dimension's extent of one on the list is passed over; if there are no
    others, the best of those are taken after all.

    Args:
        candidates: their numbers in the space, (n,).
        score: theirs, (n,).
    """
    ranked = candidates[np.argsort(-score, kind="stable")].tolist()
    extents = np.array([max(len(d.labels) - 1, 1) for d in space.dimensions])
    taken: list[int] = []
    places = np.empty((0, len(extents)))
    for number in ranked:
        if len(taken) == count:
            break
        place = np.array(space.point(number)) / extents
        if not (np.abs(places - place).max(axis=1) <= APART).any():
            taken.append(number)
            places = np.vstack([places, place])
    twins = (number for number in ranked if number not in taken)
    return (*taken, *islice(twins, count - len(taken)))
