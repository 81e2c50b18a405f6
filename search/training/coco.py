"""Labels in COCO's form: one JSON file for many pictures (cocodataset.org/#format-data)."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from hwprof.errors import ConfigurationError
from hwprof.files import FileKind
from hwprof.search.training.pictures import SPLITS, Label, Picture, labelled

_FILE = FileKind(
    noun="a COCO annotation file",
    most_bytes=512 << 20,  # COCO's own of 118,000 pictures has 448 MB
    error=ConfigurationError,
    shrink="split the set",
)


def annotation_files(root: Path) -> list[Path]:
    """The folder's COCO files; of COCO's own folder those of boxes, not of captions."""
    files = sorted([*root.glob("annotations.json"), *root.glob("annotations/*.json")])
    return [file for file in files if file.name.startswith("instances")] or files


def read_coco(root: Path, file: Path, class_name: str) -> list[Picture]:
    """The pictures of one file with their objects of one class, in the file's order.

    Raises:
        ConfigurationError: it is no such file, has no such class, or a box outside its picture.
    """
    try:
        data = json.loads(_FILE.read(file))
        images = {image["id"]: image for image in data["images"]}
        _check_once(data["images"], file)
        objects = _objects(data, _class_id(data, file, class_name))
        strangers = [image for image in objects if image not in images]
        if strangers:
            raise ConfigurationError(
                f"{file.name} labels image {strangers[0]!r}, which it does not list; mend it."
            )
        places = _Places(root, file)
        return [_picture(image, objects[key], places) for key, image in images.items()]
    except ConfigurationError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{str(file)!r} is no COCO annotation file ({type(error).__name__}: {error}); it has "
            "images, annotations and categories."
        ) from error


def _check_once(images: Sequence[Mapping[str, Any]], file: Path) -> None:
    counts = Counter(image["id"] for image in images)
    repeated = [(key, count) for key, count in counts.items() if count > 1]
    if repeated:
        key, count = repeated[0]
        raise ConfigurationError(
            f"images have an id each; {file.name} lists {count} images of id {key!r}; mend it."
        )


def _class_id(data: Mapping[str, Any], file: Path, class_name: str) -> Any:
    classes = {str(entry["name"]): entry["id"] for entry in data["categories"]}
    if class_name not in classes:
        raise ConfigurationError(
            f"{file.name} has no class {class_name!r}; it has "
            f"{', '.join(sorted(classes)[:20]) or 'none'}."
        )
    return classes[class_name]


def _objects(data: Mapping[str, Any], class_id: Any) -> Mapping[Any, list[Label]]:
    objects: dict[Any, list[Label]] = defaultdict(list)
    for entry in data["annotations"]:
        if entry["category_id"] == class_id:
            left, top, width, height = map(float, entry["bbox"])
            corners = (left, top, left + width, top + height)
            objects[entry["image_id"]].append(Label(corners, bool(entry.get("iscrowd", 0))))
    return objects


class _Places:
    """Where the pictures of one file may lie, by split; never outside the data set."""

    def __init__(self, root: Path, file: Path) -> None:
        self._root = root
        self._named = next((split for split in SPLITS if split in file.stem), "")
        self._folders = {split: _folders(root, split) for split in ("", *SPLITS)}

    def split(self, image: Mapping[str, Any]) -> str:
        """What an image says, or else its file's name."""
        named = image.get("split") or self._named
        return named if named in SPLITS else ""

    def path(self, name: str, split: str) -> Path:
        """The file, or where one would be expected."""
        path = PurePosixPath(name)
        inside = path.name if path.is_absolute() or ".." in path.parts else name
        paths = (folder / inside for folder in self._folders[split])
        return next((found for found in paths if found.is_file()), self._root / "images" / inside)


def _folders(root: Path, split: str) -> list[Path]:
    own = [root / "images" / split, *sorted(root.glob(f"{split}*/"))] if split else []
    return [root / "images", root, *own]  # COCO's own are train2017 and val2017


def _picture(image: Mapping[str, Any], labels: Sequence[Label], places: _Places) -> Picture:
    split = places.split(image)
    size = (int(image["width"]), int(image["height"]))
    return labelled(places.path(str(image["file_name"]), split), size, labels, split=split)
