"""Decoding, suppression and overlaps, against boxes worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hwprof.search.training.boxes import Detections, decode, overlaps, suppress


def _empty(rows=2, columns=4, classes=1):
    return np.zeros((5 + classes, rows, columns), np.float32)


def _detections(*rows: tuple[float, ...]):
    table = np.array(rows, np.float32)
    return Detections(table[:, :4], table[:, 4])


def test_a_cell_says_its_box():
    """Centre: cell plus tanh, over the grid; sides: sigmoids, as shares of the picture."""
    output = _empty()
    output[:, 1, 2] = [0.81, math.atanh(0.5), math.atanh(-0.25), 0.0, math.log(1 / 3), 0.49]

    found = decode(output)

    # x = (2 + 0.5) / 4, y = (1 - 0.25) / 2, w = 1/2, h = 1/4
    np.testing.assert_allclose(found.boxes, [[0.375, 0.25, 0.875, 0.5]], rtol=1e-6)
    np.testing.assert_allclose(found.scores, [0.81**0.6 * 0.49**0.4], rtol=1e-6)


def test_canvas_scales_sizes_alone():
    """Weights of another input size: sides are multiplied, centres stay."""
    output = _empty()
    output[:, 0, 0] = [1, 0, 0, 0, 0, 1]

    plain, scaled = decode(output), decode(output, canvas=(1.1, 0.5))

    np.testing.assert_allclose(plain.boxes, [[-0.25, -0.25, 0.25, 0.25]])
    np.testing.assert_allclose(scaled.boxes, [[-0.275, -0.125, 0.275, 0.125]])


def test_only_the_first_class_counts():
    """Cells that are sure of another class are not found."""
    output = _empty(classes=2)
    output[:, 0, 1] = [1, 0, 0, 0, 0, 0, 1]

    assert len(decode(output).scores) == 0


def test_boxes_come_best_first():
    """The order of scores, whatever the order of cells."""
    output = _empty()
    output[0, 0], output[5] = [0.2, 0.9, 0.5, 0.7], 1

    scores = decode(output).scores

    np.testing.assert_allclose(scores, np.array([0.9, 0.7, 0.5, 0.2], np.float32) ** 0.6, rtol=1e-6)


def test_sizes_without_bound_are_decoded():
    """A network that says 1e9 of a size means the whole picture, or nothing of it."""
    output = _empty()
    output[:, 0, 0] = [1, 0, 0, 1e9, -1e9, 1]

    np.testing.assert_array_equal(decode(output).boxes, [[-0.5, 0, 0.5, 0]])


def test_overlap_is_intersection_over_union():
    """Half a box over: 1/3; apart, touching and without area: 0; itself: 1."""
    box = np.array([0, 0, 2, 1], np.float32)
    others = np.array(
        [[1, 0, 3, 1], [5, 5, 6, 6], [2, 0, 4, 1], [0.5, 0.5, 0.5, 0.5], [0, 0, 2, 1]], np.float32
    )

    np.testing.assert_allclose(overlaps(box, others), [1 / 3, 0, 0, 0, 1])


def test_suppression_keeps_the_best_of_each_heap():
    """A box goes where a better one that stays covers it; one that went covers nothing."""
    found = _detections(
        (0.0, 0, 1.0, 1, 0.9),
        (0.3, 0, 1.3, 1, 0.8),  # 0.7 / 1.3 of the first: goes
        (0.6, 0, 1.6, 1, 0.7),  # as near to the second, which is gone; 0.4 / 1.6 of the first
        (5.0, 5, 6.0, 6, 0.6),
    )

    kept = suppress(found)

    np.testing.assert_allclose(kept.scores, [0.9, 0.7, 0.6])


@pytest.mark.parametrize(("iou", "left"), [(0.5, 1), (0.6, 2)])
def test_suppression_follows_its_threshold(iou, left):
    """Two boxes that share 0.538 stay both above that threshold."""
    found = _detections((0.0, 0, 1.0, 1, 0.9), (0.3, 0, 1.3, 1, 0.8))

    assert len(suppress(found, iou).scores) == left


def test_nothing_found_stays_nothing():
    """An empty output map has no boxes, before and behind suppression."""
    assert suppress(decode(_empty())).boxes.shape == (0, 4)
