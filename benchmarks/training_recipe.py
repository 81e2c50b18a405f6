"""Epochs against average precision: the seed's head on frozen features, and everything trained.

    python benchmarks/training_recipe.py --data DIR --weights FILE.pth
    python benchmarks/training_recipe.py --data DIR --weights FILE.pth --seeds 5 --epochs 10 30 120

The seed network, 256 x 320, begins with the weights; for each number of epochs its head is trained
on what the frozen backbone makes of a few windows on each picture, and for each of
``--whole-epochs`` the whole network on new windows every time, at ``--whole-rate``: what was
trained before wants smaller steps. AP50 is that of the float network on
val-A, the half of the validation pictures that searches select by, with a 95 % interval over
pictures and seeds; ``less`` is the difference from the row with the most epochs of the head, on the
same pictures. Epochs 0 are the weights as they are, whose boxes were learned at another input size.
Trainings are kept in the work folder: a run that was killed goes on, and kept ones take no time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from hwprof.errors import HwprofError
from hwprof.networks import person_detector
from hwprof.search.training.bootstrap import Matches, PrecisionSamples, paired_samples
from hwprof.search.training.boxes import Detections
from hwprof.search.training.detections import detect
from hwprof.search.training.recipe import Recipe
from hwprof.workflows.trained_detectors import TrainedDetectors, TrainingRequest
from hwprof.workspace import Workspace

SEED = person_detector()
SIZE = (256, 320)


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Trainings of one kind and length, one for each seed.

    Attributes:
        training_s: mean wall time of the steps, as it was when they were taken.
        features_s: mean wall time of what is computed before them, in this run.
    """

    trained: str
    epochs: int
    matches: tuple[Matches, ...]
    training_s: float
    features_s: float


class Table:
    """Trains and evaluates; ``options`` are the command line's."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._request = TrainingRequest(data=options.data, weights=options.weights)
        self._workspace = Workspace(options.work)
        self._frozen = TrainedDetectors(self._request, self._workspace)
        self._whole = TrainedDetectors(replace(self._request, frozen=False), self._workspace)
        self.pictures = self._frozen.pictures.selection

    def rows(self) -> Iterator[Row]:
        """One for each line of the table, the cheap ones first."""
        untrained = detect(self._frozen.seed.detector(SEED), self.pictures, SIZE)
        yield Row("nothing", 0, (self._matches(untrained),), 0, 0)
        for epochs in sorted(self._options.epochs):
            yield self._row("head", self._frozen, Recipe(epochs=epochs))
        for epochs in sorted(self._options.whole_epochs):
            recipe = Recipe(epochs=epochs, learning_rate=self._options.whole_rate)
            yield self._row("everything", self._whole, recipe)

    def _row(self, name: str, detectors: TrainedDetectors, recipe: Recipe) -> Row:
        matches, training_s, features_s = [], 0.0, 0.0
        for seed in range(self._options.seeds):
            begun = time.monotonic()
            trained = detectors.train(SEED, replace(recipe, seed=seed))
            elapsed = time.monotonic() - begun
            training_s += trained.record.seconds / self._options.seeds
            features_s += max(elapsed - trained.record.seconds, 0) / self._options.seeds
            matches.append(self._matches(detect(trained.module, self.pictures, SIZE)))
        return Row(name, recipe.epochs, tuple(matches), training_s, features_s)

    def _matches(self, found: list[Detections]) -> Matches:
        return Matches.of(self.pictures, found)


def line(row: Row, samples: PrecisionSamples, reference: PrecisionSamples) -> str:
    """A row of the table."""
    precision, less = samples.interval(), reference.less(samples)
    resolved = "" if less.is_resolvable else "  not resolvable"
    if samples is reference:
        difference = "reference"
    else:
        difference = f"{less.value:+.4f} [{less.low:+.4f}, {less.high:+.4f}]{resolved}"
    return (
        f"{row.trained:<10} {row.epochs:6}  {precision.value:.4f} [{precision.low:.4f}, "
        f"{precision.high:.4f}]  {row.training_s:7.1f} {row.features_s:10.1f}  {difference}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, nargs="+", default=[3, 10, 30])
    parser.add_argument("--whole-epochs", type=int, nargs="*", default=[5])
    parser.add_argument("--whole-rate", type=float, default=3e-4, help="learning rate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("build/training_recipe"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    try:
        table = Table(options)
        rows = list(table.rows())
        print(f"val-A: {len(table.pictures)} pictures, {options.seeds} seed(s)")
        print("trained    epochs  AP50 [95 % interval]        train s features s  less")
        samples = paired_samples([row.matches for row in rows])
        reference = samples[len(options.epochs)]
        for row, each in zip(rows, samples, strict=True):
            print(line(row, each, reference))
    except HwprofError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
