"""Task estimators that train: their score is the precision of the int8 network on val-A."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hwprof.edits import Channels
from hwprof.errors import UnknownNameError
from hwprof.networks import person_detector
from hwprof.search.design import Design
from hwprof.search.spaces import Choice, EditAxis, EditedNetwork
from hwprof.search.training.boxes import decode, suppress
from hwprof.search.training.evaluation import average_precision
from hwprof.search.training.images import as_input, read_pixels, stretched
from hwprof.search.training.recipe import Recipe
from hwprof.search.training.seed import fresh
from hwprof.search.training.threads import one_thread
from hwprof.testing.pictures import draw_coco_set
from hwprof.workflows.detector_accuracy import DetectorAccuracy
from hwprof.workflows.int8_accuracy import Int8Detector
from hwprof.workflows.trained_detectors import TrainedDetectors, TrainingRequest
from hwprof.workflows.trained_tasks import EFFORTS, TrainedTask
from hwprof.workspace import Workspace

SMALL = person_detector(k=3, g=2, c=24, width=224, aspect=0.5625)
OTHER = person_detector(k=2, g=1, c=24, width=224, aspect=0.5625)
RECIPE = Recipe(epochs=10, batch=4, learning_rate=5e-3, averaging=0.5)


@pytest.fixture(scope="module")
def detectors(tmp_path_factory):
    """Detectors on twelve drawn pictures, from random weights."""
    folder = tmp_path_factory.mktemp("tasks")
    data = draw_coco_set(folder / "data", train=6, val=6)
    torch.save(fresh(person_detector(), seed=3).state_dict(), folder / "seed.pt")
    request = TrainingRequest(data=data, weights=folder / "seed.pt", recipe=RECIPE, views=2)
    return TrainedDetectors(request, Workspace(folder / "work"))


def test_precision_is_that_of_the_whole_network_in_float_and_in_int8(detectors):
    """What is cached of the backbone changes nothing."""
    trained = detectors.train(SMALL)
    sets = detectors.pictures
    accuracy = DetectorAccuracy(sets.selection, sets.training)
    found = accuracy.found(trained)
    size = SMALL.inputs[0][1][:2]
    pixels = [stretched(read_pixels(p.path), *size) for p in sets.selection]
    with torch.no_grad(), one_thread():
        maps = trained.module(torch.stack([as_input(each) for each in pixels])).numpy()
    for got, expected in zip(found.of_float, maps, strict=True):
        assert got.scores == pytest.approx(suppress(decode(expected)).scores, rel=1e-4)
    samples = [
        as_input(stretched(read_pixels(p.path), *size)).permute(1, 2, 0).numpy()
        for p in sets.training
    ]
    whole = Int8Detector(trained.graph, samples).outputs(each.numpy() for each in pixels)
    for got, expected in zip(found.of_int8, whole, strict=True):
        assert (got.boxes == suppress(decode(expected)).boxes).all()
    expected = average_precision(sets.selection, found.of_int8).ap50
    assert accuracy.accuracy(trained).ap50_int8 == expected


@pytest.mark.parametrize("name", EFFORTS)
def test_each_estimator_trains_as_far_as_it_says(detectors, name):
    """The score is the int8 precision, and the details say how it came about."""
    task = TrainedTask(name, detectors)
    judgement = task.judge(Design(SMALL))
    assert judgement.score == judgement.details["ap50_int8"]
    assert judgement.details["epochs"] == {"full-training": 10}.get(name, 2)
    assert name in task.estimator().name
    assert task.judge(Design(SMALL)).score == judgement.score


def test_a_recipe_of_the_space_is_what_is_trained(detectors):
    """Epochs of a design are those of its recipe, cut to the effort."""
    task = TrainedTask("full-training", detectors)
    judgement = task.judge(Design(OTHER, replace(RECIPE, epochs=3, optimiser="sgd")))
    assert judgement.details["epochs"] == 3


def test_an_edited_head_is_trained_and_scored(detectors):
    """A space in a file may narrow the pyramid, whose layers are then blocks of their own."""
    narrow = Choice("narrow", (Channels(("spp/in", "spp/out"), (48,)),))
    axes = [EditAxis("pyramid", (Choice("as it is"), narrow))]
    network = person_detector(width=224, aspect=0.5625)
    design = Design(EditedNetwork("edited", network, axes).architecture((1,)))
    judgement = TrainedTask("early-stopping", detectors).judge(design)
    trained = detectors.train(design.architecture, replace(RECIPE, epochs=2))
    assert judgement.details["training"] == trained.key.slug
    assert trained.record.losses[-1] < trained.record.losses[0]
    assert 0 <= judgement.score <= 1


def test_a_training_that_diverges_scores_nothing(detectors):
    """A search over learning rates goes on behind one that was too high."""
    judgement = TrainedTask("full-training", detectors).judge(
        Design(OTHER, replace(RECIPE, learning_rate=1e30))
    )
    assert judgement.score == 0
    assert "diverged" in judgement.details
    assert judgement.details["training_s"] > 0


def test_values_are_found_again_without_training(detectors):
    """Another process takes training and precision from the workspace."""
    first = TrainedTask("early-stopping", detectors).judge(Design(OTHER))
    again = TrainedDetectors(detectors.request, Workspace(detectors.store.root.parent))
    second = TrainedTask("early-stopping", again).judge(Design(OTHER))
    assert second.score == first.score
    assert second.details["training_s"] == first.details["training_s"]
    assert not again._views


def test_an_unknown_estimator_suggests_one(detectors):
    """The nearest name is in the sentence."""
    with pytest.raises(UnknownNameError, match="early-stopping"):
        TrainedTask("early-stoping", detectors)


def test_nothing_is_trained_or_evaluated_by_several_threads(detectors, tmp_path):
    """They add up in another order, and an int8 network makes whole steps of the difference."""
    brief = replace(detectors.request, recipe=replace(RECIPE, epochs=1))
    detectors = TrainedDetectors(brief, Workspace(tmp_path))
    sets = detectors.pictures
    seen: set[int] = set()
    hook = torch.nn.modules.module.register_module_forward_hook(
        lambda *_: seen.add(torch.get_num_threads())
    )
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        trained = detectors.train(SMALL)
        DetectorAccuracy(sets.selection, sets.training).accuracy(trained)
        assert torch.get_num_threads() == 3
    finally:
        hook.remove()
        torch.set_num_threads(before)
    assert seen == {1}
