"""From a detector's output map to boxes: FastestDet's decoding, and non-maximum suppression.

The decoding is that of FastestDet (github.com/dog-qiuqiu/FastestDet, commit 50473cd): one box for
each cell of the grid, no anchors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Floats = npt.NDArray[np.float32]

OBJECTNESS_POWER, CLASS_POWER = 0.6, 0.4
NMS_IOU = 0.45
LEAST_SCORE = 0.001
"""Evaluation keeps all that it can rank; a demonstration keeps 0.25 and more."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Boxes of one class on one picture, best first.

    Attributes:
        boxes: (n, 4) left, top, right, bottom as fractions of the picture, not clipped.
        scores: (n,) between 0 and 1.
    """

    boxes: Floats
    scores: Floats


def decode(
    output: Floats, *, canvas: tuple[float, float] = (1.0, 1.0), least_score: float = LEAST_SCORE
) -> Detections:
    """Boxes of the first class in a detector's output, before suppression.

    Args:
        output: (5 + classes, rows, columns): objectness, four of the box, class probabilities.
        canvas: factors on width and height of the boxes. Sizes are learned as shares of the
            training input: weights of one input at another need (trained_w / w, trained_h / h).
        least_score: cells below it are dropped.
    """
    rows, columns = output.shape[1:]
    scores = output[0] ** OBJECTNESS_POWER * output[5] ** CLASS_POWER
    row, column = np.nonzero(scores > least_score)
    picked = output[1:5, row, column].astype(np.float64)
    centre_x = (column + np.tanh(picked[0])) / columns
    centre_y = (row + np.tanh(picked[1])) / rows
    half_w, half_h = (
        factor * expit(size) / 2 for factor, size in zip(canvas, picked[2:], strict=True)
    )
    corners = (centre_x - half_w, centre_y - half_h, centre_x + half_w, centre_y + half_h)
    boxes = np.stack(corners, axis=1).astype(np.float32)
    return _ranked(boxes, scores[row, column].astype(np.float32))


def suppress(found: Detections, iou: float = NMS_IOU) -> Detections:
    """Greedy non-maximum suppression: who overlaps a better box by more than ``iou`` goes."""
    left = np.arange(len(found.scores))
    kept: list[int] = []
    while left.size:
        best, left = int(left[0]), left[1:]
        kept.append(best)
        left = left[overlaps(found.boxes[best], found.boxes[left]) <= iou]
    return Detections(found.boxes[kept], found.scores[kept])


def overlaps(box: Floats, boxes: Floats) -> Floats:
    """Intersection over union of one box (4,) with each of (n, 4)."""
    corner = np.maximum(box[:2], boxes[:, :2])
    sides = np.clip(np.minimum(box[2:], boxes[:, 2:]) - corner, 0, None)
    common = sides.prod(axis=1)
    union = _area(box) + _area(boxes) - common
    return np.asarray(common / np.maximum(union, np.finfo(np.float32).tiny), np.float32)


def _area(boxes: Floats) -> Floats:
    return np.asarray((boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]), np.float32)


def _ranked(boxes: Floats, scores: Floats) -> Detections:
    order = np.argsort(-scores, kind="stable")
    return Detections(boxes[order], scores[order])
