"""Which cells answer for an object, and that the loss is a number that falls to nearly nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hwprof.search.training import loss as loss_module
from hwprof.search.training.boxes import decode, suppress
from hwprof.search.training.loss import Targets, complete_iou, detection_loss

FRACTIONS = st.floats(0.002, 0.998)


def _targets(*boxes: tuple[float, ...], crowd=()):
    count = len(boxes)
    mask = torch.tensor([n in crowd for n in range(count)], dtype=torch.bool)
    rows = torch.tensor(boxes, dtype=torch.float32).reshape(count, 4)
    return Targets(rows, torch.zeros(count, dtype=torch.int64), mask)


def _output(rows, columns, pictures=1):
    """What a fresh network says: half sure everywhere, boxes of half the picture."""
    output = torch.zeros((pictures, 6, rows, columns))
    output[:, 0], output[:, 5] = 0.5, 1
    return output.requires_grad_()


@settings(deadline=None)
@given(
    grid=st.tuples(st.integers(2, 24), st.integers(2, 24)),
    centre=st.tuples(FRACTIONS, FRACTIONS),
    sides=st.tuples(FRACTIONS, FRACTIONS),
)
def test_no_object_is_lost_on_any_grid(grid, centre, sides):
    """FastestDet compares both coordinates with the rows and drops row and column 0; ours do not:
    wherever an object is, on grids wider or higher, a cell beside its centre answers for it.
    """
    half = [min(side / 2, at, 1 - at) for side, at in zip(sides, centre, strict=True)]
    box = (centre[0] - half[0], centre[1] - half[1], centre[0] + half[0], centre[1] + half[1])
    output = _output(*grid)

    detection_loss(output, _targets(box)).backward()

    # Only the box term reaches channels 1 to 4, at the cells that answer.
    picture, row, column = torch.nonzero(output.grad[:, 1:5].abs().sum(dim=1), as_tuple=True)
    assert len(picture) >= 1
    assert ((row + 0.5 - centre[1] * grid[0]).abs() <= 1.5).all()
    assert ((column + 0.5 - centre[0] * grid[1]).abs() <= 1.5).all()


def test_a_wide_grid_asks_its_right_half():
    """At 16 x 20 cells, the case of 206 objects lost by the original, columns 16 to 19 answer."""
    output = _output(16, 20)

    detection_loss(output, _targets((0.85, 0.4, 0.99, 0.6))).backward()

    assert output.grad[0, 1:5, :, 16:].abs().sum() > 0


@pytest.mark.parametrize(
    "targets",
    [_targets(), _targets((0.1, 0.1, 0.4, 0.5)), _targets((0, 0, 1, 1), crowd=(0,))],
    ids=["no object", "one object", "a crowd"],
)
def test_loss_is_a_number_with_few_objects(targets):
    """The original's loss is no number where one candidate is left; ours always is one."""
    output = _output(4, 6)

    value = detection_loss(output, targets)
    value.backward()

    assert math.isfinite(float(value.detach()))
    assert output.grad.isfinite().all()


def test_crowds_ask_nothing():
    """Where a crowd is, a detector may say what it likes."""
    quiet, loud = _output(4, 4), _output(4, 4)
    with torch.no_grad():
        quiet[:, 0], loud[:, 0] = 0, 0
        loud[:, 0, :, :2] = 1
    crowd = _targets((0, 0, 0.5, 1), crowd=(0,))

    with torch.no_grad():
        assert detection_loss(loud, crowd) == detection_loss(quiet, crowd)
        assert detection_loss(loud, _targets()) > detection_loss(quiet, _targets())


def test_the_better_of_two_objects_in_a_cell_is_what_it_says():
    """Objectness learns the larger overlap, in whichever order the objects come."""
    boxes = ((0.4, 0.4, 0.5, 0.5), (0.2, 0.2, 0.7, 0.7))

    one, other = (detection_loss(_output(4, 4), _targets(*b)) for b in (boxes, boxes[::-1]))

    torch.testing.assert_close(one, other)


def test_objects_on_other_pictures_do_not_matter_to_a_cell():
    """Cells of a picture without objects are asked for none."""
    output = _output(4, 4, pictures=2)

    detection_loss(output, _targets((0.1, 0.1, 0.6, 0.6))).backward()

    assert output.grad[1, 1:5].abs().sum() == 0


def test_minimising_the_loss_finds_the_objects():
    """A free output map, fitted by gradient steps alone, decodes to the boxes it was told."""
    boxes = ((0.05, 0.1, 0.35, 0.9), (0.7, 0.3, 0.95, 0.5))
    raw = nn.Parameter(torch.zeros((1, 6, 6, 10)))
    optimiser = torch.optim.Adam([raw], lr=0.05)
    for _ in range(400):
        output = torch.cat((raw[:, :1].sigmoid(), raw[:, 1:5], raw[:, 5:].sigmoid()), dim=1)
        optimiser.zero_grad()
        detection_loss(output, _targets(*boxes)).backward()
        optimiser.step()

    found = suppress(decode(output.detach().numpy()[0], least_score=0.5))

    order = np.argsort(found.boxes[:, 0])
    np.testing.assert_allclose(found.boxes[order], boxes, atol=0.02)


def test_complete_iou_is_by_hand():
    """Two unit squares half apart: 1/3 less the distance term 0.25 / 3.25; equal shapes cost 0."""
    one, other = torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([[0.5, 0, 1.5, 1]])

    torch.testing.assert_close(complete_iou(one, other), torch.tensor([1 / 3 - 0.25 / 3.25]))
    torch.testing.assert_close(complete_iou(one, one), torch.tensor([1.0]))


def test_weights_of_the_terms_are_fastestdets():
    """8 for boxes, 16 for objectness, 1 for the class (commit 50473cd)."""
    weights = (loss_module._BOX, loss_module._OBJECTNESS, loss_module._CLASS)

    assert weights == (8, 16, 1)
