"""Average precision against values worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwprof.search.training.boxes import Detections
from hwprof.search.training.evaluation import average_precision
from hwprof.search.training.pictures import Label, labelled

SIDE = 100


def _picture(*boxes: tuple[float, ...], crowd=()):
    labels = [Label(box, n in crowd) for n, box in enumerate(boxes)]
    return labelled(Path("drawn.png"), (SIDE, SIDE), labels)


def _found(*rows: tuple[float, ...]):
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, :4] / SIDE, table[:, 4])


BOX, OTHER, WRONG = (10, 10, 40, 40), (60, 60, 90, 90), (50, 5, 70, 20)
NEAR = (10, 10, 40, 30)  # overlaps BOX by two thirds


def test_perfect_detections_are_1():
    """Every object found exactly, nothing else."""
    precision = average_precision([_picture(BOX, OTHER)], [_found((*BOX, 0.9), (*OTHER, 0.8))])

    assert (precision.ap50, precision.ap) == pytest.approx((1, 1))


def test_half_of_the_objects_is_half():
    """Recall of 1/2 at precision 1: 51 of COCO's 101 recall thresholds."""
    precision = average_precision([_picture(BOX, OTHER)], [_found((*BOX, 0.9))])

    assert precision.ap50 == pytest.approx(51 / 101)


def test_a_better_ranked_mistake_costs_precision():
    """Wrong, right, right: precision 2/3 at all recalls, by the envelope."""
    found = _found((*WRONG, 0.9), (*BOX, 0.8), (*OTHER, 0.7))

    assert average_precision([_picture(BOX, OTHER)], [found]).ap50 == pytest.approx(2 / 3)


def test_overlap_counts_up_to_each_threshold():
    """Two thirds count at 0.5, 0.55, 0.6 and 0.65 of ten thresholds."""
    precision = average_precision([_picture(BOX)], [_found((*NEAR, 0.9))])

    assert precision.ap50 == pytest.approx(1)
    assert precision.ap == pytest.approx(0.4)


def test_mistakes_on_empty_pictures_count():
    """FastestDet's own evaluation does not see pictures without objects; ours does."""
    pictures = [_picture(BOX), _picture()]
    found = [_found((*BOX, 0.5)), _found((*WRONG, 0.9))]

    assert average_precision(pictures, found).ap50 == pytest.approx(1 / 2)


def test_crowds_are_neither_asked_for_nor_held_against():
    """A box on a crowd is no mistake, and a crowd not found no miss."""
    pictures = [_picture(BOX, (50, 50, 100, 100), crowd=(1,))]
    found = [_found((*BOX, 0.5), (*OTHER, 0.9))]

    assert average_precision(pictures, found).ap50 == pytest.approx(1)


@pytest.mark.parametrize("rows", [[], [(*WRONG, 0.9)]], ids=["nothing", "nothing right"])
def test_nothing_right_is_0(rows):
    """No detection at all is a value, too."""
    precision = average_precision([_picture(BOX)], [_found(*rows)])

    assert (precision.ap50, precision.ap) == (0, 0)


def test_it_prints_nothing(capsys):
    """Pycocotools' own report stays inside."""
    average_precision([_picture(BOX)], [_found((*BOX, 0.9))])

    assert capsys.readouterr().out == ""
