"""Boxes on a picture: what was labelled, and what a detector found with which score."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the picture."""

LABELLED, FOUND = (0, 158, 115), (230, 90, 0)  # green and orange that differ in any colour vision
LONGEST_SIDE = 480
_MOST_PIXELS = 1 << 26
_QUALITY = 82
_CASING = (255, 255, 255)
_MOST_BOXES = 50


@dataclass(frozen=True, slots=True)
class ScoredBox:
    """One box that a detector found, and its score between 0 and 1."""

    box: Box
    score: float


def draw(
    picture: Path,
    labelled: Sequence[Box],
    found: Sequence[ScoredBox],
    *,
    longest_side: int = LONGEST_SIDE,
) -> bytes:
    """A picture as JPEG, its labelled boxes green within white, found ones orange.

    Args:
        picture: a file that Pillow reads; scaled down so that no side is above ``longest_side``.
        found: drawn in their order up to fifty, the score at the upper edge.

    Raises:
        ConfigurationError: the file is no picture, or one of more than 2^26 pixels.
    """
    from PIL import ImageDraw

    image = _opened(picture)
    image.thumbnail((longest_side, longest_side))
    canvas = ImageDraw.Draw(image)
    for box in labelled:
        corners = _pixels(box, image.size)
        canvas.rectangle(corners, outline=_CASING, width=4)
        canvas.rectangle(corners, outline=LABELLED, width=2)
    for one in found[:_MOST_BOXES]:
        corners = _pixels(one.box, image.size)
        canvas.rectangle(corners, outline=FOUND, width=2)
        _tag(canvas, corners, f"{one.score:.2f}")
    data = io.BytesIO()
    # Chroma in full: thin lines keep their colour.
    image.save(data, "JPEG", quality=_QUALITY, subsampling=0, optimize=True)
    return data.getvalue()


def _opened(picture: Path) -> Image.Image:
    from PIL import Image

    try:
        with Image.open(picture) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise ConfigurationError(
                    f"a picture has at most {_MOST_PIXELS:,} pixels; {picture.name} is "
                    f"{image.width} x {image.height}; scale it down."
                )
            return image.convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ConfigurationError(f"{str(picture)!r} is no picture ({error}).") from error


def _pixels(box: Box, size: tuple[int, int]) -> Box:
    """Corners in pixels, inside the picture and in order."""
    width, height = size
    left, right = (min(max(side, 0.0), 1.0) * (width - 1) for side in (box[0], box[2]))
    top, bottom = (min(max(side, 0.0), 1.0) * (height - 1) for side in (box[1], box[3]))
    return left, top, max(left, right), max(top, bottom)


def _tag(canvas: ImageDraw.ImageDraw, corners: Box, text: str) -> None:
    """A score on a patch of the box's colour, above the box or, at the upper edge, inside it."""
    _, _, width, height = canvas.textbbox((0, 0), text)
    left = corners[0]
    top = corners[1] - height - 4 if corners[1] >= height + 4 else corners[1]
    canvas.rectangle((left, top, left + width + 5, top + height + 4), fill=FOUND)
    canvas.text((left + 3, top + 1), text, fill=_CASING)
