"""Average precision of boxes on pictures, by pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwprof.search.training.boxes import Detections
from hwprof.search.training.data import Picture

if TYPE_CHECKING:
    from pycocotools.cocoeval import COCOeval

_CLASS = 1


@dataclass(frozen=True, slots=True)
class Precision:
    """Average precision of one class, each between 0 and 1.

    Attributes:
        ap50: at an intersection over union of 0.5.
        ap: mean over 0.5, 0.55, ... 0.95, as COCO defines it.
    """

    ap50: float
    ap: float


def average_precision(pictures: Sequence[Picture], found: Sequence[Detections]) -> Precision:
    """Precision of detections, one for each picture; pictures without objects count too.

    Source: pycocotools' COCOeval with its own settings (100 detections a picture, crowds ignored).
    """
    evaluation = matched(pictures, found)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.accumulate()
        evaluation.summarize()
    ap, ap50 = evaluation.stats[:2]
    return Precision(max(float(ap50), 0.0), max(float(ap), 0.0))


def matched(pictures: Sequence[Picture], found: Sequence[Detections]) -> COCOeval:
    """Detections held against objects picture by picture, not yet accumulated over pictures."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, results = COCO(), COCO()
    images = [{"id": n, "width": p.width, "height": p.height} for n, p in enumerate(pictures)]
    categories = [{"id": _CLASS, "name": "object"}]
    labelled = [
        _annotation(n, corners) | {"iscrowd": int(crowd)}
        for n, picture in enumerate(pictures)
        for corners, crowd in zip(picture.boxes, picture.crowd, strict=True)
    ]
    detected = [
        _annotation(n, corners) | {"score": float(score), "iscrowd": 0}
        for n, (picture, one) in enumerate(zip(pictures, found, strict=True))
        for corners, score in zip(_in_pixels(picture, one), one.scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
        for index, rows in ((truth, labelled), (results, detected)):
            numbered = [row | {"id": number} for number, row in enumerate(rows, start=1)]
            index.dataset = {"images": images, "categories": categories, "annotations": numbered}
            index.createIndex()
        evaluation = COCOeval(truth, results, "bbox")
        evaluation.evaluate()
    return evaluation


def _in_pixels(
    picture: Picture, found: Detections
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    sides = np.array([picture.width, picture.height] * 2, np.float32)
    return np.asarray(found.boxes * sides, np.float32)


def _annotation(
    image: int, corners: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> dict[str, object]:
    left, top, right, bottom = (float(value) for value in corners)
    sides = (right - left, bottom - top)
    return {
        "image_id": image,
        "category_id": _CLASS,
        "bbox": [left, top, *sides],
        "area": sides[0] * sides[1],
    }
