"""The first epochs of a full training that is broken off, and can be gone on with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hwprof.architecture import Architecture
from hwprof.errors import StoreError
from hwprof.search.training.checkpoints import read_kept
from hwprof.search.training.trainer import DivergedError, Progress
from hwprof.workflows.estimator_selection._records import whole_curve
from hwprof.workflows.trained_detectors import TrainedDetectors
from hwprof.workflows.training_store import Divergence


class _EnoughError(Exception):
    """As many epochs as were wanted; the trainer has kept them."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first epochs of a training.

    Attributes:
        losses: mean training loss of each epoch, at least of those that were wanted.
        seconds: what those took; of a training that went on, their share of its seconds.
    """

    losses: tuple[float, ...] = ()
    seconds: float = 0.0


def beginning(detectors: TrainedDetectors, architecture: Architecture, epochs: int) -> Beginning:
    """At least the first epochs of a design's full training.

    Of one that diverges they are as ``Trained`` has them.

    Raises:
        ConfigurationError: it cannot be trained.
        StoreError: what is kept of its training is broken.
    """
    key = detectors.key(architecture)
    checkpoint = detectors.store.checkpoint(key)

    def stop(progress: Progress) -> None:
        if progress.epoch >= epochs:
            raise _EnoughError

    if not epochs:
        return Beginning()
    if len(_kept(checkpoint).losses) >= epochs:
        return _first(_kept(checkpoint), epochs)
    try:
        detectors.train(architecture, told=stop)
    except _EnoughError:
        return _first(_kept(checkpoint), epochs)
    except DivergedError:
        pass
    outcome = detectors.store.outcome(key)
    ran = len(outcome.losses) + isinstance(outcome, Divergence)
    losses = whole_curve(outcome.losses, key.recipe.epochs)
    return Beginning(losses, outcome.seconds * min(epochs / ran, 1))


def _first(kept: Beginning, epochs: int) -> Beginning:
    return replace(kept, seconds=kept.seconds * epochs / len(kept.losses))


def _kept(checkpoint: Path) -> Beginning:
    """What an unfinished training has behind it."""
    if not checkpoint.is_file():
        return Beginning()
    state = read_kept(checkpoint)
    try:
        losses = tuple(float(loss) for loss in state["losses"])
        return Beginning(losses, float(state.get("seconds", 0.0)))
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"an unfinished training keeps the loss of each epoch; {str(checkpoint)!r} does not; "
            "delete its folder to train anew."
        ) from error
