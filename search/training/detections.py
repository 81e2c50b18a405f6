"""What a trained network finds on pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from hwprof.search.training.boxes import Detections, Floats, decode, suppress
from hwprof.search.training.data import Picture
from hwprof.search.training.images import as_input, read_pixels, stretched

Pixels = npt.NDArray[np.uint8]
_Many = TypeVar("_Many", Sequence[Picture], Pixels | Floats)

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
        suppress(decode(output, canvas=canvas))
        for few in _batches(pictures)
        for output in outputs(module, seen_at(few, size))
    ]


def seen_at(pictures: Sequence[Picture], size: tuple[int, int]) -> Pixels:
    """Pictures as a network sees them, uint8 (n, 3, height, width).

    Raises:
        ConfigurationError: a file is no picture.
    """
    return torch.stack([stretched(read_pixels(p.path), *size) for p in pictures]).numpy()


@torch.no_grad()
def outputs(module: nn.Module, inputs: Pixels | Floats) -> Floats:
    """What a module makes of its inputs (n, c, h, w), float32 (n, c', h', w').

    Args:
        inputs: pixels as uint8, or what another module made of them.
    """
    module.eval()
    device = next(module.parameters()).device
    maps = []
    for few in _batches(inputs):
        tensor = torch.from_numpy(few).to(device)
        maps.append(module(as_input(tensor) if tensor.dtype == torch.uint8 else tensor).cpu())
    return torch.cat(maps).numpy()


def samples(pixels: Pixels) -> list[Floats]:
    """Pixels uint8 (n, 3, h, w) as float32 (h, w, 3) each, what calibration takes."""
    return [
        as_input(each).permute(1, 2, 0).contiguous().numpy() for each in torch.from_numpy(pixels)
    ]


def _batches(values: _Many) -> Iterator[_Many]:
    return (values[start : start + _BATCH] for start in range(0, len(values), _BATCH))
