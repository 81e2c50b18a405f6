"""A training learns, can be killed, and gives one result for one seed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from hwprof.errors import ConfigurationError, StoreError
from hwprof.search.training.augment import Augmentation
from hwprof.search.training.batches import PictureBatches
from hwprof.search.training.data import read_pictures
from hwprof.search.training.detections import detect
from hwprof.search.training.evaluation import average_precision
from hwprof.search.training.loss import Targets
from hwprof.search.training.recipe import Recipe
from hwprof.search.training.trainer import DivergedError, Trainer, write_state
from hwprof.testing.pictures import draw_coco_set

from .conftest import SIZE

RECIPE = Recipe(epochs=4, batch=4, learning_rate=3e-3, averaging=0.9)


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    """Ten drawn pictures through changing windows."""
    root = draw_coco_set(tmp_path_factory.mktemp("drawn"), train=10, val=0, size=SIZE)
    return PictureBatches(read_pictures(root), SIZE)


def _weights(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def _assert_equal(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_trivial_set_is_learned(tmp_path, tiny_detector):
    """The loss falls by more than half, and what is found again are the drawn people."""
    root = draw_coco_set(tmp_path, train=6, val=0, size=SIZE)
    pictures = read_pictures(root)
    still = Augmentation(1.0, 1.0, mirror=0, gain=0)
    module = tiny_detector(channels=16)
    before = average_precision(pictures, detect(module, pictures, SIZE)).ap50
    recipe = Recipe(epochs=150, batch=6, learning_rate=1e-2, averaging=0.9)

    trainer = Trainer(module, PictureBatches(pictures, SIZE, rules=still), recipe)
    trainer.run()

    after = average_precision(pictures, detect(module, pictures, SIZE)).ap50
    assert trainer.losses[-1] < trainer.losses[0] / 2
    assert before < 0.3
    assert after > 0.7


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_killed_training_ends_as_if_it_had_not_been(tmp_path, batches, tiny_detector, optimiser):
    """Begun again from its checkpoint, in fresh objects, weights and losses agree to the bit."""
    recipe = replace(RECIPE, optimiser=optimiser)
    whole = Trainer(tiny_detector(), batches, recipe)
    whole.run()
    checkpoint = tmp_path / "run" / "state.pth"

    def stop_after_two(progress):
        if progress.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Trainer(tiny_detector(), batches, recipe, checkpoint).run(stop_after_two)
    resumed = Trainer(tiny_detector(seed=9), batches, recipe, checkpoint)
    assert len(resumed.losses) == 2
    resumed.run()

    assert resumed.losses == whole.losses
    _assert_equal(_weights(resumed.module), _weights(whole.module))


@pytest.mark.parametrize(("kept", "least_s"), [({"seconds": 1e6}, 1e6), ({}, 0)])
def test_the_seconds_before_an_interruption_count(tmp_path, batches, tiny_detector, kept, least_s):
    """They are in the checkpoint; one that knows of none is gone on with all the same."""
    checkpoint = tmp_path / "state.pth"
    recipe = replace(RECIPE, epochs=1)
    Trainer(tiny_detector(), batches, recipe, checkpoint).run()
    state = torch.load(checkpoint, weights_only=True)
    assert state.pop("seconds") > 0
    torch.save({**state, **kept}, checkpoint)

    resumed = Trainer(tiny_detector(), batches, recipe, checkpoint)

    assert least_s < resumed.seconds < least_s + 1e5


def test_a_finished_training_is_not_begun_again(tmp_path, batches, tiny_detector):
    """A checkpoint of the last epoch gives the averaged weights without another step."""
    checkpoint = tmp_path / "state.pth"
    first = Trainer(tiny_detector(), batches, RECIPE, checkpoint)
    first.run()

    told = []
    again = Trainer(tiny_detector(seed=9), batches, RECIPE, checkpoint)
    again.run(told.append)

    assert told == []
    _assert_equal(_weights(again.module), _weights(first.module))


def test_one_seed_is_one_result_and_another_another(batches, tiny_detector):
    """Order and windows follow from the recipe's seed, and from nothing else."""
    results = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(results))  # what else draws random numbers does not matter
        trainer = Trainer(tiny_detector(), batches, replace(RECIPE, epochs=1, seed=seed))
        trainer.run()
        results.append(_weights(trainer.module))

    _assert_equal(results[0], results[1])
    assert not torch.equal(
        results[0]["units.head/obj.conv.weight"], results[2]["units.head/obj.conv.weight"]
    )


def test_checkpoint_of_another_recipe_is_refused(tmp_path, batches, tiny_detector):
    """Going on with another learning rate would be neither training."""
    checkpoint = tmp_path / "state.pth"
    Trainer(tiny_detector(), batches, replace(RECIPE, epochs=1), checkpoint).run()

    with pytest.raises(ConfigurationError, match=r"state\.pth is of another recipe; give"):
        Trainer(tiny_detector(), batches, replace(RECIPE, learning_rate=1e-4), checkpoint)


def test_checkpoint_of_another_network_is_refused(tmp_path, batches, tiny_detector):
    """A checkpoint belongs to one network."""
    checkpoint = tmp_path / "state.pth"
    recipe = replace(RECIPE, epochs=1)
    Trainer(tiny_detector(), batches, recipe, checkpoint).run()

    with pytest.raises(StoreError, match=r"does not belong to it .*; delete its folder to train"):
        Trainer(tiny_detector(channels=12), batches, recipe, checkpoint)


