"""Labelled pictures that tests draw themselves: figures of a head and a body before noise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Box = tuple[int, int, int, int]


def draw_coco_set(
    folder: Path, *, train: int = 8, val: int = 8, size: tuple[int, int] = (96, 128), seed: int = 0
) -> Path:
    """Write a COCO data set of the class ``person`` and return its folder.

    Args:
        train, val: pictures of each split; every fifth has nobody on it.
        size: (height, width) in pixels.
    """
    generator = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, split in enumerate(["train"] * train + ["val"] * val):
        name = f"{split}{number:03d}.png"
        count = 0 if number % 5 == 4 else int(generator.integers(1, 4))
        pixels, boxes = draw_people(size, count, generator)
        Image.fromarray(pixels).save(folder / "images" / name)
        entry = {"id": number, "file_name": name, "width": size[1], "height": size[0]}
        images.append(entry | {"split": split})
        annotations += [
            {"id": len(annotations) + at, "image_id": number, "category_id": 1, "iscrowd": 0}
            | {"bbox": [left, top, right - left, bottom - top]}
            for at, (left, top, right, bottom) in enumerate(boxes, start=1)
        ]
    document = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}],
    }
    (folder / "annotations.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def draw_people(
    size: tuple[int, int], count: int, generator: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], list[Box]]:
    """A picture (height, width, 3) of so many figures, and the box of each."""
    height, width = size
    noise = generator.integers(40, 120, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    canvas = ImageDraw.Draw(image)
    boxes = []
    for _ in range(count):
        tall = int(generator.integers(height // 3, height * 3 // 4))
        wide = max(tall // 3, 4)
        left = int(generator.integers(0, width - wide))
        top = int(generator.integers(0, height - tall))
        box = (left, top, left + wide, top + tall)
        neck = top + tall // 4
        canvas.ellipse((left + wide // 4, top, left + wide * 3 // 4, neck), fill=(230, 190, 160))
        canvas.rectangle((left, neck, left + wide - 1, top + tall - 1), fill=(200, 30, 30))
        boxes.append(box)
    return np.asarray(image), boxes
