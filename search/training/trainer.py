"""One training: batches in an order that a seed fixes, stoppable after every epoch."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from hwprof.errors import ConfigurationError, StoreError
from hwprof.search.training.checkpoints import read_kept
from hwprof.search.training.devices import repeatable
from hwprof.search.training.loss import Targets, detection_loss
from hwprof.search.training.recipe import Recipe

_MOMENTUM = 0.949
_CLIP = 10.0


class Batches(Protocol):
    """Where a training gets what it shows the network."""

    def __len__(self) -> int:
        """Pictures of an epoch."""

    def take(self, numbers: Tensor, generator: torch.Generator) -> tuple[Tensor, Targets]:
        """The network's input for some pictures, changed at random, and the objects on them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """An epoch that ended: its number from 1, and the mean loss of its steps."""

    epoch: int
    loss: float


class DivergedError(ConfigurationError):
    """A training whose loss is no number any more; what it has made of the weights is of no use.

    Attributes:
        seconds: what it took until then.
    """

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


class Trainer:
    """Trains a module; one seed gives one result on one kind of device.

    Args:
        module: on the device where it shall be trained; anything with an output map of boxes.
        checkpoint: kept after each epoch and begun from; None to keep nothing.
        start_s: when the work for this training began, on the monotonic clock; None for now.

    Raises:
        ConfigurationError: a checkpoint of another recipe.
        StoreError: a broken one, or one of another network.
    """

    def __init__(
        self,
        module: nn.Module,
        batches: Batches,
        recipe: Recipe,
        checkpoint: Path | None = None,
        *,
        start_s: float | None = None,
    ) -> None:
        self._start_s = time.monotonic() if start_s is None else start_s
        self.module, self._batches, self._recipe = module, batches, recipe
        self._checkpoint = checkpoint
        self._generator = torch.Generator().manual_seed(recipe.seed)
        self._optimiser = _optimiser(module, recipe)
        self._average = _Average(module, recipe.averaging)
        self._losses: list[float] = []
        if checkpoint is not None and checkpoint.is_file():
            self._resume(checkpoint)

    @property
    def losses(self) -> tuple[float, ...]:
        """Mean loss of each epoch so far."""
        return tuple(self._losses)

    @property
    def seconds(self) -> float:
        """Wall time so far, of the epochs before an interruption too."""
        return time.monotonic() - self._start_s

    def run(self, progress: Callable[[Progress], None] = lambda _: None) -> None:
        """Train to the recipe's last epoch; the module then has the averaged weights.

        Raises:
            DivergedError: the loss of an epoch is no number.
            ConfigurationError: the checkpoint cannot be written.
        """
        while len(self._losses) < self._recipe.epochs:
            with repeatable():
                loss = self._epoch()
            if not math.isfinite(loss):
                raise DivergedError(
                    f"training has diverged in epoch {len(self._losses) + 1} at a learning rate of "
                    f"{self._recipe.learning_rate:g}; take a lower one.",
                    self.seconds,
                )
            self._losses.append(loss)
            self._keep()
            progress(Progress(len(self._losses), self._losses[-1]))
        self._average.give(self.module)
        self.module.eval()

    def averaged(self) -> dict[str, Tensor]:
        """The weights that would be evaluated now."""
        return self._average.state

    def _epoch(self) -> float:
        self.module.train()
        losses = [self._step(numbers) for numbers in self._order()]
        return float(torch.stack(losses).mean())

    def _order(self) -> Iterator[Tensor]:
        order = torch.randperm(len(self._batches), generator=self._generator)
        # A last batch of one picture would have batch normalisation divide by nothing.
        parts = max(round(len(order) / self._recipe.batch), 1)
        yield from torch.tensor_split(order, parts)

    def _step(self, numbers: Tensor) -> Tensor:
        recipe = self._recipe
        parts = max(round(len(self._batches) / recipe.batch), 1)
        rate = recipe.rate(self._average.steps, recipe.epochs * parts)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        inputs, targets = self._batches.take(numbers, self._generator)
        loss = detection_loss(self.module(inputs), targets)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.module.parameters(), _CLIP)
        self._optimiser.step()
        self._average.take(self.module)
        return loss.detach()

    def _keep(self) -> None:
        if self._checkpoint is None:
            return
        state = {
            "recipe": asdict(self._recipe),
            "module": self.module.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "average": self._average.state,
            "steps": self._average.steps,
            "generator": self._generator.get_state(),
            "losses": list(self._losses),
            "seconds": self.seconds,
        }
        write_state(state, self._checkpoint)

    def _resume(self, checkpoint: Path) -> None:
        state = read_kept(checkpoint)
        if state.get("recipe") != asdict(self._recipe):
            raise ConfigurationError(
                f"{checkpoint.name} is of another recipe; give the recipe it was begun with, or "
                "another folder."
            )
        try:
            self.module.load_state_dict(state["module"])
            self._optimiser.load_state_dict(state["optimiser"])
            self._average.resume(state["average"], int(state["steps"]))
            self._generator.set_state(state["generator"])
            self._losses = [float(loss) for loss in state["losses"]]
            # Checkpoints of hwprof before it kept them know of no seconds.
            self._start_s -= float(state.get("seconds", 0.0))
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise StoreError(
                f"a training goes on with its own network; {str(checkpoint)!r} does not belong to "
                f"it ({type(error).__name__}); delete its folder to train anew."
            ) from error


class _Average:
    """A moving average of weights, shorter while there are few steps to average."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self.steps = 0
        self.state = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def take(self, module: nn.Module) -> None:
        self.steps += 1
        decay = min(self._decay, self.steps / (self.steps + 10))
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)

    def resume(self, state: dict[str, Tensor], steps: int) -> None:
        """Go on with an average of the same weights; anything else raises what it raises."""
        if state.keys() != self.state.keys():
            raise KeyError(*(state.keys() ^ self.state.keys()))
        for name, value in self.state.items():
            value.copy_(state[name])
        self.steps = steps

    def give(self, module: nn.Module) -> None:
        module.load_state_dict(self.state)


def write_state(state: dict[str, Any], path: Path) -> None:
    """Write tensors and plain values so that a reader sees the old file or the new one, whole.

    Raises:
        ConfigurationError: the folder cannot be written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                torch.save(state, file)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except (OSError, RuntimeError) as error:  # RuntimeError: torch's writer on a full disk
        raise ConfigurationError(
            f"{str(path)!r} cannot be written ({error}); make room or choose another folder; "
            "epochs before it are kept."
        ) from error


def _optimiser(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    kernels = [p for p in module.parameters() if p.requires_grad and p.dim() > 1]
    others = [p for p in module.parameters() if p.requires_grad and p.dim() <= 1]
    groups: list[dict[str, Any]] = [
        {"params": kernels, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=_MOMENTUM, nesterov=True)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)
