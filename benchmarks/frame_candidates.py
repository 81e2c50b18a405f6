"""How many cells of a detector are above the threshold on real pictures, and how many boxes stay.

    python benchmarks/frame_candidates.py --data DIR --weights FILE

DIR is a COCO or VOC folder, FILE FastestDet's own weights (github.com/dog-qiuqiu/FastestDet).
What ``hwprof frame`` takes for a typical picture. Pictures are those that a search may look at:
training and val-A. Needs the extra hwprof[train].
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hwprof.errors import HwprofError
from hwprof.networks.person_detector import person_detector
from hwprof.search.training.boxes import decode, suppress
from hwprof.search.training.requirement import require_training
from hwprof.workflows.frame_scenes import LEAST_SCORE

TRAINED_SIDE = 352  # of the published weights


@dataclass(frozen=True, slots=True)
class Candidates:
    """Counts at the median, the 90th percentile and the most, over pictures.

    Attributes:
        cells: of the grid.
        lowest, highest: value of any map.
    """

    pictures: int
    cells: int
    candidates: tuple[float, float, float]
    kept: tuple[float, float, float]
    lowest: float
    highest: float


def count(data: Path, weights: Path, class_name: str) -> Candidates:
    """Run the seed detector on each picture, in floating point."""
    import torch

    from hwprof.search.training.images import as_input, read_pixels, stretched
    from hwprof.search.training.seed import SeedNetwork
    from hwprof.search.training.sets import picture_sets

    seed = person_detector()
    ((height, width, _),) = (shape for _, shape in seed.inputs)
    network = SeedNetwork.read(weights).detector(seed).eval()
    sets = picture_sets(data, class_name)
    maps = []
    with torch.no_grad():
        for picture in (*sets.training, *sets.selection):
            pixels = stretched(read_pixels(picture.path), height, width)
            maps.append(network(as_input(pixels).unsqueeze(0))[0].numpy())
    canvas = (TRAINED_SIDE / width, TRAINED_SIDE / height)
    found = [decode(values, canvas=canvas, least_score=LEAST_SCORE) for values in maps]
    return Candidates(
        pictures=len(maps),
        cells=maps[0][0].size,
        candidates=_spread([len(one.scores) for one in found]),
        kept=_spread([len(suppress(one).scores) for one in found]),
        lowest=float(min(values.min() for values in maps)),
        highest=float(max(values.max() for values in maps)),
    )


def _spread(counts: list[int]) -> tuple[float, float, float]:
    median, ninth, most = (float(q) for q in np.percentile(counts, (50, 90, 100)))
    return median, ninth, most


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--weights", type=Path, required=True, metavar="FILE")
    parser.add_argument("--class", dest="class_name", default="person")
    options = parser.parse_args()
    try:
        require_training()
        found = count(options.data, options.weights, options.class_name)
    except HwprofError as error:
        parser.error(str(error))
    print(json.dumps(asdict(found), indent=2))


if __name__ == "__main__":
    main()
