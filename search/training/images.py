"""Pictures as a detector's input: decoded, stretched, blue first."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from hwprof.errors import ConfigurationError

_MOST_PIXELS = 1 << 26
_FORMATS = ("JPEG", "PNG", "BMP", "PPM", "WEBP")


def read_pixels(path: Path) -> Tensor:
    """A picture file as uint8 (3, height, width), in the order blue, green, red.

    Raises:
        ConfigurationError: it is no picture, or one of more than 2^26 pixels.
    """
    try:
        with (
            warnings.catch_warnings(category=Image.DecompressionBombWarning, action="error"),
            Image.open(path, formats=_FORMATS) as image,
        ):
            pixels = np.asarray(_bounded(image).convert("RGB"))
    except Exception as error:  # Pillow's decoders raise whatever they stumble over
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ConfigurationError(
            f"{str(path)!r} is no picture that training reads ({reason}); use "
            f"{', '.join(_FORMATS)} of at most {_MOST_PIXELS:,} pixels."
        ) from error
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


def _bounded(image: Image.Image) -> Image.Image:
    if image.width * image.height > _MOST_PIXELS:
        raise ValueError(f"it is {image.width} x {image.height}")
    return image
