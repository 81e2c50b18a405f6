"""Pictures and their boxes: what a COCO file or a PASCAL VOC folder says of one class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.search.training.coco import annotation_files, read_coco
from hwprof.search.training.pictures import Picture
from hwprof.search.training.voc import read_voc

__all__ = ["Picture", "divided", "halves", "read_pictures"]


def read_pictures(folder: str | os.PathLike[str], class_name: str = "person") -> list[Picture]:
    """A data set in COCO's or PASCAL VOC's form.

    Args:
        folder: with ``annotations.json`` or ``annotations/*.json`` (COCO; a file named
            ``*train*`` or ``*val*`` is that split), or with ``Annotations/*.xml`` (VOC; splits
            from ``ImageSets/Main``).

    Raises:
        ConfigurationError: no data set there, a broken or foreign file, a class that it does not
            have, a box outside its picture, a picture that is missing.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ConfigurationError(
            f"training needs a folder of labelled pictures; {str(root)!r} is none; give a COCO or "
            "PASCAL VOC folder by --data."
        )
    files = annotation_files(root)
    if files:
        pictures = [picture for file in files for picture in read_coco(root, file, class_name)]
    else:
        pictures = read_voc(root, class_name)
    if not any(len(picture.boxes) for picture in pictures):
        raise ConfigurationError(
            f"no picture under {str(root)!r} is labelled; training needs boxes of {class_name!r}."
        )
    for picture in pictures:
        if not picture.path.is_file():
            raise ConfigurationError(
                f"{str(picture.path)!r} is labelled but is not there; check --data."
            )
    return pictures


def divided(pictures: Sequence[Picture], *, seed: int) -> list[Picture]:
    """The pictures with a split each.

    Where a set says which pictures are for training and validation, others, such as those of a
    test, are left out; where it says nothing, a fifth is ``val``, by the seed.
    """
    if any(picture.split for picture in pictures):
        return [picture for picture in pictures if picture.split]
    chosen = np.random.default_rng(seed).permutation(len(pictures))[: -(-len(pictures) // 5)]
    val = set(chosen.tolist())
    return [
        replace(picture, split="val" if number in val else "train")
        for number, picture in enumerate(pictures)
    ]


def halves(pictures: Sequence[Picture], *, seed: int) -> tuple[list[Picture], list[Picture]]:
    """Two halves by the seed: one to select on, one to report on once.

    Pictures with objects and those without are divided apart, so that both halves have both.
    """
    generator = np.random.default_rng(seed)
    first: list[Picture] = []
    second: list[Picture] = []
    for group in ([p for p in pictures if len(p.boxes)], [p for p in pictures if not len(p.boxes)]):
        order = [group[i] for i in generator.permutation(len(group))]
        middle = -(-len(order) // 2)
        first += order[:middle]
        second += order[middle:]
    return first, second
