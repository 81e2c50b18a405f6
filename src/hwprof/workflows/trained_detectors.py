"""Trains the detectors that a search asks about: one rule for all of them, each training once."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from pathlib import Path

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError, HwprofError
from hwprof.files import FileKind
from hwprof.graph import Graph
from hwprof.networks import parse_architecture
from hwprof.networks.person_detector import person_detector
from hwprof.partition import ARCHITECTURE_KEY, architecture_metadata
from hwprof.search.training.batches import (
    MOST_FEATURE_BYTES,
    FeatureBatches,
    PictureBatches,
    views_that_fit,
)
from hwprof.search.training.devices import training_device
from hwprof.search.training.module import GraphModule
from hwprof.search.training.parts import Parts, divide
from hwprof.search.training.recipe import Recipe
from hwprof.search.training.seed import SeedNetwork, assembled, fresh
from hwprof.search.training.sets import PictureSets, picture_sets
from hwprof.search.training.threads import one_thread
from hwprof.search.training.trainer import Batches, DivergedError, Progress, Trainer
from hwprof.workflows.training_store import (
    Divergence,
    TrainingKey,
    TrainingRecord,
    TrainingStore,
)
from hwprof.workspace import Workspace

Told = Callable[[Progress], None]

VIEWS = 8
_MOST_CACHED_BYTES = 1 << 30
_WEIGHTS = FileKind(
    noun="a set of weights for the seed network",
    most_bytes=1 << 30,
    error=ConfigurationError,
    shrink="store weights alone",
)
_FLOAT16_BYTES = 2
FRESH_FACTOR = 5
"""Epochs of a seed network from random weights, over those of a head on a trained backbone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRequest:
    """What is trained on what.

    Attributes:
        data: a COCO or PASCAL VOC folder.
        weights: of the seed network, FastestDet's or ours; None to train it here from nothing.
        recipe: of every training; its seed decides order and windows.
        frozen: the backbone stays as the seed network has it, and its features are computed once.
        views: windows on each picture, where it stays; no more than there are epochs, or
            than there is room for.
    """

    data: Path
    weights: Path | None = None
    class_name: str = "person"
    recipe: Recipe = field(default_factory=Recipe)
    frozen: bool = True
    views: int = VIEWS
    device: str = "cpu"


@dataclass(frozen=True, slots=True, eq=False)
class TrainedDetector:
    """A detector with trained weights.

    Attributes:
        key: under which it is kept, with all that is computed of it.
        module: as it is evaluated, on the processor.
    """

    architecture: Architecture
    key: TrainingKey
    record: TrainingRecord
    module: GraphModule

    @property
    def graph(self) -> Graph:
        """The whole detector with float weights, batch normalisation folded."""
        return self.module.folded()


