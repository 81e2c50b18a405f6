"""What a training is shown: pictures through random windows, or what a frozen backbone saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from hwprof.errors import ConfigurationError
from hwprof.search.training.augment import Augmentation, Labelled, augmented
from hwprof.search.training.data import Picture
from hwprof.search.training.devices import repeatable
from hwprof.search.training.images import read_pixels, stretched
from hwprof.search.training.loss import Targets

_MARGIN = 1.25  # pictures are kept larger than networks see them, for windows to look closer
_BATCH = 32
MOST_FEATURE_BYTES = 2 << 30


class PictureBatches:
    """All pictures of a set on one device, each seen through a new window every time.

    Args:
        size: (height, width) that the network takes.
        most_bytes: of pixels held; refused above it.

    Raises:
        ConfigurationError: a file is no picture, or the pictures would take more than that.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        size: tuple[int, int],
        *,
        rules: Augmentation | None = None,
        device: torch.device | str = "cpu",
        most_bytes: int = 8 << 30,
    ) -> None:
        height, width = (round(side * _MARGIN) for side in size)
        if (needed := len(pictures) * 3 * height * width) > most_bytes:
            raise ConfigurationError(
                f"{len(pictures)} pictures of {height} x {width} take {needed:,} bytes, more than "
                f"{most_bytes:,}; take fewer pictures or a smaller input."
            )
        self._size, self._rules = size, rules or Augmentation()
        self._pixels = torch.empty((len(pictures), 3, height, width), dtype=torch.uint8)
        for number, picture in enumerate(pictures):
            self._pixels[number] = stretched(read_pixels(picture.path), height, width)
        self._pixels = self._pixels.to(device)
        self._objects = [_objects(picture) for picture in pictures]

    def __len__(self) -> int:
        """Pictures of an epoch."""
        return len(self._pixels)

    def take(self, numbers: Tensor, generator: torch.Generator) -> tuple[Tensor, Targets]:
        """Windows (n, 3, height, width) in [0, 1] on the pictures of these numbers."""
        chosen = [self._objects[n] for n in numbers.tolist()]
        targets = _joined(chosen, self._pixels.device)
        batch = Labelled(self._pixels[numbers.to(self._pixels.device)], targets)
        seen = augmented(batch, size=self._size, rules=self._rules, generator=generator)
        return seen.pixels, seen.targets


def views_that_fit(wanted: int, pictures: int, feature_bytes: int, most_bytes: int) -> int:
    """How many windows on each picture can be held as features, from 1 to ``wanted``.

    Args:
        feature_bytes: of one window: two for each of its c x rows x columns float16 values.
    """
    return max(min(wanted, most_bytes // (pictures * feature_bytes)), 1)


class FeatureBatches:
    """What a frozen backbone makes of several windows on each picture, computed once.

    A head is trained on them without computing the backbone again; what it never sees is more
    windows than these.

    Args:
        backbone: on the pictures' device; (n, 3, h, w) to features (n, c, rows, columns).
        views: windows on each picture; float16 features of all of them are held.
        most_bytes: refused above it, before anything but the first few pictures is computed.

    Raises:
        ConfigurationError: the features would take more than ``most_bytes``.
    """

    def __init__(
        self,
        backbone: nn.Module,
        source: PictureBatches,
        *,
        views: int = 8,
        seed: int = 0,
        most_bytes: int = MOST_FEATURE_BYTES,
    ) -> None:
        self._count, self._views = len(source), views
        self._objects: list[_Objects] = []
        held = 0
        for features, objects in _looked_at(backbone, source, views=views, seed=seed):
            if not held:
                self._features = self._room(features, most_bytes)
            self._features[held : held + len(features)] = features
            self._objects += objects
            held += len(features)

    def _room(self, first: Tensor, most_bytes: int) -> Tensor:
        """Where all features go, (n, rows, columns, c)."""
        needed = first[0].nbytes * self._views * self._count
        if needed > most_bytes:
            raise ConfigurationError(
                f"features of {self._views} windows on {self._count} pictures take "
                f"{needed:,} bytes, more than {most_bytes:,}; give fewer pictures, or "
                "--train-backbone."
            )
        return first.new_empty((self._views * self._count, *first.shape[1:]))

    def __len__(self) -> int:
        """Pictures of an epoch."""
        return self._count

    @property
    def nbytes(self) -> int:
        """Memory of the features."""
        return self._features.nbytes

    def take(self, numbers: Tensor, generator: torch.Generator) -> tuple[Tensor, Targets]:
        """Features (n, c, h, w) of one of the windows on each picture."""
        view = torch.randint(self._views, numbers.shape, generator=generator)
        drawn = view * self._count + numbers
        features = self._features[drawn.to(self._features.device)].float()
        targets = _joined([self._objects[n] for n in drawn.tolist()], features.device)
        return features.permute(0, 3, 1, 2), targets


def _looked_at(
    backbone: nn.Module, source: PictureBatches, *, views: int, seed: int
) -> Iterator[tuple[Tensor, list[_Objects]]]:
    """Features (n, rows, columns, c) in float16, and the objects, of a few windows at a time."""
    backbone.eval()
    generator = torch.Generator().manual_seed(seed)
    for numbers in torch.split(torch.arange(len(source)).repeat(views), _BATCH):
        pixels, targets = source.take(numbers, generator)
        with torch.no_grad(), repeatable():
            features = backbone(pixels).permute(0, 2, 3, 1).half()
        yield features, _divided(targets, len(numbers))


def targets_of(pictures: Sequence[Picture]) -> Targets:
    """The objects on pictures that are seen whole, numbered in their order."""
    return _joined([_objects(picture) for picture in pictures], torch.device("cpu"))


@dataclass(frozen=True, slots=True)
class _Objects:
    """Boxes (n, 4) as fractions of one picture, and which of them are crowds (n,)."""

    boxes: Tensor
    crowd: Tensor


def _objects(picture: Picture) -> _Objects:
    sides = np.array([picture.width, picture.height] * 2, np.float32)
    return _Objects(torch.from_numpy(picture.boxes / sides), torch.from_numpy(picture.crowd))


def _joined(objects: Sequence[_Objects], device: torch.device) -> Targets:
    counts = torch.tensor([len(one.boxes) for one in objects])
    picture = torch.repeat_interleave(torch.arange(len(objects)), counts)
    boxes = torch.cat([one.boxes for one in objects])
    crowd = torch.cat([one.crowd for one in objects])
    return Targets(boxes.to(device), picture.to(device), crowd.to(device))


def _divided(targets: Targets, count: int) -> list[_Objects]:
    boxes, picture, crowd = (v.cpu() for v in (targets.boxes, targets.picture, targets.crowd))
    return [_Objects(boxes[picture == n], crowd[picture == n]) for n in range(count)]
