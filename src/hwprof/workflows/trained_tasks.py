"""How good a design is, by training it: with the whole recipe, or with as much as a search can pay.

    full-training       the whole recipe, from the seed network's weights as they were given
    early-stopping      a fifth of its epochs, with a schedule as short
    weight-inheritance  a fifth of its epochs, from the seed network's weights as the whole recipe
                        has trained them: candidates are parts of one trained network and only
                        settle, as in weight-sharing search (Cai et al., "Once for All",
                        arXiv 1908.09791)

All begin with the part of the seed network that they have room for (``search.training.inherit``),
and the score of all is the average precision of the int8 network on the pictures for selection.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from hwprof.errors import UnknownNameError
from hwprof.measurement import DEFAULT_SCHEME
from hwprof.search.design import Design
from hwprof.search.estimators import GivenTask, Judgement
from hwprof.search.training.recipe import Recipe
from hwprof.search.training.trainer import DivergedError
from hwprof.workflows.detector_accuracy import Accuracy, DetectorAccuracy
from hwprof.workflows.trained_detectors import TrainedDetector, TrainedDetectors
from hwprof.workflows.training_store import value_name


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of a training a task estimator pays for.

    Attributes:
        share: of the recipe's epochs, 0 to 1.
        seed_trained: whether it begins from the seed network as trained here.
    """

    share: float
    seed_trained: bool = False

    def recipe(self, whole: Recipe) -> Recipe:
        """What is left of a recipe; at least one epoch."""
        return replace(whole, epochs=max(math.ceil(self.share * whole.epochs), 1))


EFFORTS: Mapping[str, Effort] = MappingProxyType(
    {
        "full-training": Effort(1.0),
        "early-stopping": Effort(0.2),
        "weight-inheritance": Effort(0.2, seed_trained=True),
    }
)


def get_effort(name: str) -> Effort:
    """The effort of a task estimator that trains.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if name not in EFFORTS:
        raise UnknownNameError("task estimator", name, EFFORTS)
    return EFFORTS[name]


class TrainedTask:
    """Judges designs by training them; trainings and their precision are kept.

    Args:
        name: of one of ``EFFORTS``.
        scheme: of quantisation, in which precision is computed.
        accuracy: of the same pictures and scheme, where several tasks share what they compute.

    Raises:
        UnknownNameError: no such estimator.
    """

    def __init__(
        self,
        name: str,
        detectors: TrainedDetectors,
        scheme: str = DEFAULT_SCHEME,
        *,
        accuracy: DetectorAccuracy | None = None,
    ) -> None:
        self._name, self._effort = name, get_effort(name)
        self._detectors = detectors
        self._scheme = scheme
        sets = detectors.pictures
        self._accuracy = accuracy or DetectorAccuracy(sets.selection, sets.training, scheme)

    def estimator(self) -> GivenTask:
        """As a search takes it; its name says all that its values depend on."""
        key = self._detectors.digest
        return GivenTask(f"int8 AP50, {self._name}, {self._scheme}, {key}", self.judge)

    def judge(self, design: Design) -> Judgement:
        """Train a design as far as this estimator does, and evaluate it.

        A training that diverges is a score of 0: a space with learning rates has such points.

        Raises:
            ConfigurationError, StoreError: it cannot be trained, or nothing can be written.
        """
        recipe = self._effort.recipe(design.recipe or self._detectors.request.recipe)
        try:
            trained = self._detectors.train(
                design.architecture, recipe, seed_trained=self._effort.seed_trained
            )
        except DivergedError as error:
            return Judgement(0.0, {"diverged": str(error), "training_s": error.seconds})
        accuracy, evaluation_s = self._evaluated(trained)
        details: dict[str, float | str] = {
            "ap50_float": accuracy.ap50_float,
            "ap50_int8": accuracy.ap50_int8,
            "training": trained.key.slug,
            "training_s": trained.record.seconds,
            "evaluation_s": evaluation_s,
            "epochs": recipe.epochs,
        }
        return Judgement(accuracy.ap50_int8, details)

    def _evaluated(self, trained: TrainedDetector) -> tuple[Accuracy, float]:
        """Precision on val-A, and the seconds that it took where it was computed."""
        name = value_name("val-A", self._scheme)
        store = self._detectors.store
        found = store.value(trained.key, name)
        if found is None:
            start_s = time.monotonic()
            accuracy = self._accuracy.accuracy(trained)
            found = {
                "ap50_float": accuracy.ap50_float,
                "ap50_int8": accuracy.ap50_int8,
                "evaluation_s": time.monotonic() - start_s,
            }
            store.keep_value(trained.key, name, found)
        accuracy = Accuracy(float(found["ap50_float"]), float(found["ap50_int8"]))
        return accuracy, float(found.get("evaluation_s", 0.0))
