"""How a network is trained, as data: what a study stores and a search may vary."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

from hwprof.errors import ConfigurationError

OPTIMISERS = ("sgd", "adamw")
WEIGHT_DECAYS = {"sgd": 5e-4, "adamw": 1e-2}
"""What goes with each optimiser: FastestDet's (commit 50473cd), and PyTorch's default. AdamW takes
it off the weights, SGD adds it to the gradient, where momentum makes it twenty times as much."""
SCHEDULES = ("cosine", "steps", "constant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A training from start to end.

    FastestDet's own: SGD, momentum 0.949, weight decay 5e-4, learning rate 1e-3, batch 96, 300
    epochs, a tenth at 1/3, 2/3 and 5/6 of them, 5 epochs of warm-up (commit 50473cd).

    Attributes:
        epochs: passes over the pictures.
        batch: pictures of a step.
        learning_rate: at its height.
        optimiser: ``sgd`` (momentum 0.949, Nesterov) or ``adamw``.
        schedule: of the learning rate behind its warm-up: ``cosine`` to zero, ``steps`` or
            ``constant``.
        warmup: share of the steps in which it rises.
        weight_decay: of convolution kernels; batch normalisation has none. ``WEIGHT_DECAYS`` has
            what suits each optimiser.
        averaging: decay of the moving average of weights that is evaluated; 0 for none.
        seed: of order, windows and fresh weights.
    """

    epochs: int = 30
    batch: int = 32
    learning_rate: float = 3e-3
    optimiser: str = "adamw"
    schedule: str = "cosine"
    warmup: float = 0.05
    weight_decay: float = WEIGHT_DECAYS["adamw"]
    averaging: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if self.optimiser not in OPTIMISERS or self.schedule not in SCHEDULES:
            raise ConfigurationError(
                f"a recipe has one of the optimisers {', '.join(OPTIMISERS)} and of the schedules "
                f"{', '.join(SCHEDULES)}; got {self.optimiser!r} and {self.schedule!r}."
            )
        if not (
            1 <= self.epochs <= 10_000
            and 1 <= self.batch <= 4096
            and 0 < self.learning_rate < math.inf
            and 0 <= self.warmup < 1
            and 0 <= self.averaging < 1
            and 0 <= self.weight_decay < math.inf
        ):
            raise ConfigurationError(
                "a recipe has 1 to 10,000 epochs, batches of 1 to 4,096, a positive learning rate, "
                f"and warm-up and averaging from 0 to below 1; got {self}."
            )

    def by(self, optimiser: str) -> Self:
        """The recipe with another optimiser, and the weight decay that goes with it."""
        if optimiser == self.optimiser:
            return self
        return replace(self, optimiser=optimiser, weight_decay=WEIGHT_DECAYS[optimiser])

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of one step of ``steps``."""
        warm = round(self.warmup * steps)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        done = (step - warm) / max(steps - warm, 1)
        return self.learning_rate * _share(self.schedule, done)


def _share(schedule: str, done: float) -> float:
    shares = {
        "cosine": (1 + math.cos(math.pi * done)) / 2,
        "steps": 0.1 ** sum(done >= at for at in (1 / 3, 2 / 3, 5 / 6)),
        "constant": 1.0,
    }
    return shares[schedule]
