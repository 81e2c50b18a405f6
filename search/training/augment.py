"""Windows on pictures: crops, margins, mirror images and brightness, a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hwprof.search.training.loss import Targets

_GREY = 128 / 255
_LEAST_CROP, _MOST_MARGIN = 0.6, 1.4
_LEAST_SEEN = 0.3  # of an object's area, or it is forgotten
_LEAST_SIDE = 0.004


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How much pictures are changed; the defaults are ours.

    FastestDet crops to 75 to 100 % of a side or adds a margin of up to 25 %, each half of the
    time, and mirrors nothing; fewer pictures want more.

    Attributes:
        least_window, most_window: of a picture's sides, which differ by up to 15 % from what is
            drawn; beyond 1 there is a grey margin.
        mirror: chance of left and right changed.
        gain: brightness and contrast vary by this share.
    """

    least_window: float = _LEAST_CROP
    most_window: float = _MOST_MARGIN
    mirror: float = 0.5
    gain: float = 0.3


@dataclass(frozen=True, slots=True)
class Labelled:
    """A batch: pixels (n, 3, h, w) uint8 or float in [0, 1], and the objects on them."""

    pixels: Tensor
    targets: Targets


def augmented(
    batch: Labelled, *, size: tuple[int, int], rules: Augmentation, generator: torch.Generator
) -> Labelled:
    """A random window of each picture at another size (height, width), boxes with it.

    ``generator`` is the processor's, so that one seed gives one training on every device.
    """
    count, device = len(batch.pixels), batch.pixels.device
    draws = torch.rand((count, 6), generator=generator).to(device)
    span = rules.least_window + (rules.most_window - rules.least_window) * draws[:, :1]
    sides = (span * (0.85 + 0.3 * draws[:, 1:3])).clamp(max=rules.most_window)
    # A crop lies inside its picture, a margin around it.
    windows = _Windows((1 - sides) * draws[:, 3:5], sides, draws[:, 5] < rules.mirror)
    pixels = _seen(batch.pixels, windows, size)
    gain = 1 + rules.gain * (2 * torch.rand((count, 2), generator=generator).to(device) - 1)
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    pixels = (pixels - mean) * gain[:, :1, None, None] + mean * gain[:, 1:, None, None]
    return Labelled(pixels.clamp(0, 1), _moved(batch.targets, windows))


@dataclass(frozen=True, slots=True)
class _Windows:
    """One window for each picture: start (n, 2) and sides (n, 2) as fractions, x first."""

    start: Tensor
    sides: Tensor
    mirrored: Tensor


def _seen(pixels: Tensor, windows: _Windows, size: tuple[int, int]) -> Tensor:
    sign = torch.where(windows.mirrored, -1.0, 1.0)
    # affine_grid measures from -1 to 1: a window's middle and half its extent.
    middle = 2 * windows.start + windows.sides - 1
    theta = torch.zeros((len(pixels), 2, 3), device=pixels.device)
    theta[:, 0, 0], theta[:, 0, 2] = windows.sides[:, 0] * sign, middle[:, 0]
    theta[:, 1, 1], theta[:, 1, 2] = windows.sides[:, 1], middle[:, 1]
    grid = functional.affine_grid(theta, [len(pixels), 3, *size], align_corners=False)
    values = pixels.float() / 255 - _GREY  # outside is zero, and so grey
    return functional.grid_sample(values, grid, align_corners=False) + _GREY


def _moved(targets: Targets, windows: _Windows) -> Targets:
    where = targets.picture
    start, sides = (part[where].repeat(1, 2) for part in (windows.start, windows.sides))
    boxes = (targets.boxes - start) / sides
    left, top, right, bottom = boxes.unbind(dim=1)
    flip = windows.mirrored[where]
    left, right = torch.where(flip, 1 - right, left), torch.where(flip, 1 - left, right)
    whole = torch.stack((left, top, right, bottom), dim=1)
    seen = whole.clamp(0, 1)
    kept = _area(seen) >= _LEAST_SEEN * _area(whole)
    kept &= ((seen[:, 2:] - seen[:, :2]) >= _LEAST_SIDE).all(dim=1)
    return Targets(seen[kept], where[kept], targets.crowd[kept])


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
