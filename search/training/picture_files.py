"""Files of pictures: opened without trust, measured by their headers, hashed."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from hwprof.errors import ConfigurationError

_MOST_PIXELS = 1 << 26
_FORMATS = ("JPEG", "PNG", "BMP", "PPM", "WEBP")


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """A picture file with its header read, and its pixels not yet.

    Raises:
        ConfigurationError: it is no picture, one of more than 2^26 pixels, or decoding it inside
            the ``with`` has failed.
    """
    try:
        with (
            warnings.catch_warnings(category=Image.DecompressionBombWarning, action="error"),
            Image.open(path, formats=_FORMATS) as image,
        ):
            yield _bounded(image)
    except Exception as error:  # Pillow's decoders raise whatever they stumble over
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ConfigurationError(
            f"{str(path)!r} is no picture that training reads ({reason}); use "
            f"{', '.join(_FORMATS)} of at most {_MOST_PIXELS:,} pixels."
        ) from error


def check_size(path: Path, labelled: tuple[int, int]) -> None:
    """Compare a file's header with the (width, height) in pixels that its label says.

    Raises:
        ConfigurationError: they differ, or it is no picture.
    """
    with opened(path) as image:
        size = image.size
    if size != labelled:
        raise ConfigurationError(
            "labels have the size of their picture, or boxes would lie elsewhere; "
            f"{str(path)!r} has {size[0]} x {size[1]} pixels and is labelled "
            f"{labelled[0]} x {labelled[1]}; mend the label or exchange the file."
        )


def file_sha256(path: Path) -> bytes:
    """Hash of a file's bytes.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise ConfigurationError(
            f"{str(path)!r} cannot be read ({error.strerror}); check --data."
        ) from error


def _bounded(image: Image.Image) -> Image.Image:
    if image.width * image.height > _MOST_PIXELS:
        raise ValueError(f"it is {image.width} x {image.height}")
    return image
