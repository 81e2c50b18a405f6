"""Average precision of the public FastestDet weights by our network, decoder and evaluation.

    python benchmarks/detector_accuracy.py --data DIR --weights FILE.pth

``--data`` is a COCO or PASCAL VOC folder, of whose pictures those of ``--split`` are looked at;
``--weights`` are the published state dictionary of 80 classes, the first of which is a person.
Sizes of boxes were learned on 352 x 352; at another input decoded widths and heights are multiplied
by 352 over its sides. Also without that correction, and with one class as detectors of the search
have it: its softmax is 1, so objectness alone ranks boxes, of whatever class.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from hwprof.errors import HwprofError
from hwprof.networks import fastestdet
from hwprof.search.training.checkpoints import load_fastestdet, read_state
from hwprof.search.training.data import Picture, read_pictures
from hwprof.search.training.detections import detect
from hwprof.search.training.evaluation import average_precision
from hwprof.search.training.module import GraphModule

TRAINED_AT = 352
SIZES = ((352, 352), (256, 320))


@dataclass(frozen=True, slots=True)
class Case:
    """A network and how it is looked through; ``size`` is (height, width) in pixels."""

    size: tuple[int, int]
    classes: int = 80
    is_corrected: bool = True

    @property
    def canvas(self) -> tuple[float, float]:
        """Factors on width and height of the boxes."""
        height, width = self.size
        return (TRAINED_AT / width, TRAINED_AT / height) if self.is_corrected else (1.0, 1.0)


def cases() -> Iterator[Case]:
    """Each size as published, without the correction where it does something, and of one class."""
    for size in SIZES:
        case = Case(size)
        yield case
        if case.canvas != (1.0, 1.0):
            yield replace(case, is_corrected=False)
        yield replace(case, classes=1)


def line(case: Case, state: Mapping[str, Any], pictures: list[Picture]) -> str:
    """A row of the table."""
    height, width = case.size
    module = GraphModule(fastestdet(height=height, width=width, classes=case.classes).graph())
    load_fastestdet(module, state)
    begun = time.perf_counter()
    found = detect(module, pictures, case.size, canvas=case.canvas)
    seconds = time.perf_counter() - begun
    precision = average_precision(pictures, found)
    corrected = "yes" if case.is_corrected else "no"
    return (
        f"{height} x {width:<6} {case.classes:7} {corrected:>9} {precision.ap50:7.4f} "
        f"{precision.ap:7.4f} {seconds:8.1f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--class-name", default="person")
    parser.add_argument("--split", default="val")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    try:
        state = read_state(options.weights)
        pictures = [
            p for p in read_pictures(options.data, options.class_name) if p.split == options.split
        ]
        boxes = sum(len(picture.boxes) for picture in pictures)
        print(f"{len(pictures)} pictures of {options.split!r}, {boxes} of {options.class_name!r}")
        print("h x w      classes corrected    AP50      AP  seconds")
        for case in cases():
            print(line(case, state, pictures), flush=True)
    except HwprofError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
