"""Pictures and their boxes: what a COCO file or a PASCAL VOC folder says of one class."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.files import FileKind
from hwprof.search.training.boxes import Floats

_MEBIBYTE = 1 << 20
_ANNOTATIONS = FileKind(
    noun="a COCO annotation file",
    most_bytes=1024 * _MEBIBYTE,
    error=ConfigurationError,
    shrink="split the set",
)
_PICTURE_XML = FileKind(
    noun="a VOC annotation",
    most_bytes=_MEBIBYTE,
    error=ConfigurationError,
    shrink="check what it is",
)
_SIDES = range(1, 65536)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture of a set and its objects of one class.

    Attributes:
        width, height: pixels of the file.
        boxes: (n, 4) left, top, right, bottom in pixels, inside the picture.
        crowd: (n,) whether a box covers a crowd: neither asked for nor held against a detector.
        split: ``train`` or ``val``; empty where the set does not say.
    """

    path: Path
    width: int
    height: int
    boxes: Floats
    crowd: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    split: str = ""


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
    files = sorted([*root.glob("annotations.json"), *root.glob("annotations/*.json")])
    if files:
        pictures = [picture for file in files for picture in _read_coco(root, file, class_name)]
    else:
        pictures = _read_voc(root, class_name)
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
    """The pictures with a split each: where the set says none, a fifth is ``val``, by the seed."""
    if all(picture.split for picture in pictures):
        return list(pictures)
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


def _read_coco(root: Path, file: Path, class_name: str) -> Iterable[Picture]:
    try:
        data = json.loads(_ANNOTATIONS.read(file))
        classes = {c["name"]: c["id"] for c in data["categories"]}
        if class_name not in classes:
            raise ConfigurationError(
                f"{file.name} has no class {class_name!r}; it has "
                f"{', '.join(sorted(classes)[:20]) or 'none'}."
            )
        objects: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for annotation in data["annotations"]:
            if annotation["category_id"] == classes[class_name]:
                objects[annotation["image_id"]].append(annotation)
        return [_coco_picture(root, file, image, objects[image["id"]]) for image in data["images"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(
            f"{str(file)!r} is no COCO annotation file ({type(error).__name__}: {error}); it has "
            "images, annotations and categories."
        ) from error


def _coco_picture(
    root: Path, file: Path, image: dict[str, Any], objects: list[dict[str, Any]]
) -> Picture:
    corners = [(x, y, x + w, y + h) for x, y, w, h in (o["bbox"] for o in objects)]
    split = image.get("split") or next((s for s in ("train", "val") if s in file.stem), "")
    return _picture(
        _inside(root, str(image["file_name"]), split),
        (int(image["width"]), int(image["height"])),
        corners,
        crowd=[bool(o.get("iscrowd", 0)) for o in objects],
        split=str(split),
    )


def _inside(root: Path, name: str, split: str) -> Path:
    """Where a picture lies; never outside the data set."""
    for folder in (root, root / "images", root / split, root / "images" / split):
        path = folder / name
        if path.is_file() and path.resolve().is_relative_to(root.resolve()):
            return path
    return root / Path(name).name


def _read_voc(root: Path, class_name: str) -> list[Picture]:
    files = sorted((root / "Annotations").glob("*.xml"))
    if not files:
        raise ConfigurationError(
            f"training needs labelled pictures; {str(root)!r} has neither annotations.json "
            "(COCO) nor Annotations/*.xml (PASCAL VOC)."
        )
    splits = {
        name: split
        for split in ("train", "val")
        for listed in (root / "ImageSets" / "Main" / f"{split}.txt",)
        if listed.is_file()
        for name in listed.read_text(encoding="utf-8").split()
    }
    names: set[str] = set()
    pictures = []
    for file in files:
        tree = _voc_tree(file)
        try:
            objects = [(str(o.findtext("name")), o) for o in tree.iter("object")]
            names.update(name for name, _ in objects)
            wanted = [o for name, o in objects if name == class_name]
            size = (int(str(tree.findtext("size/width"))), int(str(tree.findtext("size/height"))))
            picture = _picture(
                root / "JPEGImages" / Path(str(tree.findtext("filename"))).name,
                size,
                [_voc_box(o) for o in wanted],
                crowd=[o.findtext("difficult") == "1" for o in wanted],
                split=splits.get(file.stem, ""),
            )
        except ValueError as error:
            if isinstance(error, ConfigurationError):
                raise
            raise ConfigurationError(f"{str(file)!r} is no VOC annotation ({error}).") from error
        pictures.append(picture)
    if class_name not in names:
        raise ConfigurationError(
            f"no picture under {str(root)!r} has a {class_name!r}; it has "
            f"{', '.join(sorted(names)[:20]) or 'no objects'}."
        )
    return pictures


def _voc_tree(file: Path) -> ET.Element:
    text = _PICTURE_XML.read(file)
    if b"<!" in text.split(b"<annotation", 1)[0]:  # entities could grow without bound
        raise ConfigurationError(f"{str(file)!r} declares entities; a VOC annotation has none.")
    try:
        return ET.fromstring(text)  # noqa: S314 - no declarations, bounded size
    except ET.ParseError as error:
        raise ConfigurationError(f"{str(file)!r} is no XML ({error}).") from error


def _voc_box(found: ET.Element) -> tuple[float, float, float, float]:
    left, top, right, bottom = (
        float(str(found.findtext(f"bndbox/{side}"))) for side in ("xmin", "ymin", "xmax", "ymax")
    )
    return left - 1, top - 1, right, bottom  # VOC counts pixels from 1, both ends inside


def _picture(
    path: Path,
    size: tuple[int, int],
    corners: Sequence[tuple[float, float, float, float]],
    *,
    crowd: Sequence[bool],
    split: str,
) -> Picture:
    width, height = size
    if width not in _SIDES or height not in _SIDES:
        raise ConfigurationError(f"{path.name} says that it is {width} x {height} pixels.")
    boxes = np.array(corners, np.float32).reshape(-1, 4)
    limits = np.array([width, height, width, height], np.float32)
    # Boxes written with two decimals may end a fraction of a pixel outside.
    legal = np.isfinite(boxes) & (boxes >= -1) & (boxes <= limits + 1)
    ordered = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if not (legal.all() and ordered.all()):
        wrong = boxes[~(legal.all(axis=1) & ordered)][0]
        raise ConfigurationError(
            f"boxes lie inside their picture; {path.name} is {width} x {height} and has one from "
            f"({wrong[0]:g}, {wrong[1]:g}) to ({wrong[2]:g}, {wrong[3]:g}); mend the label."
        )
    return Picture(path, width, height, np.clip(boxes, 0, limits), np.array(crowd, np.bool_), split)
