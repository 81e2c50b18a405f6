"""From a workspace's samples and rows to surrogates and a lookup table in the same workspace."""

from __future__ import annotations

from pathlib import Path

from hwprof.profiler.bench import Setup
from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.fit import Fitted, FitOptions, fit
from hwprof.workflows.measure_samples import measure_samples
from hwprof.workspace import Workspace


def fit_workspace(
    workspace: Workspace, setup: Setup, *, workers: int, options: FitOptions
) -> tuple[Fitted, Path]:
    """Measure samples that have no row yet, fit every block type, and save the artefact.

    Returns:
        What was fitted, and the folder it was saved to.

    Raises:
        StoreError: nothing was sampled or measured, or too little of it.
        ConfigurationError: the rows come from several contexts.
    """
    if workspace.has_samples:
        measure_samples(workspace, setup, workers=workers)
    with MeasurementStore(workspace.store) as store:
        rows = store.frame()
    fitted = fit(rows, options)
    return fitted, fitted.save(rows, workspace.artefacts)
