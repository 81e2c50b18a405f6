"""The whole way from a finished search to its report's folder."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median

import numpy as np

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.profiler.bench import Bench
from hwprof.search.design import Design
from hwprof.search.front import pareto_indices
from hwprof.search.problem import Candidate, Problem
from hwprof.search.training import bootstrap
from hwprof.search.training.sets import SPLIT_SEED
from hwprof.surrogates.rows import describe
from hwprof.workflows.search_outcome._board import Board
from hwprof.workflows.search_outcome._choice import Chooser, baseline
from hwprof.workflows.search_outcome._pictures import drawings
from hwprof.workflows.search_outcome._request import OutcomeRequest, Progress
from hwprof.workflows.search_outcome._rows import Entry, Judged, RowMaker, judged
from hwprof.workflows.search_outcome._trainings import Trainings
from hwprof.workflows.search_outcome._words import (
    diverged_words,
    recipe_words,
    start_rule,
    task_words,
)
from hwprof.workflows.search_report import (
    Cost,
    Detector,
    Protocol,
    Role,
    SearchReport,
    SearchReportFiles,
    Trial,
    write_search_report,
)


def write_outcome(
    request: OutcomeRequest,
    folder: Path,
    *,
    bench: Bench | None = None,
    progress: Progress | None = None,
) -> SearchReportFiles:
    """Train, judge and run seed, winners and baselines of a search, and write its report.

    Trainings and what they find are kept in the workspace: the same call goes on where it stopped.

    Args:
        folder: made where it is not there; files of an earlier report in it are replaced.
        bench: of the request's setup, where it is open already: a line takes one at a time.
        progress: called from this thread as trainings end.

    Raises:
        ConfigurationError: a detector is none of the person detector's, or cannot be trained; the
            folder cannot be written.
        BoardError: a run did not verify.
        StoreError: what is kept is broken, or cannot be written.
    """
    problem = request.problem
    seed = problem.candidate(problem.space.seed_point, request.trials)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"a report is written into a folder; {folder} cannot be made ({error.strerror}); "
            "choose another."
        ) from error
    with nullcontext(bench) if bench else Bench(request.setup) as opened:
        board = Board(opened, request.detectors.store.root.parent / "runs")
        entries = _entries(request, seed, board)
        trainings = Trainings(request.detectors, request.setup.scheme, _seeds(request))
        rows = _judge(entries, trainings, progress)
        maker = RowMaker(board, rows, problem.budget_us, folder)
        detectors = tuple(maker.row(one) for one in rows)
        report = _report(_Finished(request, seed, board, rows, detectors))
    return write_search_report(report, folder)


def _seeds(request: OutcomeRequest) -> tuple[int, ...]:
    """Those behind the recipe's own, with which the search trained."""
    first = request.detectors.request.recipe.seed + 1
    return tuple(range(first, first + request.seeds))


def _entries(request: OutcomeRequest, seed: Candidate, board: Board) -> list[Entry]:
    """The seed, the winners, and for each winner what shrinking the seed's input would give."""
    problem = request.problem
    designs = {one.point: problem.space.design(one.point) for one in (seed, *request.trials)}
    chooser = Chooser(lambda one: designs[one.point].architecture, board.latency_us)
    fitting = [one for one in request.trials if problem.fits(one)]
    winners = chooser.winners(fitting, seed, problem.budget_us)
    entries = [_entry(problem, "seed", designs[seed.point])]
    for number, winner in enumerate(winners, start=1):
        design = designs[winner.candidate.point]
        entries.append(_entry(problem, "winner", design, number, why=winner.why))
    smaller: dict[str, Entry] = {}
    for at, entry in enumerate(entries[1:], start=1):
        found = _baseline(problem, entries[0].architecture, entry.architecture, board)
        if found is None:
            continue
        entries[at] = replace(entry, baseline=found.name)
        if found.name not in {one.architecture.name for one in entries}:
            why = f"the seed's head as fast as {entry.label}"
            row = _entry(problem, "baseline", Design(found), len(smaller) + 1, why=why)
            smaller.setdefault(found.name, row)
    return [*entries, *smaller.values()]


