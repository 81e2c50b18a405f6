"""Pictures that the tests draw, and networks small enough to train on them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image

from hwprof.blocks import GraphBuilder
from hwprof.graph import Activation, Concat, Conv2d, Pads, Softmax, Unary, UnaryFunction

PICTURE_W, PICTURE_H = 80, 64


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Tests share a machine; sums of several threads would round differently."""
    torch.set_num_threads(1)


@dataclass(frozen=True)
class Scene:
    """Bright rectangles on grey: pixels (h, w, 3), boxes (left, top, right, bottom)."""

    pixels: np.ndarray
    boxes: list[tuple[int, int, int, int]]


def draw_scene(seed, *, count=1, size=(PICTURE_H, PICTURE_W)) -> Scene:
    """Noise around 60 and rectangles of 230, a third to a half of the sides, anywhere inside."""
    rng = np.random.default_rng(seed)
    height, width = size
    pixels = rng.integers(50, 70, (height, width, 3), dtype=np.uint8)
    boxes = []
    for _ in range(count):
        w, h = (int(rng.integers(side // 3, side // 2)) for side in (width, height))
        left, top = int(rng.integers(width - w)), int(rng.integers(height - h))
        pixels[top : top + h, left : left + w] = 230
        boxes.append((left, top, left + w, top + h))
    return Scene(pixels, boxes)


def coco_document(scenes, *, class_name="person"):
    """What a COCO file says of scenes that are stored as 0.png, 1.png, ..."""
    images = [
        {"id": n, "file_name": f"{n}.png", "width": s.pixels.shape[1], "height": s.pixels.shape[0]}
        for n, s in enumerate(scenes)
    ]
    annotations = [
        {
            "id": 1000 * n + k,
            "image_id": n,
            "category_id": 7,
            "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
            "iscrowd": 0,
        }
        for n, scene in enumerate(scenes)
        for k, box in enumerate(scene.boxes)
    ]
    categories = [{"id": 7, "name": class_name}, {"id": 8, "name": "dog"}]
    return {"images": images, "annotations": annotations, "categories": categories}


@pytest.fixture
def coco_folder(tmp_path):
    """Makes a COCO folder of scenes; ``change`` edits the document before it is written."""

    def make(scenes, change=lambda _document: None):
        root = tmp_path / "coco"
        (root / "images").mkdir(parents=True)
        for number, scene in enumerate(scenes):
            Image.fromarray(scene.pixels).save(root / "images" / f"{number}.png")
        document = coco_document(scenes)
        change(document)
        (root / "annotations.json").write_text(json.dumps(document), encoding="utf-8")
        return root

    return make


def tiny_detector(size=(PICTURE_H, PICTURE_W), channels=8):
    """A detector of one class in four convolutions, its map at a sixteenth of the picture."""
    builder = GraphBuilder()
    tensor = builder.input("image", (*size, 3))
    for number in range(4):
        op = Conv2d(
            kernel_h=3,
            kernel_w=3,
            stride_h=2,
            stride_w=2,
            pads=Pads(1, 1, 1, 1),
            out_channels=channels * (1 + number),
            activation=Activation.RELU,
        )
        tensor = builder.add("backbone", f"conv{number}", op, tensor)
    maps = [
        builder.add("head", name, Conv2d(kernel_h=1, kernel_w=1, out_channels=n), tensor)
        for name, n in (("obj", 1), ("reg", 4), ("cls", 1))
    ]
    maps[0] = builder.add("head", "sigmoid", Unary(function=UnaryFunction.SIGMOID), maps[0])
    maps[2] = builder.add("head", "softmax", Softmax(), maps[2])
    return builder.finish("tiny", [builder.add("head", "out", Concat(), *maps)])
