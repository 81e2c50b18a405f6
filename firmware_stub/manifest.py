"""The firmware images that ship with the package, as ``images/manifest.json`` describes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hwprof.errors import ArtefactError

IMAGES = Path(__file__).parent / "images"


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image.

    Attributes:
        firmware_id: what the image calls itself in HELLO: the first 16 hexadecimal digits of the
            hash of its sources.
        sha256: hash of the image file.
        kernels_sha256: hash of the sources of its kernels and of the flags they are built with.
    """

    file: str
    firmware_id: str
    sha256: str
    kernels_sha256: str

    @property
    def path(self) -> Path:
        """Where the image lies."""
        return IMAGES / self.file


@cache
def images() -> tuple[ImageRecord, ...]:
    """Every image that ships.

    Raises:
        ArtefactError: the manifest is missing or is none.
    """
    try:
        entries = json.loads((IMAGES / "manifest.json").read_text())["images"]
        return tuple(
            ImageRecord(e["file"], e["firmware_id"], e["sha256"], e["kernels_sha256"])
            for e in entries
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(
            f"{IMAGES / 'manifest.json'} is no image manifest ({error}); run `make firmware`."
        ) from error


def find_image(firmware_id: str) -> ImageRecord | None:
    """The image that calls itself ``firmware_id``, None for a foreign one."""
    return next((image for image in images() if image.firmware_id == firmware_id), None)