def _baseline(
    problem: Problem, seed: Architecture, winner: Architecture, board: Board
) -> Architecture | None:
    limit_us = board.latency_us(winner)
    return baseline(seed, limit_us, board.latency_us, lambda one: _estimated_us(problem, one))


def _entry(
    problem: Problem, role: Role, design: Design, number: int = 0, *, why: str = ""
) -> Entry:
    (estimate,) = problem.latency.estimates([design.architecture])
    label = f"{role} {number}" if number else role
    return Entry(label, role, design, why, estimate)


def _estimated_us(problem: Problem, architecture: Architecture) -> float:
    (latency_us,) = problem.latency.latencies_us([architecture]).tolist()
    return float(latency_us)


def _judge(
    entries: Sequence[Entry], trainings: Trainings, progress: Progress | None
) -> list[Judged]:
    total = len(entries) * len(trainings.seeds)

    def advance(count: int) -> None:
        if progress is not None:
            progress("report", count, total)

    trained = [trainings.of(entry.design, advance) for entry in entries]
    return judged(entries, trained, [trainings.accuracy.int8(one.first) for one in trained])


@dataclass(frozen=True, slots=True)
class _Finished:
    """All that a report is put together from."""

    request: OutcomeRequest
    seed: Candidate
    board: Board
    rows: Sequence[Judged]
    detectors: tuple[Detector, ...]


def _report(done: _Finished) -> SearchReport:
    request, problem = done.request, done.request.problem
    shown = [row for row in done.rows if row.entry.role != "baseline"]
    sets = request.detectors.pictures
    drawn = drawings(sets.report, shown, count=request.drawn, seed=SPLIT_SEED)
    values = np.array([(one.latency_us, one.score) for one in request.trials])
    front = set(pareto_indices(values[:, 0], values[:, 1]).tolist())
    return SearchReport(
        space=problem.space.name,
        space_size=problem.space.size,
        strategy=request.strategy,
        task=task_words(problem.task.name),
        latency=problem.latency.name,
        target=f"{request.setup.target}: {describe(done.board.bench.origin.context)}",
        budget_us=problem.budget_us,
        trials=tuple(
            _trial(one, is_on_front=number in front) for number, one in enumerate(request.trials)
        ),
        n_trials=request.n_trials,
        detectors=done.detectors,
        cost=_cost(done),
        protocol=_protocol(request),
        drawings=tuple(drawn),
        seed_trial=_trial(done.seed),
        notes=tuple(
            diverged_words(row.entry.label, row.trained.diverged)
            for row in done.rows
            if row.trained.diverged
        ),
    )


def _trial(one: Candidate, *, is_on_front: bool = False) -> Trial:
    precision = one.details.get("ap50_float")
    return Trial(
        arch=one.arch,
        latency_us=one.latency_us,
        kind=one.kind,
        ap50_int8=one.score,
        ap50_float=None if precision is None else float(precision),
        on_front=is_on_front,
    )


def _cost(done: _Finished) -> Cost:
    request = done.request
    seconds = (one.details.get("training_s") for one in request.trials)
    return Cost(
        training_s=tuple(float(one) for one in seconds if one is not None),
        answers=len(request.trials),
        answer_s=median(one.latency_s for one in request.trials),
        board_runs=sum(one.kind != "predicted" for one in request.trials),
        board_run_s=fmean(row.board.seconds for row in done.detectors),
    )


def _protocol(request: OutcomeRequest) -> Protocol:
    training, sets = request.detectors.request, request.detectors.pictures
    return Protocol(
        data=training.data.name,
        class_name=training.class_name,
        training_pictures=len(sets.training),
        select_pictures=len(sets.selection),
        report_pictures=len(sets.report),
        split_seed=SPLIT_SEED,
        seeds=_seeds(request),
        start_rule=start_rule(training),
        scheme=request.setup.scheme,
        recipe=recipe_words(training.recipe),
        interval_level=bootstrap.LEVEL,
        resamples=bootstrap.REPLICATES,
    )
