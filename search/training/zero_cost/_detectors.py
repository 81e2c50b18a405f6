"""Probes of detectors: what a training of them would start from, and be shown first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.search.training.batches import PictureBatches
from hwprof.search.training.data import Picture
from hwprof.search.training.module import GraphModule
from hwprof.search.training.parts import Parts, divide
from hwprof.search.training.seed import SeedNetwork
from hwprof.search.training.zero_cost._probe import Minibatch, Probe

_MINIBATCHES = 2
_MOST_SIZES = 4  # whose minibatches are held, some 14 MB each


class DetectorProbes:
    """Makes probes of detectors that begin from one seed network.

    The pictures are drawn once, by the seed, and are the same for all detectors.

    Args:
        pictures: for training.
        frozen: whether the backbone stays as it is; then the head is what proxies see.
        batch: pictures of a minibatch, fewer where the set has not two such.

    Raises:
        ConfigurationError: fewer than four pictures, two for each minibatch.
    """

    def __init__(
        self,
        start: SeedNetwork,
        pictures: Sequence[Picture],
        *,
        frozen: bool = True,
        batch: int = 16,
        seed: int = 0,
    ) -> None:
        batch = min(batch, len(pictures) // _MINIBATCHES)
        if batch < 2:
            raise ConfigurationError(
                f"zero-cost proxies compare two minibatches of two pictures or more; got "
                f"{len(pictures)} pictures for training; add some."
            )
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randperm(len(pictures), generator=generator)[: _MINIBATCHES * batch]
        self._pictures = [pictures[number] for number in drawn.tolist()]
        self._start, self._frozen, self._seed = start, frozen, seed
        self._held: OrderedDict[tuple[int, int], list[Minibatch]] = OrderedDict()

    def probe(self, detector: Architecture) -> Probe:
        """The probe of a detector; nothing is computed yet.

        Raises:
            ConfigurationError: it has no backbone and head.
        """
        parts = divide(detector)
        return Probe(
            network=lambda: self._network(detector, parts),
            minibatches=lambda: self._minibatches(parts),
            is_labelled=any(len(picture.boxes) for picture in self._pictures),
            seed=self._seed,
        )

    def _network(self, detector: Architecture, parts: Parts) -> GraphModule:
        whole = not self._frozen
        return (self._start.detector(detector) if whole else self._start.head(parts.head)).train()

    def _minibatches(self, parts: Parts) -> list[Minibatch]:
        if parts.size not in self._held:
            while len(self._held) >= _MOST_SIZES:
                self._held.popitem(last=False)
            self._held[parts.size] = self._shown(parts)
        self._held.move_to_end(parts.size)
        return self._held[parts.size]

    @torch.no_grad()
    def _shown(self, parts: Parts) -> list[Minibatch]:
        generator = torch.Generator().manual_seed(self._seed)
        source = PictureBatches(self._pictures, parts.size)
        numbers = torch.arange(len(self._pictures)).chunk(_MINIBATCHES)
        taken = [Minibatch(*source.take(part, generator)) for part in numbers]
        if not self._frozen:
            return taken
        backbone = self._start.backbone(parts.backbone)
        return [Minibatch(backbone(one.inputs), one.targets) for one in taken]