def test_a_damaged_checkpoint_is_refused(tmp_path, batches, tiny_detector):
    """Half a checkpoint is one sentence, not a training from nowhere."""
    checkpoint = tmp_path / "state.pth"
    Trainer(tiny_detector(), batches, replace(RECIPE, epochs=1), checkpoint).run()
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])

    with pytest.raises(StoreError, match=r"state\.pth' is missing or broken; delete its folder to"):
        Trainer(tiny_detector(), batches, replace(RECIPE, epochs=1), checkpoint)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("losses"),
        lambda state: state["average"].popitem(),
        lambda state: state.update(average=[1]),
        lambda state: state.update(optimiser=3),
        lambda state: state.update(generator=torch.zeros(2)),
        lambda state: state.update(steps="many"),
        lambda state: state.update(seconds="many"),
    ],
    ids=["losses", "average", "no average", "optimiser", "generator", "steps", "seconds"],
)
def test_a_checkpoint_with_other_contents_is_refused(tmp_path, batches, tiny_detector, change):
    """A readable file that no training has written is one sentence, whatever it lacks."""
    checkpoint = tmp_path / "state.pth"
    recipe = replace(RECIPE, epochs=1)
    Trainer(tiny_detector(), batches, recipe, checkpoint).run()
    state = torch.load(checkpoint, weights_only=True)
    change(state)
    torch.save(state, checkpoint)

    with pytest.raises(StoreError, match="does not belong to it"):
        Trainer(tiny_detector(), batches, recipe, checkpoint)


class _Linear(nn.Module):
    """An output map that is one weight everywhere."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((6, 1), start))

    def forward(self, x):
        return (
            (self.weight * x.mean(dim=(1, 2, 3)).sum()).reshape(1, 6, 1, 1).expand(len(x), 6, 2, 2)
        )


class _Steep:
    """Inputs that make gradients as large as asked."""

    def __init__(self, size: float) -> None:
        self.size = size

    def __len__(self) -> int:
        return 1

    def take(self, numbers, generator):
        targets = Targets(torch.zeros(0, 4), torch.zeros(0).long(), torch.zeros(0).bool())
        return torch.full((1, 3, 2, 2), self.size), targets


def test_gradients_are_clipped():
    """However steep the loss, one step of plain descent is at most 10 learning rates long."""
    recipe = Recipe(
        epochs=1,
        batch=1,
        learning_rate=0.01,
        optimiser="sgd",
        warmup=0,
        averaging=0,
        weight_decay=0,
    )
    module = _Linear(1.0)

    Trainer(module, _Steep(1e6), recipe).run()

    step = float((module.weight.detach() - 1).norm())
    # Nesterov's first step is 1 + momentum gradients.
    assert step == pytest.approx(0.01 * 10 * 1.949, rel=1e-3)


def test_a_loss_that_is_no_number_ends_the_training():
    """Weights of a training that diverged are of no use, and it says what to change."""
    with pytest.raises(DivergedError, match=r"diverged in epoch 1 at a learning rate of 0\.003"):
        Trainer(_Linear(1.0), _Steep(float("inf")), RECIPE).run()


def test_the_average_follows_the_weights(batches, tiny_detector):
    """Without averaging the result is the last step's weights, with it something between."""
    modules = [tiny_detector(), tiny_detector()]
    for module, averaging in zip(modules, (0.0, 0.9), strict=True):
        Trainer(module, batches, replace(RECIPE, averaging=averaging)).run()
    last, averaged = (m.unit("backbone/conv0").conv.weight.detach() for m in modules)
    start = tiny_detector().unit("backbone/conv0").conv.weight.detach()

    assert 0 < float((averaged - start).norm()) < float((last - start).norm())


def test_frozen_parts_stay(batches, tiny_detector):
    """Parameters that ask for no gradient are as before; the others are not."""
    module = tiny_detector()
    module.unit("backbone/conv0").conv.weight.requires_grad_(False)
    before = _weights(module)

    Trainer(module, batches, replace(RECIPE, epochs=1)).run()

    after = _weights(module)
    assert torch.equal(
        before["units.backbone/conv0.conv.weight"], after["units.backbone/conv0.conv.weight"]
    )
    assert not torch.equal(
        before["units.backbone/conv1.conv.weight"], after["units.backbone/conv1.conv.weight"]
    )


FULL_DISK = """
import resource, signal, sys, torch
from pathlib import Path
from hwprof.errors import ConfigurationError
from hwprof.search.training.trainer import write_state

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_state({"a": torch.zeros(1_000_000)}, Path(sys.argv[1]))
except ConfigurationError as error:
    print(error)
"""


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path):
    """Where the new file does not fit, the old one is whole and no part is left behind."""
    checkpoint = tmp_path / "state.pth"
    write_state({"a": torch.ones(3)}, checkpoint)

    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(checkpoint)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "state.pth' cannot be written" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["state.pth"]
    assert torch.load(checkpoint, weights_only=True)["a"].tolist() == [1, 1, 1]


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    """A checkpoint's folder that cannot be is one sentence."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_state({}, tmp_path / "file" / "state.pth")


def test_progress_tells_the_losses(batches, tiny_detector):
    """Losses are plain numbers, one for each epoch, and progress tells them."""
    told = []
    trainer = Trainer(tiny_detector(), batches, replace(RECIPE, epochs=2))

    trainer.run(told.append)

    assert [one.epoch for one in told] == [1, 2]
    assert tuple(one.loss for one in told) == trainer.losses
    assert np.isfinite(trainer.losses).all()
