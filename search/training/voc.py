"""Labels in PASCAL VOC's form: an XML file beside each picture (Everingham et al., IJCV 2010)."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from hwprof.errors import ConfigurationError
from hwprof.files import FileKind
from hwprof.search.training.pictures import SPLITS, Label, Picture, labelled

_ANNOTATION = FileKind(
    noun="a VOC annotation",
    most_bytes=1 << 20,
    error=ConfigurationError,
    shrink="check what it is",
)
_SPLIT = FileKind(
    noun="a VOC list of pictures",
    most_bytes=64 << 20,
    error=ConfigurationError,
    shrink="check what it is",
)


def read_voc(root: Path, class_name: str) -> list[Picture]:
    """The pictures of ``Annotations/*.xml`` with their objects of one class, by name.

    ``ImageSets/Main/train.txt`` and ``val.txt`` say the splits; difficult objects are crowds here.

    Raises:
        ConfigurationError: no such files, a broken one, no such class, a box outside its picture.
    """
    files = sorted((root / "Annotations").glob("*.xml"))
    if not files:
        raise ConfigurationError(
            f"training needs labelled pictures; {str(root)!r} has neither annotations.json "
            "(COCO) nor Annotations/*.xml (PASCAL VOC)."
        )
    splits = {name: split for split in SPLITS for name in _listed(root, split)}
    names: set[str] = set()
    pictures = []
    for file in files:
        tree = _tree(file)
        names.update(str(found.findtext("name")) for found in tree.iter("object"))
        try:
            pictures.append(_picture(root, file, tree, (class_name, splits.get(file.stem, ""))))
        except ConfigurationError:
            raise
        except (ValueError, OverflowError) as error:
            raise ConfigurationError(
                f"{str(file)!r} is no VOC annotation ({error}); it has size/width, size/height and "
                "a bndbox in each object."
            ) from error
    if class_name not in names:
        raise ConfigurationError(
            f"no picture under {str(root)!r} has a {class_name!r}; they have "
            f"{', '.join(sorted(names)[:20]) or 'no objects'}."
        )
    return pictures


def _listed(root: Path, split: str) -> list[str]:
    path = root / "ImageSets" / "Main" / f"{split}.txt"
    if not path.is_file():
        return []
    return _SPLIT.read(path).decode("utf-8", "replace").split()


def _tree(file: Path) -> ET.Element:
    data = _ANNOTATION.read(file)
    try:
        # Text, not bytes: what is looked for below would be written differently in UTF-16.
        text = data.decode("utf-8-sig")
        if "<!DOCTYPE" in text:  # where entities are declared, which could grow without bound
            raise ConfigurationError(
                f"{str(file)!r} declares a document type; a VOC annotation has none; remove it."
            )
        return ET.fromstring(text)  # noqa: S314 - no declarations, bounded size
    except (ET.ParseError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{str(file)!r} is no XML in UTF-8 ({error}); mend or remove it."
        ) from error


def _picture(root: Path, file: Path, tree: ET.Element, wanted: tuple[str, str]) -> Picture:
    class_name, split = wanted
    name = Path(tree.findtext("filename") or f"{file.stem}.jpg").name
    labels = [
        Label(_corners(found), found.findtext("difficult") == "1")
        for found in tree.iter("object")
        if found.findtext("name") == class_name
    ]
    size = (int(_text(tree, "size/width")), int(_text(tree, "size/height")))
    return labelled(root / "JPEGImages" / name, size, labels, split=split)


def _corners(found: ET.Element) -> tuple[float, float, float, float]:
    left, top, right, bottom = (
        float(_text(found, f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax")
    )
    return left - 1, top - 1, right, bottom  # VOC counts pixels from 1, both ends inside


def _text(element: ET.Element, path: str) -> str:
    text = element.findtext(path)
    if text is None:
        raise ValueError(f"no {path}")
    return text
