"""COCO files are read whole, and refused in one sentence where they are wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hwprof.errors import ConfigurationError
from hwprof.search.training.data import read_pictures
from hwprof.testing.pictures import draw_coco_set


def test_boxes_are_corners_in_pixels(coco_folder):
    """Width and height of a file become right and bottom; crowds stay marked."""

    def one_crowd(document):
        document["annotations"] = [
            {"id": 1, "image_id": 0, "category_id": 1, "bbox": [3, 4, 10, 20.5], "iscrowd": 1},
            {"id": 2, "image_id": 0, "category_id": 1, "bbox": [0, 0, 96, 64]},
        ]

    first, *others = read_pictures(coco_folder(one_crowd))

    np.testing.assert_array_equal(first.boxes, [[3, 4, 13, 24.5], [0, 0, 96, 64]])
    assert first.crowd.tolist() == [True, False]
    assert (first.width, first.height, first.split) == (96, 64, "train")
    assert [len(other.boxes) for other in others] == [0, 0, 0]


def test_only_the_class_counts(coco_folder):
    """Objects of other classes leave a picture without any."""

    def add_dog(document):
        document["categories"].append({"id": 2, "name": "dog"})
        document["annotations"] = [{"id": 1, "image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4]}]

    pictures = read_pictures(coco_folder(add_dog), "dog")

    assert [len(picture.boxes) for picture in pictures] == [0, 1, 0, 0]


def test_cocos_own_folders_are_read(tmp_path):
    """Boxes from instances_*.json, splits from their names, pictures from train2017."""
    root = draw_coco_set(tmp_path / "set", train=2, val=0)
    document = json.loads((root / "annotations.json").read_text())
    for image in document["images"]:
        del image["split"]
    (root / "annotations.json").unlink()
    (root / "annotations").mkdir()
    (root / "annotations" / "instances_train2017.json").write_text(json.dumps(document))
    (root / "annotations" / "captions_train2017.json").write_text("{}")
    (root / "images").rename(root / "train2017")

    pictures = read_pictures(root)

    assert [(picture.split, picture.path.parent.name) for picture in pictures] == [
        ("train", "train2017")
    ] * 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("{}", "KeyError: 'images'"),
        ("[" * 100_000, "RecursionError"),
        ('{"images": [{"id": []}], "annotations": [], "categories": []}', "TypeError"),
        ('{"images": 7, "annotations": [], "categories": []}', "TypeError"),
    ],
)
def test_foreign_json_is_one_sentence(coco_folder, text, reason):
    """What is no COCO file is refused with what is wrong in it."""
    root = coco_folder()
    (root / "annotations.json").write_text(text)

    with pytest.raises(ConfigurationError, match=rf"no COCO annotation file \({reason}"):
        read_pictures(root)


def _first(document, **changes):
    document["images"][0] |= changes


def _box(document, *box: float):
    document["annotations"][0]["bbox"] = list(box)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: _box(d, 90, 10, 20, 20), r"has one from \(90, 10\) to \(110, 30\); mend"),
        (lambda d: _box(d, -5, 10, 20, 20), r"has one from \(-5, 10\)"),
        (lambda d: _box(d, 5, 10, 0, 20), r"to \(5, 30\)"),
        (lambda d: _box(d, 5, 10, float("nan"), 20), r"to \(nan, 30\)"),
        (lambda d: _box(d, -1, 10, 0.5, 5), r"from \(-1, 10\) to \(-0.5, 15\)"),
        (lambda d: _box(d, 1, 2, 3), "ValueError"),
        (lambda d: _first(d, width=0), "labelled 0 x 64; mend"),
        (lambda d: _first(d, width=float("inf")), "OverflowError"),
        (lambda d: _first(d, file_name="gone.png"), "images/gone.png' is labelled but is not"),
        (lambda d: _first(d, file_name="a\0b.png"), "is labelled but is not there"),
        (lambda d: _first(d, file_name=""), "is labelled but is not there"),
        (lambda d: d["annotations"].clear(), "no picture under .* is labelled"),
        (
            lambda d: _first(d, id=1),
            "have an id each; annotations.json lists 2 images of id 1; mend",
        ),
        (lambda d: _first(d, id=99), "annotations.json labels image 0, which it does not list"),
    ],
)
def test_wrong_label_is_one_sentence(coco_folder, change, sentence):
    """A label that no picture can have is refused, and says where it stands."""
    with pytest.raises(ConfigurationError, match=sentence):
        read_pictures(coco_folder(change))


def test_missing_class_names_those_there(coco_folder):
    """A class that does not exist is answered with those that do."""
    with pytest.raises(ConfigurationError, match=r"no class 'persson'; it has person\."):
        read_pictures(coco_folder(), "persson")


def test_boxes_that_end_a_fraction_outside_are_clipped(coco_folder):
    """Two decimals in a file may round a box beyond its picture's edge."""
    picture = read_pictures(coco_folder(lambda d: _box(d, -0.01, 0, 96.4, 20)))[0]

    assert picture.boxes[0].tolist() == [0, 0, 96, 20]


@pytest.mark.parametrize("name", ["../secret.png", "{root}/../secret.png", "a/../../secret.png"])
def test_no_file_outside_the_set_is_read(coco_folder, name):
    """A name that leads out of the folder is looked for inside it."""
    root = coco_folder()
    (root.parent / "secret.png").write_bytes((root / "images" / "train000.png").read_bytes())
    document = json.loads((root / "annotations.json").read_text())
    document["images"][0]["file_name"] = name.format(root=root)
    (root / "annotations.json").write_text(json.dumps(document))

    with pytest.raises(ConfigurationError, match=r"coco/images/secret\.png' is labelled but"):
        read_pictures(root)


def test_a_folder_that_is_none_says_the_option(tmp_path):
    """No data folder is one sentence with the option's name."""
    with pytest.raises(ConfigurationError, match=r"'.*nowhere' is none; give .* by --data"):
        read_pictures(tmp_path / "nowhere")
