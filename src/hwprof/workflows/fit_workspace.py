"""From a workspace's samples and rows to surrogates and a lookup table in the same workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hwprof.firmware_stub.stamp import code_sha256
from hwprof.firmware_stub.targets import describe_virtual, virtual_reference
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

    Args:
        seed: where the folds of the cross-validation and the learners begin.

    Returns:
        What was fitted, and the folder it was saved to.

    Raises:
        StoreError: nothing was sampled or measured, or too little of it.
        ConfigurationError: the rows come from several contexts.
    """
    origin = None
    if workspace.has_samples:
        measure_samples(workspace, setup, workers=workers)
        with Bench(setup) as bench:
            origin = bench.origin
    with MeasurementStore(workspace.store) as store:
        rows = store.frame()
    fitted = fit(
        rows,
        FitOptions(seed=seed, code_sha256=_installed_code(rows, setup)),
        # Rows of other placements or of an earlier image may lie in the same store.
        context=origin.context if origin else None,
        firmware_sha256=origin.firmware_sha256 if origin else "",
        templates=workspace_templates(workspace),
    )
    fitted = fitted.corrected(measured_networks(rows, fitted.artefact), seed=seed)
    return fitted, fitted.save(workspace.artefacts)


def _installed_code(rows: pd.DataFrame, setup: Setup) -> str:
    """Stamp of modelled rows; measured ones carry their firmware's hash instead."""
    boards = set(rows.loc[rows["kind"] == "modelled", "board"])
    if len(boards) != 1:
        return ""
    board, reference = boards.pop(), virtual_reference(setup.target)
    # A store may be fitted without its target being named; a board that ships needs no more.
    own_file = reference is not None and describe_virtual(reference).name == board
    return code_sha256(reference if own_file and reference else board, setup.kernels)
