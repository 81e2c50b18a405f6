"""The first epochs of a full training that is broken off, and can be gone on with."""

from __future__ import annotations

from hwprof.architecture import Architecture
from hwprof.search.training.checkpoints import read_state
from hwprof.search.training.trainer import Progress
from hwprof.workflows.trained_detectors import TrainedDetectors


class _EnoughError(Exception):
    """As many epochs as were wanted; the trainer has kept them."""


def first_losses(
    detectors: TrainedDetectors, architecture: Architecture, epochs: int
) -> tuple[float, ...]:
    """Mean training losses of at least the first epochs of a design's full training.

    Raises:
        ConfigurationError: it cannot be trained.
    """
    key = detectors.key(architecture)
    checkpoint = detectors.store.checkpoint(key)

    def stop(progress: Progress) -> None:
        if progress.epoch >= epochs:
            raise _EnoughError

    if not epochs:
        return ()
    if not checkpoint.is_file() or len(read_state(checkpoint)["losses"]) < epochs:
        try:
            return detectors.train(architecture, told=stop).record.losses
        except _EnoughError:
            pass
    return tuple(float(loss) for loss in read_state(checkpoint)["losses"])
