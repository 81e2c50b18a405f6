"""The firmware images that ship with the package, as ``images/manifest.json`` describes them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from hwprof.errors import ArtefactError, UnknownNameError

IMAGES = Path(__file__).parent / "images"
BOARD = "rt1170"  # that every image is linked for
FRAME_PARTS = "frame-parts.elf"  # the parts of a frame beside the network, firmware_stub/frame


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image.

    Attributes:
        kernels: name of its kernel library.
        firmware_id: what the image calls itself in HELLO: the first 16 hexadecimal digits of the
            hash of its sources.
        sha256: hash of the image file.
        flash_file, flash_sha256: the same firmware behind boot headers, to be written to flash.
        kernels_sha256: hash of the sources of its kernels and of the flags they are built with.
        code_bytes, constant_data_bytes: sections that a board keeps in flash or copies to RAM.
        zeroed_data_bytes, stack_bytes: RAM of the firmware itself.
    """

    file: str
    kernels: str
    firmware_id: str
    sha256: str
    flash_file: str
    flash_sha256: str
    kernels_sha256: str
    code_bytes: int
    constant_data_bytes: int
    zeroed_data_bytes: int
    stack_bytes: int

    @property
    def name(self) -> str:
        """What users call it: ``rt1170-simd``."""
        return f"{BOARD}-{self.kernels}"

    @property
    def path(self) -> Path:
        """Where the image lies."""
        return IMAGES / self.file

    @property
    def flash_path(self) -> Path:
        """Where the image for the flash lies."""
        return IMAGES / self.flash_file


@cache
def images() -> tuple[ImageRecord, ...]:
    """Every image that ships.

    Raises:
        ArtefactError: the manifest is missing or is none.
    """
    try:
        entries = json.loads((IMAGES / "manifest.json").read_text())["images"]
        names = [field.name for field in fields(ImageRecord)]
        return tuple(ImageRecord(**{name: entry[name] for name in names}) for entry in entries)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(
            f"{IMAGES / 'manifest.json'} is no image manifest ({error}); run `make firmware`."
        ) from error


def find_image(firmware_id: str) -> ImageRecord | None:
    """The image that calls itself ``firmware_id``, None for a foreign one."""
    return next((image for image in images() if image.firmware_id == firmware_id), None)


def image_of(kernels: str) -> ImageRecord:
    """The image that carries a kernel library.

    Raises:
        UnknownNameError: no image has a library of that name; the message names those there are.
        ArtefactError: the manifest is missing or is none.
    """
    by_library = {image.kernels: image for image in images()}
    if kernels not in by_library:
        raise UnknownNameError("kernel library", kernels, by_library)
    return by_library[kernels]


def image_named(name: str) -> ImageRecord:
    """The image that users call ``name``.

    Raises:
        UnknownNameError: there is none; the message names those there are.
        ArtefactError: the manifest is missing or is none.
    """
    by_name = {image.name: image for image in images()}
    if name not in by_name:
        raise UnknownNameError("image", name, by_name)
    return by_name[name]


def object_path(file: str) -> Path:
    """Where a relocatable object that ships lies.

    Raises:
        ArtefactError: it is missing, or is not the one that the manifest describes.
    """
    try:
        entries = json.loads((IMAGES / "manifest.json").read_text())["objects"]
        expected = {entry["file"]: entry["sha256"] for entry in entries}
        if hashlib.sha256((IMAGES / file).read_bytes()).hexdigest() == expected[file]:
            return IMAGES / file
        reason = "its hash is another one"
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error)
    raise ArtefactError(
        f"{IMAGES / file} is not what {IMAGES / 'manifest.json'} describes ({reason}); run "
        "`make firmware`."
    )
