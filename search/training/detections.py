"""What a trained network finds on pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from hwprof.search.training.boxes import Detections, decode, suppress
from hwprof.search.training.data import Picture
from hwprof.search.training.images import as_input, read_pixels, stretched

_BATCH = 16


def detect(
    module: nn.Module,
    pictures: Sequence[Picture],
    size: tuple[int, int],
    *,
    canvas: tuple[float, float] = (1.0, 1.0),
) -> list[Detections]:
    """Boxes behind suppression on each picture, in their order.

    Args:
        module: of a whole detector; it is left in evaluation mode.
        size: (height, width) that pictures are stretched to.
        canvas: of ``boxes.decode``.

    Raises:
        ConfigurationError: a file is no picture.
    """
    return [
        suppress(decode(output.numpy(), canvas=canvas))
        for output in _outputs(module, pictures, size)
    ]


@torch.no_grad()
def _outputs(
    module: nn.Module, pictures: Sequence[Picture], size: tuple[int, int]
) -> Iterator[Tensor]:
    module.eval()
    device = next(module.parameters()).device
    for start in range(0, len(pictures), _BATCH):
        few = pictures[start : start + _BATCH]
        pixels = torch.stack([stretched(read_pixels(p.path), *size) for p in few])
        yield from module(as_input(pixels.to(device))).cpu()