class TrainedDetectors:
    """Detectors of one data set; what is trained is found again, here and by other processes.

    Raises:
        ConfigurationError: the data set, the weights or the device cannot be used.
    """

    def __init__(self, request: TrainingRequest, workspace: Workspace) -> None:
        training_device(request.device)
        self.request = request
        self.store = TrainingStore(workspace.root / "trainings")
        self.pictures: PictureSets = picture_sets(request.data, request.class_name)
        self._data_sha256 = self.pictures.sha256
        self._views: OrderedDict[tuple[tuple[int, int], int, int], FeatureBatches] = OrderedDict()

    @one_thread()
    def train(
        self,
        architecture: Architecture,
        recipe: Recipe | None = None,
        *,
        seed_trained: bool = False,
        told: Told = lambda _: None,
    ) -> TrainedDetector:
        """Train a detector, go on with a training that broke off, or find it finished.

        Args:
            recipe: instead of the request's.
            seed_trained: begin from the seed network as this request trains it, not as it was
                given: what weight inheritance means here.

        Raises:
            DivergedError: its loss is no number, now or when it was trained before.
            ConfigurationError: it has no backbone and head, or nothing can be written.
            StoreError: what is kept of its training is broken, or of another network.
        """
        recipe, parts = recipe or self.request.recipe, divide(architecture)
        start, named = self._start(recipe, seed_trained=seed_trained)
        key = self._key(architecture, recipe, named)
        record = self._found(key)
        trained = start.head(parts.head) if key.frozen else start.detector(architecture)
        if record is None:
            start_s = time.monotonic()
            record = self._run(trained, self._batches(parts, key), key, told=told, start_s=start_s)
        else:
            self.store.load(key, trained)
        whole = (start.backbone(parts.backbone), trained) if key.frozen else (trained,)
        return TrainedDetector(architecture, key, record, assembled(architecture, *whole))

    @cached_property
    def digest(self) -> str:
        """Tells one way of training from another: weights, pictures, recipe, what is trained."""
        return self._key(person_detector(), self.request.recipe, self._seed_name).slug

    def key(self, architecture: Architecture, recipe: Recipe | None = None) -> TrainingKey:
        """Under which ``train`` keeps a detector that begins from the seed network as given."""
        return self._key(architecture, recipe or self.request.recipe, self._seed_name)

    def _key(self, architecture: Architecture, recipe: Recipe, start: str) -> TrainingKey:
        return TrainingKey(
            arch=_told_apart(architecture),
            recipe=recipe,
            start=start,
            data_sha256=self._data_sha256,
            frozen=self.request.frozen,
            views=self._n_views(architecture, recipe) if self.request.frozen else 0,
        )

    def _n_views(self, architecture: Architecture, recipe: Recipe) -> int:
        """Windows on each picture: an epoch sees one, and large sets have room for fewer."""
        ((_, shape),) = divide(architecture).head.inputs
        wanted = min(self.request.views, recipe.epochs)
        count = len(self.pictures.training)
        return views_that_fit(wanted, count, _FLOAT16_BYTES * prod(shape), MOST_FEATURE_BYTES)

    def _start(self, recipe: Recipe, *, seed_trained: bool) -> tuple[SeedNetwork, str]:
        """Weights to begin with, and their name in a key."""
        if not seed_trained:
            return self.seed, self._seed_name
        whole = replace(self.request.recipe, seed=recipe.seed)
        with _seed_must_end():
            trained = self.train(person_detector(), whole)
        return SeedNetwork(trained.module.state_dict()), f"trained {trained.key.slug}"

    @cached_property
    def seed(self) -> SeedNetwork:
        """The network that all others begin from."""
        if self.request.weights is not None:
            return SeedNetwork.read(self.request.weights)
        return self._seed_from_nothing()

    @cached_property
    def _seed_name(self) -> str:
        weights = self.request.weights
        if weights is None:
            return f"random weights, trained whole as {self._seed_key.slug}"
        return hashlib.sha256(_WEIGHTS.read(weights)).hexdigest()

    @property
    def _seed_key(self) -> TrainingKey:
        """Of the seed network where nobody trained it before: from random weights, whole."""
        recipe = self.request.recipe
        recipe = replace(recipe, epochs=min(FRESH_FACTOR * recipe.epochs, 10_000), seed=0)
        key = self._key(person_detector(), recipe, "random weights")
        return replace(key, frozen=False, views=0)

    def _seed_from_nothing(self) -> SeedNetwork:
        key = self._seed_key
        module = fresh(person_detector(), seed=key.recipe.seed)
        with _seed_must_end():
            record = self._found(key)
            if record is None:
                size = divide(person_detector()).size
                self._run(module, self._pictures(size), key, start_s=time.monotonic())
            else:
                self.store.load(key, module)
        return SeedNetwork(module.state_dict())

    def _found(self, key: TrainingKey) -> TrainingRecord | None:
        """The record of a finished training.

        Raises:
            DivergedError: it has diverged, and would again.
        """
        known = self.store.divergence(key)
        if known is not None:
            raise DivergedError(known.reason, known.seconds)
        return self.store.find(key)

    def _batches(self, parts: Parts, key: TrainingKey) -> Batches:
        if not key.frozen:
            return self._pictures(parts.size)
        name = parts.size, key.recipe.seed, key.views
        if name not in self._views:
            self._make_room()
            self._views[name] = FeatureBatches(
                self.seed.backbone(parts.backbone).to(self.request.device),
                self._pictures(parts.size),
                views=key.views,
                seed=key.recipe.seed,
            )
        self._views.move_to_end(name)
        return self._views[name]

    def _pictures(self, size: tuple[int, int]) -> PictureBatches:
        return PictureBatches(self.pictures.training, size, device=self.request.device)

    def _make_room(self) -> None:
        """Forget the features that were not used for longest."""
        while sum(batches.nbytes for batches in self._views.values()) > _MOST_CACHED_BYTES:
            self._views.popitem(last=False)

    def _run(
        self,
        module: GraphModule,
        batches: Batches,
        key: TrainingKey,
        *,
        start_s: float,
        told: Told = lambda _: None,
    ) -> TrainingRecord:
        module.to(self.request.device)
        checkpoint = self.store.checkpoint(key)
        trainer = Trainer(module, batches, key.recipe, checkpoint, start_s=start_s)
        try:
            trainer.run(told)
        except DivergedError as error:
            known = Divergence(str(error), trainer.losses, trainer.seconds)
            self.store.keep_divergence(key, known)
            raise
        record = TrainingRecord(trainer.losses, trainer.seconds)
        self.store.keep(key, record, module.cpu().state_dict())
        return record


@contextmanager
def _seed_must_end() -> Iterator[None]:
    """A seed network that diverges is no fault of the candidates that would begin from it."""
    try:
        yield
    except DivergedError as error:
        raise ConfigurationError(
            f"candidates begin from a seed network that is trained first, and its {error}"
        ) from error


def _told_apart(architecture: Architecture) -> str:
    """Its name; with a digest where it is not what the name builds, as an edited one."""
    name = architecture.name
    try:
        is_built = parse_architecture(name) == architecture
    except HwprofError:
        is_built = False
    if is_built:
        return name
    stored = architecture_metadata(architecture)[ARCHITECTURE_KEY]
    return f"{name} {hashlib.sha256(stored.encode()).hexdigest()}"
