"""The three parts of a data set: pictures to train on, to select by, and to report on once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hwprof.errors import ConfigurationError
from hwprof.search.training.data import Picture, divided, halves, read_pictures
from hwprof.search.training.picture_files import check_size, file_sha256

SPLIT_SEED = 0
"""Of validation into two halves. It is one number for all studies, so that what a search has
selected by is never what another reports on."""


@dataclass(frozen=True)  # without slots, for what is cached
class PictureSets:
    """Pictures of one class.

    Attributes:
        selection: val-A, which searches see as often as they like.
        report: val-B, for the last table and nothing before it.
    """

    training: tuple[Picture, ...]
    selection: tuple[Picture, ...]
    report: tuple[Picture, ...]

    @cached_property
    def sha256(self) -> str:
        """Hash of files, names, boxes, crowds and parts; every file is read once.

        Raises:
            ConfigurationError: a file cannot be read.
        """
        digest = hashlib.sha256()
        for part in (self.training, self.selection, self.report):
            for picture in part:
                digest.update(f"{picture.path.name} {picture.width} {picture.height}".encode())
                digest.update(file_sha256(picture.path))
                digest.update(picture.boxes.tobytes())
                digest.update(picture.crowd.tobytes())
            digest.update(b"/")
        return digest.hexdigest()


def picture_sets(folder: Path, class_name: str) -> PictureSets:
    """Read a COCO or VOC folder and divide it.

    Headers of all files are read now, so that a wrong one in the last part does not end a search
    when all else is done.

    Raises:
        ConfigurationError: no data set there, one with too few pictures for three parts, a file
            that is no picture or has another size than its label says.
    """
    pictures = divided(read_pictures(folder, class_name), seed=SPLIT_SEED)
    training = tuple(picture for picture in pictures if picture.split == "train")
    selection, report = halves(
        [picture for picture in pictures if picture.split != "train"], seed=SPLIT_SEED
    )
    sets = PictureSets(training, tuple(selection), tuple(report))
    for part, name in ((training, "train"), (selection, "val-A"), (report, "val-B")):
        _check(part, name, class_name)
        for picture in part:
            check_size(picture.path, (picture.width, picture.height))
    return sets


def _check(part: Sequence[Picture], name: str, class_name: str) -> None:
    if not any(len(picture.boxes) for picture in part):
        raise ConfigurationError(
            f"training, selection and report each need pictures with a {class_name!r}; "
            f"{name} has none; add labelled pictures or check the splits of the data set."
        )
