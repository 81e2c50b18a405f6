"""Detections on some of the report's pictures, drawn beside the labelled boxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hwprof.search.training.boxes import Detections
from hwprof.search.training.data import Picture
from hwprof.workflows.search_outcome._rows import Judged
from hwprof.workflows.search_report import Box, Drawing, ScoredBox, draw

LEAST_SCORE = 0.25  # FastestDet's default for a demonstration


def drawings(
    pictures: Sequence[Picture], rows: Sequence[Judged], *, count: int, seed: int
) -> Iterator[Drawing]:
    """Pictures with objects, chosen by a seed, each with what every row's int8 network finds."""
    labelled = [number for number, picture in enumerate(pictures) if len(picture.boxes)]
    order = np.random.default_rng(seed).permutation(labelled)[:count]
    for number in order.tolist():
        picture = pictures[number]
        sides = np.array([picture.width, picture.height] * 2)
        truth = [_box(corners) for corners in picture.boxes / sides]
        for row in rows:
            found = _scored(row.trained.found.of_int8[number])
            jpeg = draw(picture.path, truth, found)
            yield Drawing(picture.path.name, row.entry.label, jpeg, len(truth), len(found))


def _scored(found: Detections) -> list[ScoredBox]:
    pairs = zip(found.boxes, found.scores.tolist(), strict=True)
    return [ScoredBox(_box(corners), score) for corners, score in pairs if score >= LEAST_SCORE]


def _box(corners: np.ndarray[tuple[int, ...], np.dtype[np.float64 | np.float32]]) -> Box:
    left, top, right, bottom = corners.tolist()
    return left, top, right, bottom
