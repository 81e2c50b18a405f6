"""Trains a design several times and says what each training finds on the report's pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hwprof.search.design import Design
from hwprof.search.training.bootstrap import Matches
from hwprof.search.training.boxes import Detections
from hwprof.search.training.recipe import Recipe
from hwprof.search.training.trainer import DivergedError
from hwprof.workflows.detector_accuracy import DetectorAccuracy, Found
from hwprof.workflows.search_outcome._found_files import keep_found, read_found
from hwprof.workflows.trained_detectors import TrainedDetector, TrainedDetectors
from hwprof.workflows.training_store import value_name


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A design's trainings.

    Attributes:
        first: the training whose weights are written, drawn and run on the board.
        found: by that training, on each picture.
        of_float, of_int8: of every training; one that diverged finds nothing.
        diverged: seeds of those that did.
    """

    first: TrainedDetector
    found: Found
    of_float: tuple[Matches, ...]
    of_int8: tuple[Matches, ...]
    diverged: tuple[int, ...] = ()


class Trainings:
    """Trainings of one request; what is finished is found again.

    Args:
        seeds: of the trainings; the search's own are not among them, because a detector that was
            chosen for one lucky training would take its luck along.
    """

    def __init__(self, detectors: TrainedDetectors, scheme: str, seeds: tuple[int, ...]) -> None:
        self.detectors = detectors
        self.seeds = seeds
        self._scheme = scheme
        sets = detectors.pictures
        self._pictures = sets.report
        self.accuracy = DetectorAccuracy(sets.report, sets.training, scheme)

    def of(self, design: Design, advance: Callable[[int], None]) -> Trained:
        """All trainings of a design; ``advance`` is told of each.

        Raises:
            DivergedError: all of them did.
            ConfigurationError, StoreError: it cannot be trained, or nothing can be written.
        """
        recipe = design.recipe or self.detectors.request.recipe
        trainings, diverged = [], []
        for seed in self.seeds:
            try:
                trainings.append(self._one(design, replace(recipe, seed=seed)))
            except DivergedError:
                diverged.append(seed)
                if len(diverged) == len(self.seeds):
                    raise
            advance(1)
        detector, found = trainings[0]
        all_found = [one for _, one in trainings] + [self._nothing()] * len(diverged)
        return Trained(
            first=detector,
            found=found,
            of_float=tuple(Matches.of(self._pictures, one.of_float) for one in all_found),
            of_int8=tuple(Matches.of(self._pictures, one.of_int8) for one in all_found),
            diverged=tuple(diverged),
        )

    def _nothing(self) -> Found:
        """What a detector without weights finds."""
        nothing = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
        return Found((nothing,) * len(self._pictures), (nothing,) * len(self._pictures))

    def _one(self, design: Design, recipe: Recipe) -> tuple[TrainedDetector, Found]:
        detector = self.detectors.train(design.architecture, recipe)
        name = f"{value_name('report', self._scheme)}.npz"
        path = self.detectors.store.folder(detector.key) / name
        found = read_found(path, len(self._pictures))
        if found is None:
            found = self.accuracy.found(detector)
            keep_found(found, path)
        return detector, found
