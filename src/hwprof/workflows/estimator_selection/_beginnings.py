"""The first epochs of a full training that is broken off, and can be gone on with."""

from __future__ import annotations

from pathlib import Path

from hwprof.architecture import Architecture
from hwprof.errors import StoreError
from hwprof.search.training.checkpoints import read_kept
from hwprof.search.training.trainer import DivergedError, Progress
from hwprof.workflows.estimator_selection._records import whole_curve
from hwprof.workflows.trained_detectors import TrainedDetectors


class _EnoughError(Exception):
    """As many epochs as were wanted; the trainer has kept them."""


def first_losses(
    detectors: TrainedDetectors, architecture: Architecture, epochs: int
) -> tuple[float, ...]:
    """Mean training losses of at least the first epochs of a design's full training.

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
        return ()
    if len(_kept_losses(checkpoint)) < epochs:
        try:
            return detectors.train(architecture, told=stop).record.losses
        except _EnoughError:
            pass
        except DivergedError:
            outcome = detectors.store.outcome(key)
            return whole_curve(outcome.losses, key.recipe.epochs)
    return _kept_losses(checkpoint)


def _kept_losses(checkpoint: Path) -> tuple[float, ...]:
    """Of the epochs that an unfinished training has behind it."""
    if not checkpoint.is_file():
        return ()
    try:
        return tuple(float(loss) for loss in read_kept(checkpoint)["losses"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"an unfinished training keeps the loss of each epoch; {str(checkpoint)!r} does not; "
            "delete its folder to train anew."
        ) from error
