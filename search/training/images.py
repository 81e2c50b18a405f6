"""Pictures as a detector's input: decoded, stretched, blue first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hwprof.search.training.picture_files import opened


def read_pixels(path: Path) -> Tensor:
    """A picture file as uint8 (3, height, width), in the order blue, green, red.

    Raises:
        ConfigurationError: it is no picture, or one of more than 2^26 pixels.
    """
    with opened(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    return torch.from_numpy(pixels[:, :, ::-1].copy()).permute(2, 0, 1).contiguous()


def stretched(pixels: Tensor, height: int, width: int) -> Tensor:
    """uint8 (3, h, w) as uint8 (3, height, width), bilinear without smoothing, as boards do it."""
    resized = functional.interpolate(
        pixels.float().unsqueeze(0), (height, width), mode="bilinear", align_corners=False
    )
    return resized[0].round().clamp(0, 255).to(torch.uint8)


def as_input(pixels: Tensor) -> Tensor:
    """uint8 pixels as the float32 in [0, 1] that networks take."""
    return pixels.float() / 255
