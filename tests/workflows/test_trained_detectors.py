"""Detectors of a search are trained by one rule, each of them once."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from hwprof.edits import Kernel
from hwprof.errors import ConfigurationError, StoreError
from hwprof.networks import mobilenet_v1, person_detector
from hwprof.search.spaces import Choice, EditAxis, EditedNetwork
from hwprof.search.training.parts import divide
from hwprof.search.training.recipe import Recipe
from hwprof.search.training.seed import SeedNetwork, fresh
from hwprof.search.training.sets import picture_sets
from hwprof.search.training.trainer import DivergedError
from hwprof.testing.pictures import draw_coco_set
from hwprof.workflows import trained_detectors
from hwprof.workflows.trained_detectors import TrainedDetectors, TrainingRequest
from hwprof.workflows.training_store import Divergence
from hwprof.workspace import Workspace

SMALL = person_detector(k=3, g=2, c=24, width=224, aspect=0.5625)
RECIPE = Recipe(epochs=2, batch=4, learning_rate=1e-3, averaging=0.5)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Twelve drawn pictures of people."""
    return draw_coco_set(tmp_path_factory.mktemp("pictures"), train=6, val=6)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights of the seed network."""
    path = tmp_path_factory.mktemp("weights") / "seed.pt"
    torch.save(fresh(person_detector(), seed=3).state_dict(), path)
    return path


@pytest.fixture
def request_(data, weights):
    """Two epochs on two windows."""
    return TrainingRequest(data=data, weights=weights, recipe=RECIPE, views=2)


@pytest.fixture
def detectors(request_, tmp_path):
    """An empty workspace."""
    return TrainedDetectors(request_, Workspace(tmp_path / "work"))


def test_a_trained_detector_has_the_seeds_backbone_and_a_head_that_learned(detectors, weights):
    """A trained detector has the seeds backbone and a head that learned."""
    trained = detectors.train(SMALL)
    seed = SeedNetwork.read(weights)
    backbone = seed.backbone(divide(SMALL).backbone)
    untrained = seed.detector(SMALL).folded()
    assert trained.record.losses[-1] < trained.record.losses[0]
    assert set(trained.graph.weights) == set(untrained.weights)
    for name, _ in backbone.named_units():
        np.testing.assert_array_equal(
            trained.graph.weights[name].kernel, untrained.weights[name].kernel
        )
    changed = [
        name
        for name, stored in trained.graph.weights.items()
        if not np.array_equal(stored.kernel, untrained.weights[name].kernel)
    ]
    assert sorted(changed) == sorted(
        name for name in changed if name.startswith(("spp", "dethead"))
    )
    assert len(changed) == len(fresh(divide(SMALL).head, seed=0).units)


def test_what_is_trained_is_found_again_by_another_process(detectors, request_, tmp_path):
    """What is trained is found again by another process."""
    first = detectors.train(SMALL)
    again = TrainedDetectors(request_, Workspace(tmp_path / "work")).train(SMALL)
    assert again.record == first.record
    for name, stored in first.graph.weights.items():
        np.testing.assert_array_equal(again.graph.weights[name].kernel, stored.kernel)


def test_one_seed_gives_one_training_and_another_another(detectors, request_, tmp_path):
    """One seed gives one training and another another."""
    first = detectors.train(SMALL)
    elsewhere = TrainedDetectors(request_, Workspace(tmp_path / "elsewhere"))
    assert elsewhere.train(SMALL).record.losses == first.record.losses
    other = elsewhere.train(SMALL, replace(RECIPE, seed=1))
    assert other.record.losses != first.record.losses


def test_inheritance_begins_from_the_trained_seed_network(detectors):
    """Inheritance begins from the trained seed network."""
    given = detectors.train(SMALL)
    inherited = detectors.train(SMALL, seed_trained=True)
    assert inherited.key.start == f"trained {detectors.train(person_detector()).key.slug}"
    assert inherited.record.losses != given.record.losses


def test_training_everything_changes_the_backbone_too(request_, tmp_path):
    """Training everything changes the backbone too."""
    request_ = replace(request_, frozen=False, recipe=replace(RECIPE, epochs=1))
    detectors = TrainedDetectors(request_, Workspace(tmp_path))
    trained, start = detectors.train(SMALL).graph, detectors.seed.detector(SMALL).folded()
    assert not np.array_equal(
        trained.weights["stem/conv"].kernel, start.weights["stem/conv"].kernel
    )


def test_without_weights_the_seed_network_is_trained_from_nothing(data, tmp_path):
    """Without weights the seed network is trained from nothing."""
    request = TrainingRequest(data=data, recipe=replace(RECIPE, epochs=1), views=1)
    detectors = TrainedDetectors(request, Workspace(tmp_path))
    trained = detectors.train(SMALL)
    assert len(trained.record.losses) == 1
    folders = sorted((tmp_path / "trainings").iterdir())
    assert len(folders) == 2  # the seed network's and the head's


def test_no_seed_network_is_trained_for_what_is_no_detector(data, tmp_path):
    """A classifier is refused before the seed network is trained from nothing."""
    request = TrainingRequest(data=data, recipe=replace(RECIPE, epochs=1), views=1)
    with pytest.raises(ConfigurationError, match="is none; give a space of such"):
        TrainedDetectors(request, Workspace(tmp_path)).train(mobilenet_v1())
    assert not (tmp_path / "trainings").exists()


def test_a_broken_record_is_one_sentence(detectors):
    """A broken record is one sentence."""
    trained = detectors.train(SMALL)
    path = detectors.store.folder(trained.key) / "training.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match="delete its folder"):
        detectors.train(SMALL)
    shutil.rmtree(path.parent)
    assert detectors.train(SMALL).record.losses == trained.record.losses


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seconds", float("nan")),
        ("seconds", float("inf")),
        ("seconds", -1.0),
        ("seconds", 10**400),
        ("losses", []),
        ("losses", [1.0, float("nan")]),
    ],
)
def test_a_record_of_no_training_is_one_sentence(detectors, name, value):
    """A training ends, and each of its epochs has a loss."""
    key = detectors.key(SMALL)
    detectors.store.keep_value(key, "training", {"losses": [1.0], "seconds": 2.0, name: value})
    with pytest.raises(StoreError, match=r"training\.json' is no record .* delete its folder"):
        detectors.store.find(key)


def test_a_divergence_in_the_first_epoch_has_no_losses(detectors):
    """And is a record all the same."""
    key, known = detectors.key(SMALL), Divergence("diverged", (), 2.0)
    detectors.store.keep_divergence(key, known)
    assert detectors.store.outcome(key) == known


def test_broken_weights_are_one_sentence(detectors):
    """Half a file of trained weights says what to delete, and a new training gives the same."""
    trained = detectors.train(SMALL)
    path = detectors.store.folder(trained.key) / "weights.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(StoreError, match="is missing or broken; delete its folder to train anew"):
        detectors.train(SMALL)
    shutil.rmtree(path.parent)
    assert detectors.train(SMALL).record.losses == trained.record.losses


def test_weights_of_another_training_are_one_sentence(detectors, data, tmp_path):
    """A file that was copied into the wrong folder, of a head or of the seed network."""
    trained = detectors.train(SMALL)
    other = detectors.train(person_detector(k=2, g=1, c=24, width=224, aspect=0.5625))
    foreign = detectors.store.folder(other.key) / "weights.pt"
    shutil.copy(foreign, detectors.store.folder(trained.key))
    with pytest.raises(StoreError, match=r"has another's; delete its folder to train anew"):
        detectors.train(SMALL)
    request = TrainingRequest(data=data, recipe=replace(RECIPE, epochs=1), views=1)
    from_nothing = TrainedDetectors(request, Workspace(tmp_path / "work"))
    kept = from_nothing.store.folder(from_nothing._seed_key)
    from_nothing.train(SMALL)
    shutil.copy(foreign, kept)
    with pytest.raises(StoreError, match=r"has another's; delete its folder to train anew"):
        TrainedDetectors(request, Workspace(tmp_path / "work")).train(SMALL)


def test_an_interrupted_training_took_all_its_seconds(detectors):
    """What ran before the interruption is in the record of what was gone on with."""

    def interrupted(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        detectors.train(SMALL, told=interrupted)
    checkpoint = detectors.store.checkpoint(detectors.key(SMALL))
    state = torch.load(checkpoint, weights_only=True)
    torch.save({**state, "seconds": 1e6}, checkpoint)
    assert detectors.train(SMALL).record.seconds > 1e6


def test_a_training_that_diverges_is_not_run_again(detectors):
    """It would end alike; the store says how far it came."""
    recipe = replace(RECIPE, learning_rate=1e30)
    for _ in range(2):
        with pytest.raises(DivergedError, match=r"diverged in epoch \d at a learning rate"):
            detectors.train(SMALL, recipe)
    key = detectors.key(SMALL, recipe)
    known = detectors.store.outcome(key)
    assert isinstance(known, Divergence)
    assert np.isfinite(known.losses).all()
    assert len(known.losses) < recipe.epochs
    assert not detectors.store.checkpoint(key).exists()
    detectors.store.keep_divergence(key, replace(known, reason="kept"))
    with pytest.raises(DivergedError, match="kept"):
        detectors.train(SMALL, recipe)


def test_a_broken_divergence_is_one_sentence(detectors):
    """As a broken record is."""
    key = detectors.key(SMALL)
    detectors.store.keep_value(key, "diverged", {"losses": 3})
    with pytest.raises(StoreError, match=r"diverged\.json' is no record .* delete its folder"):
        detectors.train(SMALL)


def test_a_training_that_vanished_is_one_sentence(detectors):
    """Somebody deleted its folder."""
    with pytest.raises(StoreError, match="has none any more; the same command trains it anew"):
        detectors.store.outcome(detectors.key(SMALL))


@pytest.mark.parametrize("is_given", [True, False])
def test_a_seed_network_that_diverges_ends_all(data, weights, tmp_path, is_given):
    """It is no fault of a candidate, so no candidate's score."""
    recipe = replace(RECIPE, epochs=1, learning_rate=1e30)
    request = TrainingRequest(data=data, weights=weights if is_given else None, recipe=recipe)
    detectors = TrainedDetectors(request, Workspace(tmp_path))
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"from a seed network .* diverged") as e:
            detectors.train(SMALL, seed_trained=is_given)
        assert not isinstance(e.value, DivergedError)


