"""From a workspace's samples and rows to surrogates and a lookup table in the same workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hwprof.errors import StoreError
from hwprof.firmware_stub.stamp import code_sha256
from hwprof.firmware_stub.targets import describe_virtual, is_name, virtual_reference
from hwprof.measurement import TIMING_MODES
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.fit import FitOptions, Fitted, fit
from hwprof.surrogates.network_rows import measured_networks
from hwprof.workflows.measure_samples import measure_samples
from hwprof.workflows.own_blocks import workspace_templates
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


def fit_workspace(
    workspace: Workspace, setup: Setup, *, workers: int, seed: int = 0
) -> tuple[Fitted, Path]:
    """Measure samples that have no row yet, fit every block type, and save what was fitted.

    Whole networks among the rows correct the sum over blocks, if there are enough of them.

    Nothing is measured where the target is the mere name of a board whose rows were imported.

    Args:
        seed: where the folds of the cross-validation and the learners begin.

    Returns:
        What was fitted, and the folder it was saved to.

    Raises:
        StoreError: nothing was sampled or measured, or too little of it.
        ConfigurationError: the rows come from several contexts.
    """
    origin = None
    if workspace.has_samples and not is_name(setup.target):
        measure_samples(workspace, setup, workers=workers)
        with Bench(setup) as bench:
            origin = bench.origin
    with MeasurementStore(workspace.store) as store:
        rows = store.frame()
    if is_name(setup.target):
        rows = _imported(rows, setup)
    elif origin is None:
        rows = _in_context(rows, _asked(setup))
    fitted = fit(
        rows,
        FitOptions(seed=seed, code_sha256=_installed_code(rows, setup)),
        # Rows of other placements or of an earlier image may lie in the same store.
        context=origin.context if origin else None,
        firmware_sha256=origin.firmware_sha256 if origin else "",
        templates=workspace_templates(workspace),
    )
    artefact = fitted.artefact
    networks = measured_networks(rows, artefact.context, artefact.stamp.code_sha256)
    fitted = fitted.corrected(networks, seed=seed)
    return fitted, fitted.save(workspace.artefacts)


def _imported(rows: pd.DataFrame, setup: Setup) -> pd.DataFrame:
    """Rows of a board known by name; of several contexts, those that the setup names."""
    chosen = rows[(rows["board"] == setup.target) & ~_is_ours(rows)]
    if chosen.empty:
        known = ", ".join(sorted(set(rows["board"]))) or "none"
        raise StoreError(
            f"a surrogate for {setup.target} needs measurements of it, the store has rows of: "
            f"{known}; run 'hwprof import TABLE.csv --target {setup.target}' first."
        )
    return _in_context(chosen, _asked(setup))


def _asked(setup: Setup) -> dict[str, object]:
    """What a setup says of its rows' context, by column; no board is opened for it."""
    asked: dict[str, object] = {
        "kernels": setup.kernels,
        "scheme": setup.scheme,
        "cache_state": setup.cache_state,
        **{f"{part}_memory": memory for part, memory in asdict(setup.placement).items() if memory},
    }
    reference = virtual_reference(setup.target)
    if reference is not None:
        board = describe_virtual(reference)
        asked |= {"board": board.name, "clock_hz": board.clock_hz}
    return asked


def _in_context(rows: pd.DataFrame, asked: Mapping[str, object]) -> pd.DataFrame:
    """Rows as asked for; a column in which no row is, tells none apart."""
    for column, value in asked.items():
        matching = rows[rows[column] == value]
        rows = rows if matching.empty else matching
    return rows


def _is_ours(rows: pd.DataFrame) -> pd.Series[bool]:
    """Which rows come from virtual boards of hwprof's."""
    modes = rows["timing_model"].str.partition("-")[0]
    return modes.isin(TIMING_MODES)


def _installed_code(rows: pd.DataFrame, setup: Setup) -> str:
    """Stamp of modelled rows; measured ones carry their firmware's hash instead."""
    boards = set(rows.loc[_is_ours(rows), "board"])
    if len(boards) != 1:
        return ""
    board, reference = boards.pop(), virtual_reference(setup.target)
    # A store may be fitted without its target being named; a board that ships needs no more.
    own_file = reference is not None and describe_virtual(reference).name == board
    return code_sha256(reference if own_file and reference else board, setup.kernels)
