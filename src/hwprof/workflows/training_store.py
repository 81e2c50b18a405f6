"""Trainings of a workspace: one folder each, found again by all that decides their outcome."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hwprof.errors import StoreError
from hwprof.files import FileKind

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from hwprof.search.training.recipe import Recipe

_Known = TypeVar("_Known")

_VERSION = 1
_DIGITS = 20
_RECORD = FileKind(
    noun="the record of a training",
    most_bytes=1 << 22,
    error=StoreError,
    shrink="delete its folder",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingKey:
    """All that decides what a training ends in.

    Attributes:
        arch: name of the architecture.
        start: what it begins from, as a hash of weights or in a word.
        data_sha256: of pictures and labels.
        frozen: whether the backbone stays as it is.
        views: windows on each picture where it is.
    """

    arch: str
    recipe: Recipe
    start: str
    data_sha256: str
    frozen: bool
    views: int

    @property
    def slug(self) -> str:
        """Name of the training's folder."""
        text = json.dumps({"version": _VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """What is known of a finished training.

    Attributes:
        losses: mean loss of each epoch.
        seconds: wall time of the training, of what ran before an interruption too (up to the last
            epoch that was kept), with the features of an input size that no training of this
            process had before; measured on this machine.
    """

    losses: tuple[float, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Divergence:
    """What is known of a training that has no end, because its loss was no number any more.

    Attributes:
        reason: in a sentence.
        losses: mean loss of each epoch before.
        seconds: as of a record.
    """

    reason: str
    losses: tuple[float, ...]
    seconds: float


class TrainingStore:
    """A folder of trainings.

    A training's weights are there before its record, and both are written whole, so that a
    process may die at any moment: what has a record is finished.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder

    def folder(self, key: TrainingKey) -> Path:
        """Where a training keeps its files."""
        return self.root / key.slug

    def checkpoint(self, key: TrainingKey) -> Path:
        """File of an unfinished training."""
        return self.folder(key) / "checkpoint.pt"

    def find(self, key: TrainingKey) -> TrainingRecord | None:
        """The record of a finished training.

        Raises:
            StoreError: there is one that is broken.
        """
        return _read(
            self.folder(key) / "training.json",
            lambda document: TrainingRecord(_losses(document, fewest=1), _seconds(document)),
        )

    def divergence(self, key: TrainingKey) -> Divergence | None:
        """How a training diverged; None where it did not, or was not tried.

        Raises:
            StoreError: what is kept of it is broken.
        """
        return _read(
            self.folder(key) / "diverged.json",
            lambda document: Divergence(
                str(document["reason"]), _losses(document, fewest=0), _seconds(document)
            ),
        )

    def outcome(self, key: TrainingKey) -> TrainingRecord | Divergence:
        """How a training ended that was run.

        Raises:
            StoreError: what is kept of it is broken, or not there any more.
        """
        found = self.find(key) or self.divergence(key)
        if found is None:
            raise StoreError(
                f"a training keeps its record; {str(self.folder(key))!r} has none any more; the "
                "same command trains it anew."
            )
        return found

    def keep_divergence(self, key: TrainingKey, divergence: Divergence) -> None:
        """Remember that a training diverges, and forget its checkpoint: it would again.

        Raises:
            StoreError: it cannot be written.
        """
        _write(self.folder(key) / "diverged.json", {"key": asdict(key), **asdict(divergence)})
        self.checkpoint(key).unlink(missing_ok=True)

    def load(self, key: TrainingKey, module: Module) -> None:
        """Give a module the weights that a training of it ended with.

        Raises:
            StoreError: they are missing, broken or of another network.
        """
        from hwprof.search.training.checkpoints import read_kept

        path = self.folder(key) / "weights.pt"
        weights = read_kept(path)
        try:
            module.load_state_dict(weights)
        except (AttributeError, RuntimeError, TypeError) as error:
            raise StoreError(
                f"a training's weights are those of its own network; {str(path)!r} has another's; "
                "delete its folder to train anew."
            ) from error

    def keep(self, key: TrainingKey, record: TrainingRecord, weights: Mapping[str, Tensor]) -> None:
        """Write a finished training and forget its checkpoint.

        Raises:
            ConfigurationError: the weights cannot be written.
            StoreError: the record cannot.
        """
        from hwprof.search.training.trainer import write_state

        folder = self.folder(key)
        write_state(dict(weights), folder / "weights.pt")
        _write(folder / "training.json", {"key": asdict(key), **asdict(record)})
        self.checkpoint(key).unlink(missing_ok=True)

    def value(self, key: TrainingKey, name: str) -> dict[str, Any] | None:
        """What was computed of a training under a name, as ``keep_value`` was given it."""
        path = self.folder(key) / f"{name}.json"
        if not path.is_file():
            return None
        try:
            found = json.loads(_RECORD.read(path))
        except ValueError as error:
            raise StoreError(f"{str(path)!r} is no JSON ({error}); delete it.") from error
        return found if isinstance(found, dict) else None

    def keep_value(self, key: TrainingKey, name: str, value: Mapping[str, Any]) -> None:
        """Keep something computed of a training, so that nobody computes it twice.

        Raises:
            StoreError: it cannot be written.
        """
        _write(self.folder(key) / f"{name}.json", value)


def value_name(pictures: str, scheme: str) -> str:
    """Name of what was computed on a set of pictures under a quantisation scheme."""
    return f"{pictures}-{scheme}".replace("/", "_")


def _read(path: Path, made: Callable[[dict[str, Any]], _Known]) -> _Known | None:
    """What is made of a file's document, None where there is no file."""
    if not path.is_file():
        return None
    try:
        return made(json.loads(_RECORD.read(path)))
    # OverflowError: a whole number beyond floats.
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise StoreError(
            f"{str(path)!r} is no record of a training ({error}); delete its folder to train anew."
        ) from error


def _losses(document: Mapping[str, Any], *, fewest: int) -> tuple[float, ...]:
    losses = tuple(map(float, document["losses"]))
    if len(losses) < fewest or not all(map(math.isfinite, losses)):
        raise ValueError("an epoch has a loss that is a number, and a training an epoch")
    return losses


def _seconds(document: Mapping[str, Any]) -> float:
    seconds = float(document["seconds"])
    if not 0 <= seconds < math.inf:
        raise ValueError(f"seconds are a number from 0; got {seconds}")
    return seconds


def _write(path: Path, document: Mapping[str, Any]) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(document, indent=1), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StoreError(
            f"{str(path)!r} cannot be written ({error.strerror}); make room or choose another "
            "--workspace; trainings before it are kept."
        ) from error