def test_a_network_without_head_cannot_be_trained(detectors):
    """A network without head cannot be trained."""
    with pytest.raises(ConfigurationError, match="backbone and a head"):
        detectors.train(mobilenet_v1())


def test_a_full_training_folder_is_one_sentence(request_, tmp_path):
    """A full training folder is one sentence."""
    (tmp_path / "trainings").write_text("in the way", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        TrainedDetectors(request_, Workspace(tmp_path)).train(SMALL)


def test_weights_of_another_network_are_refused(data, tmp_path):
    """Weights of another network are refused."""
    torch.save({"foreign": torch.zeros(3)}, tmp_path / "other.pt")
    request = TrainingRequest(data=data, weights=tmp_path / "other.pt", recipe=RECIPE)
    with pytest.raises(ConfigurationError, match="of the seed network"):
        TrainedDetectors(request, Workspace(tmp_path)).train(SMALL)


def test_three_parts_need_three_labelled_pictures(tmp_path):
    """Three parts need three labelled pictures."""
    folder = draw_coco_set(tmp_path, train=2, val=1)
    with pytest.raises(ConfigurationError, match="val-B has none"):
        picture_sets(folder, "person")


def test_the_parts_of_a_data_set_share_no_picture(data):
    """The parts of a data set share no picture."""
    sets = picture_sets(data, "person")
    names = [p.path.name for part in (sets.training, sets.selection, sets.report) for p in part]
    assert len(names) == len(set(names)) == 12
    assert picture_sets(data, "person").sha256 == sets.sha256


def test_a_device_that_is_not_there_is_refused_at_once(request_, tmp_path):
    """Nothing is read or trained for a device that does not exist."""
    with pytest.raises(ConfigurationError, match="'abacus' cannot be used"):
        TrainedDetectors(replace(request_, device="abacus"), Workspace(tmp_path / "work"))


def test_heads_on_seeds_of_two_recipes_are_two_trainings(data, tmp_path):
    """Without weights the seed network depends on the request, and so does what begins from it."""
    keys = set()
    for epochs in (1, 2):
        recipe = replace(RECIPE, epochs=epochs)
        request = TrainingRequest(data=data, recipe=recipe, views=1)
        detectors = TrainedDetectors(request, Workspace(tmp_path))
        keys.add(detectors.key(SMALL, replace(RECIPE, epochs=1)))
    assert len(keys) == 2


def test_weights_that_are_not_there_are_one_sentence(data, tmp_path):
    """The path is in it."""
    request = TrainingRequest(data=data, weights=tmp_path / "none.pth", recipe=RECIPE)
    message = r"^a set of weights for the seed network is read from a file; .*none\.pth' cannot be"
    with pytest.raises(ConfigurationError, match=message):
        _ = TrainedDetectors(request, Workspace(tmp_path)).digest


def test_edited_detectors_of_one_name_are_two_trainings(detectors):
    """Two files may give one name to two edits; what a name builds is told by its name."""
    keys = []
    for taps in (2, 3):
        narrow = Choice("narrow", (Kernel(("dethead/obj_dw",), (taps, taps)),))
        axis = EditAxis("kernel", (Choice("as it is"), narrow))
        design = EditedNetwork("mine", person_detector(), [axis]).architecture((1,))
        keys.append(detectors.key(design))
    assert keys[0] != keys[1]
    assert detectors.key(SMALL).arch == SMALL.name


def test_large_sets_see_fewer_windows(detectors, monkeypatch):
    """What would not fit is fewer windows on each picture, down to one, and part of the key."""
    ((_, (height, width, channels)),) = divide(SMALL).head.inputs
    room = 2 * height * width * channels * len(detectors.pictures.training)
    for most_bytes, views in ((2 * room, 2), (2 * room - 1, 1), (room // 2, 1)):
        monkeypatch.setattr(trained_detectors, "MOST_FEATURE_BYTES", most_bytes)
        assert detectors.key(SMALL).views == views
