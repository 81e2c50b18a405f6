"""How sure an average precision is: bootstrap over pictures, paired between detectors.

Pictures are drawn with replacement, as many as there are, the same for every detector; where a
detector was trained with several seeds, its trainings are drawn too. Intervals are percentiles
(Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). Detections are matched
once, by pycocotools; what it accumulates over pictures is accumulated here for each draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from hwprof.errors import ConfigurationError
from hwprof.search.training.boxes import Detections
from hwprof.search.training.evaluation import matched
from hwprof.search.training.pictures import Picture

Indices = npt.NDArray[np.int64]

REPLICATES = 1000
LEVEL = 0.95

_RECALLS = np.linspace(0, 1, 101)  # at which COCO reads the precision


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and where the share ``level`` of its replicates lies."""

    value: float
    low: float
    high: float
    level: float = LEVEL


@dataclass(frozen=True, slots=True)
class Difference(Interval):
    """Of two detectors on the same pictures."""

    @property
    def is_resolvable(self) -> bool:
        """Whether the interval excludes zero; if not, the pictures are too few to tell."""
        return not self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """A detector's detections at an intersection over union of 0.5, picture by picture.

    Attributes:
        rank: (n,) of each detection's score, equal for equal scores; the best has 0.
        hit, miss: (n,) whether it found an object, or nothing; neither where it is ignored.
        starts: (pictures + 1,) where each picture's detections begin; best first in a picture.
        objects: (pictures,) to be found.
    """

    rank: Indices
    hit: npt.NDArray[np.bool_]
    miss: npt.NDArray[np.bool_]
    starts: Indices
    objects: Indices

    @classmethod
    def of(cls, pictures: Sequence[Picture], found: Sequence[Detections]) -> Self:
        """Match one detector's detections, one for each picture."""
        evaluation = matched(pictures, found)
        first_area = evaluation.evalImgs[: len(pictures)]  # "all"
        threshold = int(np.argmin(np.abs(evaluation.params.iouThrs - 0.5)))
        rows = [_row(one, threshold) for one in first_area]
        counts = [len(scores) for scores, *_ in rows]
        scores, is_matched, is_ignored, objects = zip(*rows, strict=True)
        hit, ignored = np.concatenate(is_matched), np.concatenate(is_ignored)
        _, rank = np.unique(-np.concatenate(scores), return_inverse=True)
        return cls(
            rank=rank,
            hit=hit & ~ignored,
            miss=~hit & ~ignored,
            starts=np.concatenate([[0], np.cumsum(counts)]),
            objects=np.array(objects),
        )

    @property
    def pictures(self) -> int:
        """How many there are."""
        return len(self.objects)

    def ap50(self, drawn: Indices | None = None) -> float:
        """Average precision at 0.5 over pictures by number; a picture may be drawn repeatedly.

        Equals COCOeval's on the drawn pictures in this order. Without objects it is 0.
        """
        chosen = np.arange(self.pictures) if drawn is None else drawn
        objects = int(self.objects[chosen].sum())
        if not objects:
            return 0.0
        lengths = self.starts[chosen + 1] - self.starts[chosen]
        ends = np.cumsum(lengths)
        rows = np.arange(ends[-1]) + np.repeat(self.starts[chosen] - ends + lengths, lengths)
        rows = rows[np.argsort(self.rank[rows], kind="stable")]
        hits, misses = np.cumsum(self.hit[rows]), np.cumsum(self.miss[rows])
        precision = hits / (misses + hits + np.spacing(1))
        best_from = np.maximum.accumulate(precision[::-1])[::-1]
        reached = np.searchsorted(hits / objects, _RECALLS, side="left")
        at_recalls = np.zeros(len(_RECALLS))
        is_reached = reached < len(rows)
        at_recalls[is_reached] = best_from[reached[is_reached]]
        return float(at_recalls.mean())


def _row(
    one: dict[str, npt.NDArray[np.float64]] | None, threshold: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_], int]:
    """Scores, whether matched, whether ignored, and objects, of COCOeval's row of a picture."""
    if one is None:  # neither objects nor detections
        return np.zeros(0), np.zeros(0, np.bool_), np.zeros(0, np.bool_), 0
    return (
        np.asarray(one["dtScores"], np.float64),
        one["dtMatches"][threshold] > 0,
        one["dtIgnore"][threshold] > 0,
        int(np.count_nonzero(np.asarray(one["gtIgnore"]) == 0)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class PrecisionSamples:
    """AP50 of one detector, on the pictures and on each draw of them.

    Attributes:
        value: on the pictures as they are; the mean over the detector's trainings.
        samples: (replicates,), of the draws that every detector of one call shares.
    """

    value: float
    samples: npt.NDArray[np.float64]

    def interval(self, level: float = LEVEL) -> Interval:
        """The AP50 with its interval."""
        return Interval(self.value, *_percentiles(self.samples, level), level)

    def less(self, other: PrecisionSamples, level: float = LEVEL) -> Difference:
        """This AP50 less another's from the same call, pictures paired."""
        samples = self.samples - other.samples
        return Difference(self.value - other.value, *_percentiles(samples, level), level)


def _percentiles(samples: npt.NDArray[np.float64], level: float) -> tuple[float, float]:
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_samples(
    detectors: Sequence[Sequence[Matches]], *, replicates: int = REPLICATES, seed: int = 0
) -> list[PrecisionSamples]:
    """Replicates of AP50 of several detectors on the same pictures.

    Args:
        detectors: the trainings of each detector, one or several, matched on the same pictures.
            The trainings of a detector are drawn with replacement too, for each apart.
        replicates: draws.
        seed: of the draws.

    Raises:
        ConfigurationError: a detector without trainings, or of other pictures.
    """
    sizes = {matches.pictures for trainings in detectors for matches in trainings}
    if len(sizes) != 1 or not all(detectors):
        raise ConfigurationError(
            "a bootstrap compares detectors that were trained at least once, on the same "
            f"pictures; got sets of {sorted(sizes)} pictures and "
            f"{[len(trainings) for trainings in detectors]} trainings."
        )
    (count,) = sizes
    of_pictures, of_trainings = np.random.default_rng(seed).spawn(2)
    draws = np.sort(of_pictures.integers(0, count, (replicates, count)), axis=1)
    return [_samples(trainings, draws, of_trainings) for trainings in detectors]


def _samples(
    trainings: Sequence[Matches], draws: Indices, generator: np.random.Generator
) -> PrecisionSamples:
    table = np.array([[one.ap50(drawn) for one in trainings] for drawn in draws])
    chosen = generator.integers(0, len(trainings), table.shape)
    samples = np.take_along_axis(table, chosen, axis=1).mean(axis=1)
    return PrecisionSamples(float(np.mean([one.ap50() for one in trainings])), samples)
