"""A search by the names that a user gives; plain values, so that it travels between processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.profiler.bench import Setup
from hwprof.search.estimators import TASKS
from hwprof.search.loop import SearchOptions
from hwprof.search.study import Storage
from hwprof.search.training.recipe import Recipe
from hwprof.workspace import Workspace

TRAINED_TASKS = ("full-training", "early-stopping", "weight-inheritance")
"""Task estimators that train, as ``trained_tasks`` has them; named here without PyTorch."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """What candidates are trained on, and how.

    Attributes:
        data: a COCO or PASCAL VOC folder.
        weights: of the seed network; None to train it from nothing.
        frozen: whether the backbone stays as it is.
        device: ``cpu``, or PyTorch's name of a GPU.
    """

    data: Path
    weights: Path | None = None
    class_name: str = "person"
    recipe: Recipe = field(default_factory=Recipe)
    frozen: bool = True
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What to search, by what, and how long.

    Attributes:
        latency: a key of ``search_latency.LATENCIES``: how a candidate's latency is known.
        budget_us: candidates above it are no solutions; None for no budget.
        max_ram_bytes, max_flash_bytes: likewise for the lowered program.
        lessons: for tasks that train; None without pictures.
        hpo: whether the space varies how candidates are trained, too.
        storage: URL of a database; empty for the workspace's file.
        workers: processes that run trials.
        estimator: file of a fitted estimator, which then takes the task's place.
        time_budget_s: how long the search may take; None for as long as it does.
        exhaustive: whether the whole space is predicted as well, where that is cheap.
        verify: whether the winners and the seed network are run on the board.
        report_seeds: trainings of each detector in the report of a search that trains; 0 for no
            report.

    Raises:
        UnknownNameError: no such task estimator.
        ConfigurationError: a task that trains has no pictures, ``hpo`` no task that trains, or one
            board on a line is to serve several workers.
    """

    space: str
    strategy: str = "motpe"
    task: str = "flops-proxy"
    latency: str = "surrogate"
    budget_us: float | None = None
    max_ram_bytes: int | None = None
    max_flash_bytes: int | None = None
    lessons: Lessons | None = None
    hpo: bool = False
    options: SearchOptions = field(default_factory=SearchOptions)
    setup: Setup = field(default_factory=Setup)
    storage: str = ""
    workers: int = 1
    estimator: Path | None = None
    time_budget_s: float | None = None
    exhaustive: bool = True
    verify: bool = True
    report_seeds: int = 5

    def __post_init__(self) -> None:
        if self.task not in (*TASKS, *TRAINED_TASKS):
            raise UnknownNameError("task estimator", self.task, (*TASKS, *TRAINED_TASKS))
        if self.trains and self.lessons is None:
            raise ConfigurationError(
                f"the task {self.task} trains on pictures; give a COCO or PASCAL VOC folder with "
                "--data DIR, or choose --task flops-proxy."
            )
        if self.estimator is not None and self.trains:
            raise ConfigurationError(
                f"a search maximises one thing; got --estimator {self.estimator} and the task "
                f"{self.task}, which trains; leave out one of --estimator and --data."
            )
        if self.hpo and not self.trains:
            raise ConfigurationError(
                f"--hpo varies how candidates are trained, and the task {self.task} trains none; "
                f"choose --task {' or '.join(TRAINED_TASKS)}, with --data DIR."
            )
        if self.workers > 1 and "board" in self.latency and not self._is_virtual:
            raise ConfigurationError(
                f"one board answers one worker at a time; got --workers {self.workers} with "
                f"--latency {self.latency} on {self.setup.target}; use --workers 1, or "
                "--latency surrogate, which runs the winners only."
            )

    @property
    def trains(self) -> bool:
        """Whether the task estimator trains candidates."""
        return self.task in TRAINED_TASKS

    def place(self, workspace: Workspace) -> Storage:
        """Where the study is kept."""
        return self.storage or workspace.studies

    @property
    def _is_virtual(self) -> bool:
        return self.setup.target.startswith("virtual:")
