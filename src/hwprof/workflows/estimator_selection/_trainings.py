"""Trains samples and short lists, one design at a time; all of it is found again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import isfinite

from hwprof.architecture import Architecture
from hwprof.measurement import DEFAULT_SCHEME
from hwprof.search.design import Design
from hwprof.search.estimators import TaskEstimator
from hwprof.search.performance import Evidence, FittedStrategy, get_strategy
from hwprof.search.selection import Query
from hwprof.search.training.recipe import Recipe
from hwprof.search.training.threads import one_thread
from hwprof.search.training.trainer import DivergedError
from hwprof.search.training.zero_cost import PROXIES_VERSION, DetectorProbes, Probe
from hwprof.workflows.detector_accuracy import DetectorAccuracy
from hwprof.workflows.estimator_selection._beginnings import beginning
from hwprof.workflows.estimator_selection._queries import ask, number_in, read_queries
from hwprof.workflows.estimator_selection._records import (
    DIVERGED_LOSS,
    SampleRecord,
    Trained,
    whole_curve,
)
from hwprof.workflows.trained_detectors import TrainedDetectors, TrainingRequest
from hwprof.workflows.trained_tasks import TrainedTask, get_effort
from hwprof.workflows.training_store import Divergence, TrainingKey, value_name
from hwprof.workspace import Workspace

FULL, EARLY = "full-training", "early-stopping"


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What each process trains with; plain values, so that it can be sent.

    Attributes:
        asked: names of the strategies that are asked with a network's start weights.
        is_early_wanted: whether a strategy looks at a training that was broken off.
    """

    training: TrainingRequest
    workspace: Workspace
    scheme: str = DEFAULT_SCHEME
    asked: tuple[str, ...] = ()
    is_early_wanted: bool = False


class Trainings:
    """The trainings of one process.

    Raises:
        ConfigurationError: the data set or the weights cannot be used.
    """

    def __init__(self, plan: TrainingPlan) -> None:
        self.detectors = TrainedDetectors(plan.training, plan.workspace)
        self._plan = plan
        sets = self.detectors.pictures
        self._accuracy = DetectorAccuracy(sets.selection, sets.training, plan.scheme)
        self._tasks = {
            name: TrainedTask(name, self.detectors, plan.scheme, accuracy=self._accuracy)
            for name in (FULL, EARLY)
        }
        self._store = self.detectors.store

    @property
    def full_task(self) -> TaskEstimator:
        """A search's task estimator by full training."""
        return self._tasks[FULL].estimator()

    @property
    def task_name(self) -> str:
        """Name of what full training measures, with all that it depends on."""
        return self.full_task.name

    def full(self, architecture: Architecture) -> Trained:
        """A full training and its precision; 0 where it diverged."""
        return self._trained(architecture, FULL)

    @one_thread()
    def sample(self, architecture: Architecture) -> SampleRecord:
        """All that stage one wants to know of one design."""
        full = self._trained(architecture, FULL)
        asked, refused = self._asked(architecture)
        if not self._plan.is_early_wanted:
            return SampleRecord(full, asked=asked, refused=refused)
        early = self._trained(architecture, EARLY)
        return SampleRecord(full, early, self._early_loss(architecture), asked, refused)

    @one_thread()
    def query(self, architecture: Architecture, fitted: FittedStrategy) -> Query:
        """What a fitted strategy says of a design that was not trained fully.

        Its seconds are those of all that it takes, those of trainings that are found again too.

        Raises:
            ConfigurationError: it cannot be asked, or trained as far as it must be.
        """
        needs = fitted.strategy.needs
        start_s = time.monotonic()
        early = self._trained(architecture, EARLY) if needs.validation else None
        begun = beginning(self.detectors, architecture, needs.curve_epochs)
        evidence = Evidence(
            architecture,
            curve=begun.losses,
            epochs=self.recipe.epochs,
            early_ap=early.ap50_int8 if early else None,
            early_loss=self._early_loss(architecture) if early else None,
            probe=self._probe(architecture) if needs.probe else None,
        )
        (score,) = fitted.scores([evidence]).tolist()
        paid_s = begun.seconds + (early.seconds if early else 0)
        return Query(score, max(time.monotonic() - start_s, paid_s))

    def reported(self, architecture: Architecture) -> float:
        """Int8 precision of a fully trained design on the pictures that nothing was chosen by."""
        return self._kept(
            self.detectors.key(architecture),
            value_name("val-B", self._plan.scheme),
            lambda: self._reported(architecture),
        )

    @property
    def recipe(self) -> Recipe:
        """Of a full training."""
        return self.detectors.request.recipe

    def _probe(self, architecture: Architecture) -> Probe:
        """The network with its start weights; nothing is kept from one design to the next."""
        detectors = self.detectors
        probes = DetectorProbes(
            detectors.seed, detectors.pictures.training, frozen=detectors.request.frozen
        )
        return probes.probe(architecture)

    def _reported(self, architecture: Architecture) -> float:
        sets = self.detectors.pictures
        on_report = DetectorAccuracy(sets.report, sets.training, self._plan.scheme)
        try:
            return on_report.accuracy(self.detectors.train(architecture)).ap50_int8
        except DivergedError:
            return 0.0

    def _trained(self, architecture: Architecture, name: str) -> Trained:
        key = self.detectors.key(architecture, get_effort(name).recipe(self.recipe))
        details = self._tasks[name].judge(Design(architecture)).details
        outcome = self._store.outcome(key)
        if isinstance(outcome, Divergence):
            return _diverged(outcome, key.recipe.epochs)
        return Trained(
            float(details["ap50_int8"]),
            float(details["ap50_float"]),
            outcome.losses,
            outcome.seconds,
            float(details["evaluation_s"]),
        )

    def _early_loss(self, architecture: Architecture) -> float:
        recipe = get_effort(EARLY).recipe(self.recipe)
        return self._kept(
            self.detectors.key(architecture, recipe),
            "val-A-loss",
            lambda: self._loss_after(architecture, recipe),
        )

    def _loss_after(self, architecture: Architecture, recipe: Recipe) -> float:
        try:
            loss = self._accuracy.loss(self.detectors.train(architecture, recipe))
        except DivergedError:
            return DIVERGED_LOSS
        return loss if isfinite(loss) else DIVERGED_LOSS

    def _kept(self, key: TrainingKey, name: str, compute: Callable[[], float]) -> float:
        """A number that is computed of a training once."""
        found = self._store.value(key, name)
        if found is None:
            found = {"value": compute()}
            self._store.keep_value(key, name, found)
        return number_in(found, "value", f"{name} of a training")

    def _asked(self, architecture: Architecture) -> tuple[dict[str, Query], dict[str, str]]:
        key, kept_as = self.detectors.key(architecture), f"queries-{PROXIES_VERSION}"
        asked = read_queries(self._store.value(key, kept_as) or {})
        missing = [get_strategy(name) for name in self._plan.asked if name not in asked]
        if not missing:
            return asked, {}
        answered, refused = ask(missing, Evidence(architecture, probe=self._probe(architecture)))
        asked |= answered
        self._store.keep_value(key, kept_as, {name: asdict(q) for name, q in asked.items()})
        return asked, refused


def _diverged(divergence: Divergence, epochs: int) -> Trained:
    curve = whole_curve(divergence.losses, epochs)
    return Trained(0.0, 0.0, curve, divergence.seconds, 0.0, divergence.reason)
