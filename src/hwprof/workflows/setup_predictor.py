"""The predictor for what a board is set up to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwprof.surrogates.predict import Method, Predictor, load_predictor

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup
    from hwprof.workspace import Workspace


def setup_predictor(
    setup: Setup, workspace: Workspace | None, method: Method = "surrogate"
) -> Predictor:
    """What predicts the latencies that a bench of this setup would measure.

    Raises:
        ArtefactError: nothing was fitted for the context.
        UnknownNameError: no such method.
    """
    return load_predictor(
        target=setup.target,
        kernels=setup.kernels,
        scheme=setup.scheme,
        placement=setup.placement,
        timing=setup.timing,
        cache_state=setup.cache_state,
        method=method,
        workspace=workspace,
    )
