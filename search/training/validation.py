"""How wrong a trained network is on pictures that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from hwprof.search.training.batches import targets_of
from hwprof.search.training.boxes import Floats
from hwprof.search.training.data import Picture
from hwprof.search.training.loss import detection_loss

_BATCH = 32


@torch.no_grad()
def mean_loss(maps: Floats, pictures: Sequence[Picture]) -> float:
    """Training loss of output maps, the mean over pictures.

    Args:
        maps: (n, 5 + classes, rows, columns), of the pictures seen whole, in their order.
    """
    total = 0.0
    for start in range(0, len(pictures), _BATCH):
        few = pictures[start : start + _BATCH]
        output = torch.from_numpy(maps[start : start + _BATCH])
        total += len(few) * float(detection_loss(output, targets_of(few)))
    return total / len(pictures)
