"""Latency of a network from its blocks: ``predict_latency``.

Each distinct block configuration is priced once and remembered, all unseen ones of a call in
one batch; a network is the sum over its blocks, corrected as its artefact says. What was fitted
in the workspace answers first; block types it has no model for are answered by what ships.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias, overload

from hwprof.architecture import Architecture, SharedBlocks
from hwprof.errors import ArtefactError, ConfigurationError, UnknownNameError
from hwprof.luts import LookupTable, load_table, tables_beside
from hwprof.measurement import (
    DEFAULT_CACHE_STATE,
    DEFAULT_KERNELS,
    DEFAULT_SCHEME,
    DEFAULT_TARGET,
    DEFAULT_TIMING,
    Placement,
)
from hwprof.surrogates.artefact import (
    LUT_FILE,
    Artefact,
    NetworkCorrection,
    load_artefact,
    read_context,
)
from hwprof.surrogates.catalogue import (
    Entry,
    Question,
    artefact_roots,
    choose_entries,
    installed_code,
    list_entries,
)
from hwprof.surrogates.predictions import BlockPrediction, FloatArray, LatencyPrediction
from hwprof.surrogates.predictor import Predictor
from hwprof.surrogates.pricing import LutPricer, MacsPricer, Pricer, SurrogatePricer
from hwprof.surrogates.tables import Table, TabularSpace, columns_of
from hwprof.workspace import Workspace

__all__ = [
    "BlockPrediction",
    "LatencyPrediction",
    "Predictor",
    "load_predictor",
    "predict_latency",
]

Method: TypeAlias = Literal["surrogate", "lut", "macs"]
Model: TypeAlias = "Architecture | str | os.PathLike[str]"

_Factory: TypeAlias = Callable[[Artefact, Sequence[Path]], Pricer]


def _surrogate_pricer(artefact: Artefact, folders: Sequence[Path]) -> Pricer:
    del folders
    return SurrogatePricer(artefact)


def _lut_pricer(artefact: Artefact, folders: Sequence[Path]) -> Pricer:
    present = [folder / LUT_FILE for folder in folders if (folder / LUT_FILE).is_file()]
    further = [path for folder in folders for path in tables_beside(folder)]
    paths = [*(present or [folders[0] / LUT_FILE]), *further]
    tables = [_own_table(path, artefact) for path in paths]
    return LutPricer(artefact, tables)


def _own_table(path: Path, artefact: Artefact) -> LookupTable:
    table = load_table(path)
    belongs = (artefact.context, artefact.stamp.code_sha256)
    if (table.context, table.code_sha256) != belongs:
        raise ArtefactError(f"{path} is of another context or code than its surrogate; fit again.")
    return table


def _macs_pricer(artefact: Artefact, folders: Sequence[Path]) -> Pricer:
    del folders
    return MacsPricer(artefact)


_PRICERS: dict[str, _Factory] = {
    "surrogate": _surrogate_pricer,
    "lut": _lut_pricer,
    "macs": _macs_pricer,
}


def load_predictor(
    *,
    target: str = DEFAULT_TARGET,
    kernels: str = DEFAULT_KERNELS,
    scheme: str = DEFAULT_SCHEME,
    placement: Placement | None = None,
    timing: str = "",
    cache_state: str = DEFAULT_CACHE_STATE,
    method: Method = "surrogate",
    workspace: Workspace | None = None,
) -> Predictor:
    """The predictor for a context; one process gets the same object until its file changes.

    Raises:
        ArtefactError: nothing was fitted for the context, or it was for other code.
        ConfigurationError: several contexts answer; or the method is unknown.
    """
    if method not in _PRICERS:
        raise UnknownNameError("prediction method", method, _PRICERS)
    question = Question(
        target, kernels, scheme, placement, timing=timing or DEFAULT_TIMING, cache_state=cache_state
    )
    return _predictor(question, list_entries(artefact_roots(workspace)), method)


@lru_cache(maxsize=32)
def _predictor(question: Question, entries: tuple[Entry, ...], method: str) -> Predictor:
    folders = [entry.folder for entry in choose_entries(question, entries)]
    code = installed_code(question, read_context(folders[0]))
    artefact = load_artefact(folders[0], code)
    for folder in folders[1:]:
        # A stale one completes nothing; what it would have covered is listed under the prior.
        with suppress(ArtefactError):
            artefact = artefact.completed(load_artefact(folder, code))
    if method == "macs":  # the baseline as it is: networks corrected the surrogates, not this
        artefact = artefact.corrected(NetworkCorrection())
    return Predictor(artefact, _PRICERS[method](artefact, folders), question.target)


@overload
def predict_latency(  # type: ignore[overload-overlap]  # a text is a sequence of texts
    arch: Model,
    *,
    target: str = ...,
    kernels: str = ...,
    scheme: str = ...,
    placement: Placement | None = ...,
    timing: str = ...,
    cache_state: str = ...,
    method: Method = ...,
    workspace: Workspace | None = ...,
) -> LatencyPrediction[float]: ...


@overload
def predict_latency(
    arch: TabularSpace,
    table: Table,
    *,
    target: str = ...,
    kernels: str = ...,
    scheme: str = ...,
    placement: Placement | None = ...,
    timing: str = ...,
    cache_state: str = ...,
    method: Method = ...,
    workspace: Workspace | None = ...,
) -> LatencyPrediction[FloatArray]: ...


@overload
def predict_latency(
    arch: Sequence[Model],
    *,
    target: str = ...,
    kernels: str = ...,
    scheme: str = ...,
    placement: Placement | None = ...,
    timing: str = ...,
    cache_state: str = ...,
    method: Method = ...,
    workspace: Workspace | None = ...,
) -> LatencyPrediction[FloatArray]: ...


def predict_latency(
    arch: Model | Sequence[Model] | TabularSpace,
    table: Table | None = None,
    *,
    target: str = DEFAULT_TARGET,
    kernels: str = DEFAULT_KERNELS,
    scheme: str = DEFAULT_SCHEME,
    placement: Placement | None = None,
    timing: str = "",
    cache_state: str = DEFAULT_CACHE_STATE,
    method: Method = "surrogate",
    workspace: Workspace | None = None,
) -> LatencyPrediction[float] | LatencyPrediction[FloatArray]:
    """Predicted latency of one network, of a list of them, or of the rows of a table.

    Args:
        arch: an Architecture, a path to an ONNX file, or a named architecture as
            ``person-detector:k=5,g=1,c=96,width=320,aspect=0.8``; or a list of such; or a space
            whose networks ``table`` names.
        table: with a space, a DataFrame, structured array or mapping with the space's parameters
            as columns; each distinct block is priced once, whatever the number of rows.
        target: whose latency; ``virtual:<board>``, or a serial line for the board measured.
        kernels: kernel library inside the firmware.
        scheme: quantisation scheme.
        placement: memory of each part; None for the default, or the only one fitted.
        timing: what a virtual board's cycles counted, ``exact`` or ``pipeline``; empty for the
            default.
        cache_state: ``cold`` or ``warm``; pipeline timing knows neither.
        method: ``surrogate``; ``lut`` for exact known blocks, interpolation between them and the
            surrogate elsewhere; ``macs`` for the baseline.
        workspace: where the user's own artefacts are; they go before the shipped ones.

    Raises:
        ArtefactError: nothing was fitted for the context, or it was for other code.
        ConfigurationError: several contexts answer; the method is unknown; or the table lacks a
            column or names no network of the space.
        ModelError: a model that cannot be read or built.
    """
    predictor = load_predictor(
        target=target,
        kernels=kernels,
        scheme=scheme,
        placement=placement,
        timing=timing,
        cache_state=cache_state,
        method=method,
        workspace=workspace,
    )
    if table is not None or isinstance(arch, TabularSpace):
        return predictor.predict_table(_parts(arch, table))
    if isinstance(arch, Architecture | str | os.PathLike):
        return predictor.predict(_architecture(arch, predictor))
    return predictor.predict_many([_architecture(one, predictor) for one in arch])


def _parts(space: object, table: Table | None) -> Sequence[SharedBlocks]:
    if not isinstance(space, TabularSpace) or table is None:
        raise ConfigurationError(
            "a table of parameters goes with a space whose networks they name, as "
            f"predict_latency(get_space('person-detection'), table); got {type(space).__name__} "
            f"and {'no table' if table is None else 'a table'}."
        )
    return space.blocks_of(columns_of(space, table))


def _architecture(model: Model, predictor: Predictor) -> Architecture:
    if isinstance(model, Architecture):
        return model
    from hwprof.models import resolve_model

    return resolve_model(os.fspath(model), templates=predictor.templates).architecture
