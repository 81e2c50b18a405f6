"""A surrogate moved to another board: choose blocks, measure them there, fit, save, report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.luts import save_table
from hwprof.measurement import DEFAULT_TIMING, Context, Measurement
from hwprof.profiler.bench import Bench
from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.artefact import (
    HEAD_FILE,
    LUT_FILE,
    Artefact,
    context_slug,
    load_artefact,
    read_context,
    save_artefact,
)
from hwprof.surrogates.catalogue import (
    Question,
    artefact_roots,
    choose_entries,
    installed_code,
    list_entries,
)
from hwprof.surrogates.keys import parse_key
from hwprof.surrogates.rows import describe
from hwprof.surrogates.transfer import Design, Terms, Transfer
from hwprof.workflows.transfer._measuring import (
    CANDIDATES,
    StoringBoard,
    cycles_of,
    draw_candidates,
    draw_checks,
    measure_chosen,
)
from hwprof.workflows.transfer._memories import like_target, line_costs
from hwprof.workflows.transfer._reports import Checks, Plan, TransferReport, try_transfer
from hwprof.workflows.transfer._result import Moved
from hwprof.workspace import Workspace

__all__ = [
    "CANDIDATES",
    "Checks",
    "Plan",
    "TransferReport",
    "cycles_of",
    "draw_candidates",
    "load_source",
    "measure_chosen",
    "source_terms",
    "transfer_surrogate",
    "try_transfer",
]

FEWEST_CHECKS = 3
"""Fewer have no rank correlation."""


def transfer_surrogate(workspace: Workspace, plan: Plan) -> tuple[TransferReport, Path]:
    """Move a surrogate to the board of ``plan.setup`` and save it in the workspace.

    What is measured is stored as rows too.

    Returns:
        What was found, and the artefact's folder.

    Raises:
        ArtefactError: there is no surrogate to move.
        ConfigurationError: the board has a surrogate already, or too few samples are asked for.
        LinkError: the board failed.
    """
    source = load_source(workspace, plan)
    configs = draw_candidates(source.types, CANDIDATES, plan.seed)
    with Bench(plan.setup) as bench, MeasurementStore(workspace.store, create=True) as store:
        _check_free(workspace, bench.origin.context)
        terms, knows_memories = source_terms(source, plan, bench.origin.context)
        everyone = Design.of(configs, terms)
        board = StoringBoard(bench, store)
        rows = measure_chosen(configs, everyone, plan.samples, board)
        drawn = draw_checks(source.types, plan.checks, plan.seed)
        checks = [row for row in map(board.measure, drawn) if row]
    transfer = Transfer.fit(
        everyone.take(list(rows)), cycles_of(rows.values()), source.interval_level
    )
    moved = Moved(source, transfer, list(rows.values()), everyone, plan.seed)
    artefact = moved.artefact()
    own = save_artefact(artefact, workspace.artefacts)
    save_table(moved.table(), own / LUT_FILE)
    report = TransferReport(
        source=plan.source,
        context=describe(artefact.context),
        rows=tuple(rows.values()),
        refused=board.refused,
        scalar=transfer.scalar,
        interval_percent=float(100 * np.expm1(np.median(moved.half_widths()))),
        knows_memories=knows_memories,
        checks=_try(transfer, terms, checks),
    )
    return report, own


def load_source(workspace: Workspace, plan: Plan) -> Artefact:
    """The surrogate to move: of the source target, with the kernels and scheme of the setup.

    Raises:
        ArtefactError: nothing was fitted for it.
        ConfigurationError: several contexts answer.
    """
    setup = plan.setup
    question = Question(
        plan.source,
        setup.kernels,
        setup.scheme,
        plan.source_placement,
        timing=setup.timing or DEFAULT_TIMING,
        cache_state=setup.cache_state,
    )
    entries = choose_entries(question, list_entries(artefact_roots(workspace)))
    code = installed_code(question, read_context(entries[0].folder))
    return load_artefact(entries[0].folder, code)


def source_terms(source: Artefact, plan: Plan, target: Context) -> tuple[Terms, bool]:
    """What all block types of the source share, and whether both boards' memories are known.

    Raises:
        UnknownNameError, ConfigurationError: a board file that is named cannot be used.
    """
    described = like_target(plan.like, plan.setup.target)
    costs = line_costs((plan.source, source.context.placement), (described, target.placement))
    coefficients = source.prior.regressor.arrays()["coefficients"].astype(np.float64)
    return Terms.of(coefficients, costs), costs.is_known


def _check_free(workspace: Workspace, context: Context) -> None:
    own = workspace.artefacts / context_slug(context)
    if not (own / HEAD_FILE).is_file() or load_artefact(own).provenance.transferred_from:
        return
    raise ConfigurationError(
        f"a transfer takes no fitted surrogate's place; {own} has one for {describe(context)}; use "
        "it, or another --workspace."
    )


def _try(transfer: Transfer, terms: Terms, rows: Sequence[Measurement]) -> Checks | None:
    if len(rows) < FEWEST_CHECKS:
        return None
    design = Design.of([parse_key(row.block_key) for row in rows], terms)
    return try_transfer(transfer, design, cycles_of(rows))
