"""A data set that tests draw, and a network small enough to train on it."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

import pytest
import torch
from PIL import Image

from hwprof.blocks import GraphBuilder
from hwprof.graph import Activation, Concat, Conv2d, Pads, Softmax, Unary, UnaryFunction
from hwprof.search.training.module import GraphModule
from hwprof.testing.pictures import draw_coco_set

SIZE = (64, 96)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Tests share a machine; sums of several threads would round differently."""
    torch.set_num_threads(1)


@pytest.fixture
def coco_folder(tmp_path):
    """Draws 2 + 2 pictures; ``change`` edits COCO's document before it is written."""

    def make(change=lambda _document: None):
        root = draw_coco_set(tmp_path / "coco", train=2, val=2, size=SIZE)
        file = root / "annotations.json"
        document = json.loads(file.read_text(encoding="utf-8"))
        change(document)
        file.write_text(json.dumps(document), encoding="utf-8")
        return root

    return make


def voc_object(name="person", corners=(11, 21, 40, 60), difficult=0):
    """One object of a VOC annotation, its corners counted from 1."""
    sides = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    box = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
    return (
        f"<object><name>{escape(name)}</name><difficult>{difficult}</difficult>"
        f"<bndbox>{box}</bndbox></object>"
    )


@pytest.fixture
def voc_folder(tmp_path):
    """Draws pictures and writes what ``annotations`` says inside each ``<annotation>``."""

    def make(*annotations: str, head=""):
        root = tmp_path / "voc"
        for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
            (root / folder).mkdir(parents=True)
        for number, inner in enumerate(annotations):
            Image.new("RGB", SIZE[::-1]).save(root / "JPEGImages" / f"{number:04d}.jpg")
            size = f"<size><width>{SIZE[1]}</width><height>{SIZE[0]}</height></size>"
            text = f"{head}<annotation><filename>{number:04d}.jpg</filename>{size}{inner}"
            file = root / "Annotations" / f"{number:04d}.xml"
            file.write_text(f"{text}</annotation>", encoding="utf-8")
        return root

    return make


@pytest.fixture
def tiny_detector():
    """Makes a one-class detector of four convolutions, its map at a sixteenth of the picture."""

    def make(size=SIZE, channels=8, seed=0):
        builder = GraphBuilder()
        tensor = builder.input("image", (*size, 3))
        for number in range(4):
            tensor = builder.add("backbone", f"conv{number}", _halving(channels * 2), tensor)
        maps = [
            builder.add("head", name, Conv2d(kernel_h=1, kernel_w=1, out_channels=n), tensor)
            for name, n in (("obj", 1), ("reg", 4), ("cls", 1))
        ]
        maps[0] = builder.add("head", "sigmoid", Unary(function=UnaryFunction.SIGMOID), maps[0])
        maps[2] = builder.add("head", "softmax", Softmax(), maps[2])
        graph = builder.finish("tiny", [builder.add("head", "out", Concat(), *maps)])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return GraphModule(graph)

    return make


def _halving(channels):
    return Conv2d(
        kernel_h=3,
        kernel_w=3,
        stride_h=2,
        stride_w=2,
        pads=Pads(1, 1, 1, 1),
        out_channels=channels,
        activation=Activation.RELU,
    )
