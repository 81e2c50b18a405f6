"""A report's trainings that diverge count, and do not end it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from hwprof.networks import person_detector
from hwprof.search.design import Design
from hwprof.search.training.recipe import Recipe
from hwprof.search.training.trainer import DivergedError
from hwprof.testing.pictures import draw_coco_set
from hwprof.workflows.search_outcome._trainings import Trainings
from hwprof.workflows.search_outcome._words import diverged_words
from hwprof.workflows.trained_detectors import TrainedDetectors, TrainingRequest
from hwprof.workspace import Workspace

DESIGN = Design(person_detector(k=2, g=4, c=24, width=224, aspect=0.5625))


@pytest.fixture
def detectors(tmp_path):
    """Detectors on drawn pictures."""
    data = draw_coco_set(tmp_path / "data", train=6, val=8)
    request = TrainingRequest(data=data, weights=None, recipe=Recipe(epochs=1, batch=4))
    return TrainedDetectors(request, Workspace(tmp_path / "work"))


def test_a_design_whose_every_training_diverges_is_refused(detectors, monkeypatch):
    """There is no network to run; the sentence is the training's."""

    def train(architecture, recipe):
        raise DivergedError(f"seed {recipe.seed} diverged")

    monkeypatch.setattr(detectors, "train", train)
    with pytest.raises(DivergedError, match="seed 2 diverged"):
        Trainings(detectors, "tflite", (1, 2)).of(DESIGN, lambda _: None)


def test_a_training_that_diverges_finds_nothing(detectors, monkeypatch):
    """Its average precision is 0, the row rests on the others, and a note names its seed."""
    trainings = Trainings(detectors, "tflite", (1, 2))
    kept = SimpleNamespace(seed=2)
    found = trainings._nothing()

    def one(design, recipe):
        if recipe.seed == 1:
            raise DivergedError("diverged")
        return kept, replace(found)

    monkeypatch.setattr(trainings, "_one", one)
    told = []
    trained = trainings.of(DESIGN, told.append)
    assert (trained.first, trained.diverged, told) == (kept, (1,), [1, 1])
    assert [one.ap50() for one in trained.of_int8] == [0.0, 0.0]
    assert len(trained.of_float) == 2
    assert "winner 1 with seeds 1 diverged" in diverged_words("winner 1", trained.diverged)
