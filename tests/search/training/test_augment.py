"""Boxes move with the pixels that they bound."""

from __future__ import annotations

import pytest
import torch

from hwprof.search.training.augment import Augmentation, Labelled, augmented
from hwprof.search.training.loss import Targets

SIZE = (90, 120)
COUNT = 40


def _batch(boxes):
    """Black pictures with one white rectangle each, at fractions ``boxes`` (n, 4)."""
    height, width = SIZE
    pixels = torch.zeros((len(boxes), 3, height, width), dtype=torch.uint8)
    for picture, (left, top, right, bottom) in zip(pixels, boxes.tolist(), strict=True):
        rows = slice(round(top * height), round(bottom * height))
        picture[:, rows, round(left * width) : round(right * width)] = 255
    number = torch.arange(len(boxes))
    return Labelled(pixels, Targets(boxes, number, torch.zeros(len(boxes), dtype=torch.bool)))


def _boxes(seed=0):
    generator = torch.Generator().manual_seed(seed)
    start = 0.1 + 0.4 * torch.rand((COUNT, 2), generator=generator)
    return torch.cat((start, start + 0.2 + 0.2 * torch.rand((COUNT, 2), generator=generator)), 1)


def _bright(picture):
    """Box (4,) of what is white, as fractions of the picture."""
    rows, columns = torch.nonzero(picture.mean(dim=0) > 0.75, as_tuple=True)
    height, width = picture.shape[1:]
    edges = (columns.min() / width, rows.min() / height)
    return torch.tensor([*edges, (columns.max() + 1) / width, (rows.max() + 1) / height])


@pytest.mark.parametrize("mirror", [0.0, 1.0])
@pytest.mark.parametrize("window", [(0.7, 1.0), (1.0, 1.4)], ids=["crops", "margins"])
def test_boxes_bound_their_pixels(mirror, window):
    """A white rectangle, cropped, shrunk or mirrored, is still where its box says."""
    rules = Augmentation(window[0], window[1], mirror=mirror, gain=0)
    generator = torch.Generator().manual_seed(0)

    seen = augmented(_batch(_boxes()), size=(96, 128), rules=rules, generator=generator)

    assert len(seen.targets.boxes) > COUNT // 2
    for box, number in zip(seen.targets.boxes, seen.targets.picture, strict=True):
        # Half a pixel on each side of an edge is grey: two pixels of the smaller map.
        torch.testing.assert_close(_bright(seen.pixels[number]), box, atol=2 / 96, rtol=0)


def test_margins_are_grey():
    """What a window shows beyond its picture is 128 of 255."""
    batch = Labelled(torch.zeros((1, 3, 8, 8), dtype=torch.uint8), _batch(_boxes()).targets)
    batch = Labelled(
        batch.pixels, Targets(torch.zeros(0, 4), torch.zeros(0).long(), torch.zeros(0))
    )
    rules = Augmentation(2.0, 2.0, mirror=0, gain=0)

    seen = augmented(batch, size=(64, 64), rules=rules, generator=torch.Generator().manual_seed(0))

    values = seen.pixels.unique()
    torch.testing.assert_close(values.max(), torch.tensor(128 / 255))
    torch.testing.assert_close(values.min(), torch.tensor(0.0), atol=1e-6, rtol=0)


def test_objects_that_are_cut_away_are_forgotten():
    """What shows less than 30 % of itself is no object any more; what stays lies inside."""
    boxes = torch.tensor([[0.0, 0.0, 0.3, 0.3]]).repeat(COUNT, 1)
    rules = Augmentation(0.5, 0.6, mirror=0, gain=0)
    generator = torch.Generator().manual_seed(0)

    seen = augmented(_batch(boxes), size=SIZE, rules=rules, generator=generator).targets

    extents = seen.boxes[:, 2:] - seen.boxes[:, :2]
    assert 0 < len(seen.boxes) < COUNT
    assert ((seen.boxes >= 0) & (seen.boxes <= 1)).all()
    assert (extents.prod(dim=1) > 0.3 * 0.3**2).all()  # windows magnify


def test_one_seed_gives_one_window():
    """The generator decides everything, brightness too."""
    one, other, third = (
        augmented(
            _batch(_boxes()),
            size=SIZE,
            rules=Augmentation(),
            generator=torch.Generator().manual_seed(seed),
        ).pixels
        for seed in (3, 3, 4)
    )

    assert torch.equal(one, other)
    assert not torch.equal(one, third)


def test_pixels_stay_between_black_and_white():
    """Brightness and contrast change within what a picture can be."""
    seen = augmented(
        _batch(_boxes()),
        size=SIZE,
        rules=Augmentation(gain=2.0),
        generator=torch.Generator().manual_seed(0),
    )

    assert ((seen.pixels >= 0) & (seen.pixels <= 1)).all()
