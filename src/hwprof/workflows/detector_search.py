"""The search as the command line runs it: everything by name, the board at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from tqdm import tqdm

from hwprof.search.estimators import get_task
from hwprof.search.exhaustive import exhaustive_front
from hwprof.search.problem import Problem
from hwprof.search.results import SearchResult
from hwprof.search.spaces import get_space
from hwprof.search.strategies import get_strategy
from hwprof.search.study import open_study
from hwprof.workflows.search_latency import SearchBoard
from hwprof.workflows.search_plan import Say, announce_plan
from hwprof.workflows.search_problem import make_problem, trained_detectors
from hwprof.workflows.search_request import SearchRequest
from hwprof.workflows.search_workers import run_workers
from hwprof.workflows.verified_search import Progress, verified_search
from hwprof.workspace import Workspace

__all__ = ["SearchRequest", "search_by_name"]


def search_by_name(
    request: SearchRequest, workspace: Workspace, *, say: Say = lambda _: None
) -> SearchResult:
    """Run a search; trials stay in the storage, so that the same call goes on where it stopped.

    Args:
        request: what to search.
        workspace: keeps the study and the trainings.
        say: told in a sentence what a search that trains will cost, before it begins, and of
            workers that did not come to their end.

    Raises:
        UnknownNameError: no such space, strategy or latency estimator.
        ArtefactError: no surrogate fits the target.
        ConfigurationError: nothing meets the budget, the study belongs to another search, or what
            trains is not installed or has no pictures.
        BoardError: a winner's outputs on the board are not the reference's.
    """
    strategy = get_strategy(request.strategy)
    workspace.make()
    with _progress() as report, SearchBoard(request.setup) as board:
        problem = make_problem(request, board, workspace)
        if request.trains:
            _refuse_early(request, problem, workspace)
            announce_plan(request, problem, say)
        result = verified_search(
            problem,
            strategy,
            request.options,
            storage=request.place(workspace),
            profile=board.estimate if request.verify else None,
            exhaustive=request.exhaustive and problem.is_cheap,
            helpers=partial(run_workers, request, workspace, say=say)
            if request.workers > 1
            else None,
            progress=report,
        )
        return _reported(request, _Search(problem, board, workspace), result, report)


def _refuse_early(request: SearchRequest, problem: Problem, workspace: Workspace) -> None:
    """Before anything is trained, refuse what would be refused behind it.

    Raises:
        ConfigurationError: another search has the study, the strategy cannot have this problem, no
            architecture is predicted to meet the budget, or a report knows no such networks.
    """
    if request.report_seeds:
        from hwprof.workflows.search_outcome import require_reportable

        require_reportable(problem.space.architecture(problem.space.seed_point))
    strategy, options = get_strategy(request.strategy), request.options
    name = options.study_name(problem, strategy)
    storage = request.place(workspace)
    with open_study(problem, strategy, name=name, seed=options.seed, storage=storage):
        strategy.prepared(problem, options.trials)
    if request.exhaustive and problem.latency.is_cheap and problem.budget_us is not None:
        space, counts = get_space(request.space), get_task("flops-proxy")
        exhaustive_front(Problem(space, counts, problem.latency, problem.budget_us))


@dataclass(frozen=True, slots=True)
class _Search:
    """What a finished search was made with."""

    problem: Problem
    board: SearchBoard
    workspace: Workspace


def _reported(
    request: SearchRequest, search: _Search, result: SearchResult, progress: Progress
) -> SearchResult:
    """The result with its report's place, where the search trained and a report is wanted."""
    if request.lessons is None or not request.trains or not request.report_seeds:
        return result
    from hwprof.workflows.search_outcome import Reporting, report_study

    files = report_study(
        search.problem,
        get_strategy(request.strategy),
        request.options,
        reporting=Reporting(
            trained_detectors(request.lessons, search.workspace),
            request.setup,
            seeds=request.report_seeds,
            bench=search.board.bench,
        ),
        workspace=search.workspace,
        storage=request.place(search.workspace),
        progress=progress,
    )
    return replace(result, report=str(files.page))


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    bars: dict[str, tqdm[None]] = {}

    def advance(stage: str, count: int, total: int) -> None:
        if stage not in bars:
            bars[stage] = tqdm(total=total, desc=stage, disable=None)
        bars[stage].update(count)

    try:
        yield advance
    finally:
        for bar in bars.values():
            bar.close()
