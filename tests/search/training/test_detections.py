"""A network's detections are those of its decoded outputs, picture by picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hwprof.errors import ConfigurationError
from hwprof.search.training.boxes import decode, suppress
from hwprof.search.training.data import read_pictures
from hwprof.search.training.detections import detect
from hwprof.search.training.images import as_input, read_pixels, stretched
from hwprof.testing.pictures import draw_coco_set


def test_pictures_are_looked_at_one_by_one(tmp_path, tiny_detector):
    """Batches and the sizes of files change nothing: each picture is stretched and decoded."""
    pictures = read_pictures(draw_coco_set(tmp_path, train=17, val=0, size=(50, 70)))
    module = tiny_detector()

    found = detect(module, pictures, (64, 96), canvas=(2.0, 1.0))

    assert len(found) == 17
    assert not module.training
    for picture, one in list(zip(pictures, found, strict=True))[::8]:
        pixels = as_input(stretched(read_pixels(picture.path), 64, 96))
        with torch.no_grad():
            output = module(pixels[None])[0].numpy()
        expected = suppress(decode(output, canvas=(2.0, 1.0)))
        np.testing.assert_allclose(one.boxes, expected.boxes, atol=1e-5)


def test_a_broken_picture_is_named(tmp_path, tiny_detector):
    """A file that is no picture ends the look in one sentence."""
    pictures = read_pictures(draw_coco_set(tmp_path, train=2, val=0))
    pictures[1].path.write_bytes(b"text")

    with pytest.raises(ConfigurationError, match=r"train001\.png' is no picture"):
        detect(tiny_detector(), pictures, (64, 96))
