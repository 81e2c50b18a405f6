"""The parts of a data set are checked at once, and known again by all that is in them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from hwprof.errors import ConfigurationError
from hwprof.search.training.sets import picture_sets
from hwprof.testing.pictures import draw_coco_set


@pytest.fixture
def data(tmp_path):
    """Ten drawn pictures, half of them for validation."""
    return draw_coco_set(tmp_path, train=4, val=6)


def _hash(data):
    return picture_sets(data, "person").sha256


def _edit(data, change):
    file = data / "annotations.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")


def test_one_data_set_has_one_hash(data):
    """Wherever and however often it is read."""
    assert _hash(data) == _hash(data)


def test_exchanged_pixels_are_another_data_set(data):
    """A picture of the same name and size with other pixels is another picture."""
    before = _hash(data)
    path = data / "images" / "train000.png"
    with Image.open(path) as image:
        pixels = np.array(image)
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(path)

    assert _hash(data) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["annotations"][0].update(iscrowd=1),
        lambda document: document["annotations"][0].update(bbox=[1, 2, 3, 4]),
        lambda document: document["images"][0].update(split="val"),
    ],
    ids=["crowd", "box", "split"],
)
def test_changed_labels_are_another_data_set(data, change):
    """Crowds, boxes and parts decide what is trained and judged."""
    before = _hash(data)
    _edit(data, change)

    assert _hash(data) != before


def test_every_part_is_looked_at_before_anything_is_trained(data):
    """A broken file of the last part is found when the set is read."""
    path = picture_sets(data, "person").report[-1].path
    path.write_bytes(b"no picture")

    with pytest.raises(ConfigurationError, match=rf"{path.name}' is no picture that training"):
        picture_sets(data, "person")


def test_a_label_of_another_size_is_refused(data):
    """Boxes of a picture that was scaled meanwhile would lie elsewhere."""
    path = picture_sets(data, "person").report[-1].path
    with Image.open(path) as image:
        image.resize((64, 48)).save(path)

    with pytest.raises(ConfigurationError, match=r"has 64 x 48 pixels and is labelled 128 x 96;"):
        picture_sets(data, "person")


def test_a_file_that_went_away_is_one_sentence(data):
    """Between the look at its header and the hash of its bytes."""
    sets = picture_sets(data, "person")
    sets.training[0].path.unlink()

    with pytest.raises(ConfigurationError, match=r"train000\.png' cannot be read \(No such file"):
        assert sets.sha256
