"""What a detector is told: which cells answer for an object, and how wrong they are.

The shape follows FastestDet (github.com/dog-qiuqiu/FastestDet, commit 50473cd): four cells around
an object's centre may answer for it, those of better than average overlap do, and objectness
learns the overlap itself. Two things differ. A cell is compared with the grid's rows and columns
each, where the original takes the rows for both and loses objects on wide grids; and the best cell
of an object always answers, where the original may be left with none and a loss that is no number.
The overlap is complete IoU (Zheng et al., "Distance-IoU Loss", arXiv 1911.08287).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_BOX, _OBJECTNESS, _CLASS = 8.0, 16.0, 1.0
_NEGATIVE = 0.75
_POSITIVE_SHARE = 0.25
_TINY = 1e-7


@dataclass(frozen=True, slots=True)
class Targets:
    """Objects of a batch, as fractions of their pictures.

    Attributes:
        boxes: (n, 4) left, top, right, bottom.
        picture: (n,) number in the batch of the picture that each lies on.
        crowd: (n,) covers many objects: its cells are asked nothing.
    """

    boxes: Tensor
    picture: Tensor
    crowd: Tensor


def detection_loss(output: Tensor, targets: Targets) -> Tensor:
    """Loss of one batch, a scalar.

    Args:
        output: (n, 5 + classes, rows, columns), the network's own output map.
    """
    cells = _candidates(output, targets)
    overlap = complete_iou(_decoded(output, cells), targets.boxes[cells.target])
    chosen = _best_and_better(overlap.detach(), cells.target)
    wanted = torch.zeros_like(output[:, 0])
    weight = torch.full_like(wanted, _NEGATIVE)
    _spare_crowds(weight, targets)
    box_loss = output.sum() * 0
    class_loss = box_loss
    if chosen.any():
        where = cells.taken(chosen)
        box_loss = (1 - overlap[chosen]).mean()
        # Two objects in a cell: the better overlap is what the cell shall say.
        flat = (where.picture * wanted.shape[1] + where.row) * wanted.shape[2] + where.column
        wanted.view(-1).scatter_reduce_(
            0, flat, overlap[chosen].detach().clamp(0, 1).to(wanted.dtype), "amax"
        )
        counts = torch.bincount(where.picture, minlength=len(output)).clamp(min=1)
        area = wanted.shape[1] * wanted.shape[2]
        weight.view(-1)[flat] = _POSITIVE_SHARE * (area / counts)[where.picture].to(weight.dtype)
        class_loss = (
            -output[where.picture, 5, where.row, where.column].clamp(min=_TINY).log().mean()
        )
    errors = functional.smooth_l1_loss(output[:, 0], wanted, reduction="none")
    objectness_loss = (weight * errors).mean()
    return _BOX * box_loss + _OBJECTNESS * objectness_loss + _CLASS * class_loss


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells that may answer for objects: (n,) each, by picture, row and column."""

    picture: Tensor
    row: Tensor
    column: Tensor
    target: Tensor

    def taken(self, chosen: Tensor) -> Cells:
        """Those of a mask (n,)."""
        return Cells(*(v[chosen] for v in (self.picture, self.row, self.column, self.target)))


def _candidates(output: Tensor, targets: Targets) -> Cells:
    """The four cells whose boxes can reach each object's centre, as far as the grid has them."""
    rows, columns = output.shape[2:]
    asked = torch.nonzero(~targets.crowd).flatten()
    boxes = targets.boxes[asked]
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    steps = torch.tensor([[0, 0], [1, 0], [0, 1], [1, 1]], device=output.device)
    corner = (centre * torch.tensor([columns, rows], device=output.device)).floor().long()
    at = corner.unsqueeze(1) + steps  # (n, 4, 2): column, row
    inside = ((at >= 0) & (at < torch.tensor([columns, rows], device=output.device))).all(dim=2)
    target = asked.unsqueeze(1).expand(-1, len(steps))[inside]
    column, row = at[inside].unbind(dim=1)
    return Cells(targets.picture[target], row, column, target)


def _decoded(output: Tensor, cells: Cells) -> Tensor:
    """Boxes (n, 4) that the cells answer now, as fractions; ``boxes.decode`` says how."""
    rows, columns = output.shape[2:]
    tx, ty, tw, th = output[cells.picture, 1:5, cells.row, cells.column].unbind(dim=1)
    centre_x = (cells.column + tx.tanh()) / columns
    centre_y = (cells.row + ty.tanh()) / rows
    half_w, half_h = tw.sigmoid() / 2, th.sigmoid() / 2
    return torch.stack(
        (centre_x - half_w, centre_y - half_h, centre_x + half_w, centre_y + half_h), dim=1
    )


def _best_and_better(overlap: Tensor, target: Tensor) -> Tensor:
    """Mask (n,): cells of more than average overlap, and each object's best."""
    if not len(overlap):
        return torch.zeros(0, dtype=torch.bool, device=overlap.device)
    best = torch.full((int(target.max()) + 1,), -torch.inf, device=overlap.device)
    best = best.to(overlap.dtype).scatter_reduce(0, target, overlap, "amax")
    return (overlap > overlap.mean()) | (overlap == best[target])


def _spare_crowds(weight: Tensor, targets: Targets) -> None:
    rows, columns = weight.shape[1:]
    for picture, box in zip(
        targets.picture[targets.crowd].tolist(), targets.boxes[targets.crowd].tolist(), strict=True
    ):
        left, top, right, bottom = box
        weight[
            picture,
            max(math.floor(top * rows), 0) : math.ceil(bottom * rows),
            max(math.floor(left * columns), 0) : math.ceil(right * columns),
        ] = 0


def complete_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Complete IoU of two lists of boxes (n, 4), pair by pair, (n,); at most 1."""
    corner = torch.maximum(boxes[:, :2], others[:, :2])
    sides = (torch.minimum(boxes[:, 2:], others[:, 2:]) - corner).clamp(min=0)
    common = sides.prod(dim=1)
    extent, other_extent = boxes[:, 2:] - boxes[:, :2], others[:, 2:] - others[:, :2]
    iou = common / (extent.prod(dim=1) + other_extent.prod(dim=1) - common + _TINY)
    hull = torch.maximum(boxes[:, 2:], others[:, 2:]) - torch.minimum(boxes[:, :2], others[:, :2])
    apart = (boxes[:, :2] + boxes[:, 2:] - others[:, :2] - others[:, 2:]) / 2
    distance = apart.square().sum(dim=1) / (hull.square().sum(dim=1) + _TINY)
    shape = (4 / math.pi**2) * (
        torch.atan(other_extent[:, 0] / (other_extent[:, 1] + _TINY))
        - torch.atan(extent[:, 0] / (extent[:, 1] + _TINY))
    ).square()
    trade = (shape / (1 - iou + shape + _TINY)).detach()
    return iou - distance - trade * shape
