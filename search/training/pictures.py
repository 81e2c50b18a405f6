"""One labelled picture, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwprof.errors import ConfigurationError
from hwprof.search.training.boxes import Floats

SPLITS = ("train", "val")
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
    crowd: npt.NDArray[np.bool_]
    split: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """A box as a file has it: left, top, right, bottom in pixels, which may be wrong."""

    corners: tuple[float, float, float, float]
    is_crowd: bool


def labelled(
    path: Path, size: tuple[int, int], labels: Sequence[Label], *, split: str = ""
) -> Picture:
    """A picture of ``size`` (width, height) in pixels.

    Raises:
        ConfigurationError: a side that no picture has, or a box outside the picture.
    """
    width, height = size
    if width not in _SIDES or height not in _SIDES:
        raise ConfigurationError(
            f"sides of a picture are {_SIDES[0]} to {_SIDES[-1]} pixels; {path.name} is labelled "
            f"{width} x {height}; mend the label."
        )
    boxes = np.array([label.corners for label in labels], np.float64).reshape(-1, 4)
    limits = np.array([width, height, width, height], np.float64)
    # Boxes written with two decimals may end a fraction of a pixel outside.
    legal = (np.isfinite(boxes) & (boxes >= -1) & (boxes <= limits + 1)).all(axis=1)
    boxes_inside = np.clip(boxes, 0, limits)
    legal &= (boxes_inside[:, 2:] > boxes_inside[:, :2]).all(axis=1)
    if not legal.all():
        left, top, right, bottom = boxes[~legal][0]
        raise ConfigurationError(
            f"boxes lie inside their picture; {path.name} is {width} x {height} and has one from "
            f"({left:g}, {top:g}) to ({right:g}, {bottom:g}); mend the label."
        )
    crowd = np.array([label.is_crowd for label in labels], np.bool_)
    return Picture(path, width, height, boxes_inside.astype(np.float32), crowd, split)
