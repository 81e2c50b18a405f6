"""From a study to its report's folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from hwprof.profiler.bench import Bench, Setup
from hwprof.search.loop import SearchOptions, run_search, settle
from hwprof.search.problem import Problem
from hwprof.search.strategies import Strategy
from hwprof.search.study import Storage
from hwprof.workflows.search_outcome._outcome import write_outcome
from hwprof.workflows.search_outcome._request import OutcomeRequest, Progress
from hwprof.workflows.search_report import SearchReportFiles
from hwprof.workflows.trained_detectors import TrainedDetectors
from hwprof.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Reporting:
    """How a study is reported.

    Attributes:
        detectors: those that the study's task trains.
        seeds: trainings of each row.
        bench: the board, where it is open already.
    """

    detectors: TrainedDetectors
    setup: Setup
    seeds: int = 5
    bench: Bench | None = None


def report_study(
    problem: Problem,
    strategy: Strategy,
    options: SearchOptions,
    *,
    reporting: Reporting,
    workspace: Workspace,
    storage: Storage,
    progress: Progress | None = None,
) -> SearchReportFiles:
    """Report a study, its trials run as far as they are missing.

    Raises:
        ConfigurationError, BoardError, StoreError: as ``run_search`` and ``write_outcome``.
    """
    trials = run_search(problem, strategy, options, storage=storage)
    request = OutcomeRequest(
        problem=problem,
        trials=settle(problem, trials),
        n_trials=len(trials),
        strategy=strategy.full_name,
        detectors=reporting.detectors,
        setup=reporting.setup,
        seeds=reporting.seeds,
    )
    folder = report_folder(workspace, options.study_name(problem, strategy))
    return write_outcome(request, folder, bench=reporting.bench, progress=progress)


def report_folder(workspace: Workspace, study: str) -> Path:
    """Where a study's report lies; names of studies may hold what folders had better not."""
    return workspace.root / "searches" / re.sub(r"[^\w.=-]+", "-", study)
