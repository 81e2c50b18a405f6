"""A request as a problem: space, task, latency and limits by their names."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.profiler.lowering import lower
from hwprof.profiler.program import Program
from hwprof.search.estimators import TaskEstimator, get_task
from hwprof.search.problem import Limit, Problem
from hwprof.search.selection import load_estimator
from hwprof.search.spaces import SearchSpace, TrainedSpace, get_space
from hwprof.search.training.parts import divide
from hwprof.search.training.requirement import require_training
from hwprof.workflows.search_latency import SearchBoard, get_latency
from hwprof.workflows.search_request import Lessons, SearchRequest
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.workflows.trained_detectors import TrainedDetectors, TrainingRequest

_CACHED_PROGRAMS = 4


def make_problem(request: SearchRequest, board: SearchBoard, workspace: Workspace) -> Problem:
    """The problem that a request names.

    Raises:
        UnknownNameError: no such space, task or latency estimator.
        ArtefactError: no surrogate fits the target, or the file is no estimator.
        ConfigurationError: what trains is not installed, its pictures cannot be used, the space
            is not one of detectors, or the estimator learned from another space.
    """
    space = _space(request)
    return Problem(
        space,
        _task(request, space, workspace),
        get_latency(request.latency, board, workspace),
        request.budget_us,
        _limits(request),
    )


def _space(request: SearchRequest) -> SearchSpace:
    space = get_space(request.space)
    if request.hpo and request.lessons is not None:
        return TrainedSpace(space, request.lessons.recipe)
    return space


def _task(request: SearchRequest, space: SearchSpace, workspace: Workspace) -> TaskEstimator:
    if request.estimator is not None:
        return _fitted(request.estimator, space)
    if request.lessons is None or not request.trains:
        return get_task(request.task)
    divide(space.architecture(space.seed_point))
    require_training()
    from hwprof.workflows.trained_tasks import TrainedTask

    detectors = trained_detectors(request.lessons, workspace)
    return TrainedTask(request.task, detectors, request.setup.scheme).estimator()


def _fitted(path: Path, space: SearchSpace) -> TaskEstimator:
    """The estimator in a file; one that learned from trainings judges their space alone.

    A count says of any network what it says. A model knows what varied in the networks that it
    learned from, and how much of it there was.
    """
    estimator = load_estimator(path)
    learned, strategy = estimator.fitted_on, estimator.fitted.strategy
    if strategy.needs.samples and learned.space_sha256 != space.fingerprint:
        own = learned.space if learned.space != space.name else "another space of that name"
        raise ConfigurationError(
            f"a model judges networks of the space that it learned from; the {strategy.title} in "
            f"{path} learned from {own}, and the search is of {space.name}; run 'hwprof "
            "estimators' for this space, or take a count such as --task flops-proxy."
        )
    return estimator


def trained_detectors(lessons: Lessons, workspace: Workspace) -> TrainedDetectors:
    """What trains detectors, and finds those that were trained before.

    Raises:
        ConfigurationError: PyTorch is missing, or pictures or weights cannot be used.
    """
    request = training_request(lessons)
    from hwprof.workflows.trained_detectors import TrainedDetectors

    return TrainedDetectors(request, workspace)


def training_request(lessons: Lessons) -> TrainingRequest:
    """The same, as what trains them takes it.

    Raises:
        ConfigurationError: PyTorch is missing.
    """
    require_training()
    from hwprof.workflows.trained_detectors import TrainingRequest

    return TrainingRequest(
        data=lessons.data,
        weights=lessons.weights,
        class_name=lessons.class_name,
        recipe=lessons.recipe,
        frozen=lessons.frozen,
        device=lessons.device,
    )


def _limits(request: SearchRequest) -> tuple[Limit, ...]:
    """Of the program as it is lowered, which takes some hundredths of a second."""

    @lru_cache(maxsize=_CACHED_PROGRAMS)
    def program(architecture: Architecture) -> Program:
        setup = request.setup
        return lower(architecture.graph(), placement=setup.placement, scheme=setup.scheme)

    def peak_ram_bytes(architecture: Architecture) -> float:
        return program(architecture).peak_ram_bytes

    def flash_bytes(architecture: Architecture) -> float:
        return program(architecture).flash_bytes

    limits: tuple[tuple[int | None, Callable[[Architecture], float]], ...] = (
        (request.max_ram_bytes, peak_ram_bytes),
        (request.max_flash_bytes, flash_bytes),
    )
    return tuple(
        Limit(amount.__name__, most, amount) for most, amount in limits if most is not None
    )
