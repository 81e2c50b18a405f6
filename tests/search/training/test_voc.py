"""PASCAL VOC folders are read whole, and refused in one sentence where they are wrong."""

from __future__ import annotations

import numpy as np
import pytest

from hwprof.errors import ConfigurationError
from hwprof.search.training.data import divided, read_pictures

from .conftest import voc_object

BOMB = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


def test_boxes_count_from_one_with_both_ends_inside(voc_folder):
    """A box from xmin 11 begins at 10 from the left; xmax is the last pixel inside."""
    root = voc_folder(voc_object() + voc_object("dog") + voc_object(difficult=1), "")

    first, second = read_pictures(root)

    np.testing.assert_array_equal(first.boxes, [[10, 20, 40, 60]] * 2)
    assert first.crowd.tolist() == [False, True]
    assert len(second.boxes) == 0


def test_a_file_without_a_name_is_called_like_its_annotation(voc_folder):
    """Where ``filename`` is missing, the picture is the .jpg of the same name."""
    root = voc_folder(voc_object())
    file = root / "Annotations" / "0000.xml"
    file.write_text(file.read_text().replace("<filename>0000.jpg</filename>", ""))

    assert read_pictures(root)[0].path == root / "JPEGImages" / "0000.jpg"


def test_splits_are_those_of_the_set(voc_folder):
    """Pictures in neither list, a test's for instance, are left out."""
    root = voc_folder(*[voc_object()] * 3)
    (root / "ImageSets" / "Main" / "train.txt").write_text("0001\n")
    (root / "ImageSets" / "Main" / "val.txt").write_text("0000\n")

    pictures = divided(read_pictures(root), seed=0)

    assert [(p.path.stem, p.split) for p in pictures] == [("0000", "val"), ("0001", "train")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entity_bombs_are_refused_unopened(voc_folder, encoding):
    """A declaration of entities is refused in whatever encoding hides it."""
    root = voc_folder(voc_object().replace("person", "&b;"), head=BOMB)
    file = root / "Annotations" / "0000.xml"
    file.write_bytes(file.read_text().encode(encoding))

    with pytest.raises(ConfigurationError, match=r"declares a document type|no XML in UTF-8"):
        read_pictures(root)


@pytest.mark.parametrize(
    ("inner", "sentence"),
    [
        ("<object>", "no XML in UTF-8"),
        ("<object><name>person</name></object>", r"no VOC annotation \(no bndbox/xmin\)"),
        (voc_object(corners=("left", 1, 2, 3)), "could not convert string to float"),
        (voc_object(corners=(11, 21, 100, 60)), r"has one from \(10, 20\) to \(100, 60\); mend"),
        (voc_object(corners=(41, 21, 40, 60)), r"has one from \(40, 20\) to \(40, 60\)"),
        (voc_object(corners=("nan", 21, 40, 60)), r"has one from \(nan, 20\)"),
        (voc_object("dog"), "has a 'person'; they have dog"),
        ("", "has a 'person'; they have no objects"),
    ],
)
def test_wrong_annotation_is_one_sentence(voc_folder, inner, sentence):
    """What a file of VOC cannot say is refused, and says where it stands."""
    with pytest.raises(ConfigurationError, match=sentence):
        read_pictures(voc_folder(inner))


def test_missing_picture_is_named(voc_folder):
    """An annotation whose picture is gone names it."""
    root = voc_folder(voc_object())
    (root / "JPEGImages" / "0000.jpg").unlink()

    with pytest.raises(ConfigurationError, match=r"JPEGImages/0000\.jpg' is labelled but is not"):
        read_pictures(root)


def test_names_stay_inside_the_set(voc_folder):
    """A ``filename`` that leads out of the folder is looked for inside it."""
    root = voc_folder(voc_object())
    file = root / "Annotations" / "0000.xml"
    file.write_text(file.read_text().replace("0000.jpg<", "../../secret.jpg<"))

    with pytest.raises(ConfigurationError, match=r"JPEGImages/secret\.jpg' is labelled but"):
        read_pictures(root)


def test_deeply_nested_xml_is_read(voc_folder):
    """Elements nested a hundred thousand deep cost no stack."""
    root = voc_folder(voc_object() + "<a>" * 100_000 + "</a>" * 100_000)

    assert len(read_pictures(root)[0].boxes) == 1


def test_too_large_an_annotation_is_refused(voc_folder):
    """More than a megabyte is no annotation of one picture."""
    root = voc_folder(voc_object() + " " * (1 << 20))

    with pytest.raises(ConfigurationError, match=r"VOC annotation has at most 1,048,576 bytes"):
        read_pictures(root)


def test_empty_folder_names_both_forms(tmp_path):
    """A folder with neither form says what was looked for."""
    with pytest.raises(ConfigurationError, match=r"neither annotations\.json .* nor Annotations"):
        read_pictures(tmp_path)
