"""From measured rows to surrogates: one model for each block type, chosen on held-out rows.

For each block type the physical prior competes with learned corrections of it under grouped
k-fold cross-validation; the simplest model that none beats by more than one standard error
wins and is fitted again on all rows. Rows of one block key share a fold, so that no model is
judged on a block it has seen. The prior of a block type leans on an anchor fitted on the rows
of all types: kernels cost the same wherever they run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from statistics import median_low
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hwprof.errors import ConfigurationError, StoreError
from hwprof.luts import CYCLES_METRIC, LookupTable, save_table
from hwprof.measurement import Context
from hwprof.surrogates.artefact import (
    LUT_FILE,
    Artefact,
    FittedModel,
    NetworkCorrection,
    Provenance,
    Stamp,
    save_artefact,
)
from hwprof.surrogates.correction import MIN_NETWORKS, NetworkReport, fit_correction
from hwprof.surrogates.features import (
    FEATURE_VERSION,
    FEATURES,
    graph_features,
    parameter_table,
)
from hwprof.surrogates.intervals import (
    DEFAULT_LEVEL,
    conformal_quantile,
    cross_coverage,
    log_errors,
)
from hwprof.surrogates.network_rows import MeasuredNetworks
from hwprof.surrogates.regressors import (
    RESIDUAL_TYPES,
    MacsCoefficient,
    Matrix,
    NearestSample,
    PhysicalPrior,
    Regressor,
    Vector,
)
from hwprof.surrogates.rows import Rows, Samples, collect_samples, describe
from hwprof.surrogates.validation import (
    Folds,
    Scores,
    assign_folds,
    held_out,
    score,
    simplest_of_the_best,
)
from hwprof.templates import TemplateBlock

_Anchors: TypeAlias = Mapping[int, Vector]

UNSEEN_TYPE_LOG_RATIO = float(np.log(2))
"""Half-width for a block type no row speaks of, when rows of one type alone were fitted."""


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How a fit is made.

    Attributes:
        models: names of the models that compete.
        min_rows: fewest rows of a block type that are worth a model of its own.
        interval_level: share of blocks that intervals are to cover, 0 to 1.
        code_sha256: hash of what the cycles depend on beside the rows (kernel code, core and
            board files); the rows' firmware hash if empty.
    """

    seed: int = 0
    n_folds: int = 5
    min_rows: int = 20
    interval_level: float = DEFAULT_LEVEL
    models: tuple[str, ...] = (PhysicalPrior.name, *(kind.name for kind in RESIDUAL_TYPES))
    code_sha256: str = ""

    def __post_init__(self) -> None:
        known = {PhysicalPrior.name, *(kind.name for kind in RESIDUAL_TYPES)}
        if not self.models or not set(self.models) <= known:
            raise ConfigurationError(
                f"models are some of {', '.join(sorted(known))}; got {', '.join(self.models)}."
            )
        if not 0 < self.interval_level < 1:
            raise ConfigurationError(
                f"an interval level lies between 0 and 1; got {self.interval_level}."
            )


@dataclass(frozen=True, slots=True)
class TypeReport:
    """How well one block type is predicted; all scores are of held-out rows.

    Attributes:
        model: name of the model that won.
        candidates, baselines: scores of the models that competed, and of the simple ways to
            guess that a model must beat; a baseline that cannot speak is missing.
        coverage_percent: held-out rows inside their interval.
    """

    block_type: str
    n: int
    model: str
    scores: Scores
    candidates: Mapping[str, Scores]
    baselines: Mapping[str, Scores]
    interval_percent: float
    coverage_percent: float

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof fit --json`` prints for a block type."""
        return {
            "n": self.n,
            "model": self.model,
            **self.scores.to_json(),
            "interval_percent": round(self.interval_percent, 4),
            "coverage_percent": round(self.coverage_percent, 4),
            "baselines": {name: scores.to_json() for name, scores in self.baselines.items()},
            "candidates": {name: scores.to_json() for name, scores in self.candidates.items()},
        }


@dataclass(frozen=True, slots=True)
class FitReport:
    """What a fit found.

    Attributes:
        excluded: rows left out, by reason.
        skipped: block types with too few rows for a model of their own, with their rows; the
            prior prices them.
        networks: how whole networks are predicted, None where too few were measured.
    """

    context: Context
    types: tuple[TypeReport, ...]
    excluded: Mapping[str, int]
    skipped: Mapping[str, int]
    unseen_interval_percent: float
    networks: NetworkReport | None = None

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof fit --json`` prints."""
        return {
            "context": describe(self.context),
            "block_types": {report.block_type: report.to_json() for report in self.types},
            "unseen_type_interval_percent": round(self.unseen_interval_percent, 4),
            "excluded": dict(self.excluded),
            "skipped": dict(self.skipped),
            "networks": self.networks.to_json() if self.networks else None,
        }


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a fit made, ready to be saved, and the report on it.

    Attributes:
        table: the rows themselves, as a lookup table of cycles by block key.
    """

    artefact: Artefact
    table: LookupTable
    report: FitReport

    def corrected(self, measured: MeasuredNetworks, *, seed: int = 0) -> Fitted:
        """This fit with a network correction, if there are networks enough for one."""
        if len(measured.architectures) < MIN_NETWORKS:
            return self
        correction, networks = fit_correction(self.artefact, measured, seed=seed)
        artefact = self.artefact.corrected(correction)
        return replace(self, artefact=artefact, report=replace(self.report, networks=networks))

    def save(self, folder: Path) -> Path:
        """Write artefact and table below ``folder``; return the context's own folder.

        Raises:
            ArtefactError: the folder cannot be written.
        """
        own = save_artefact(self.artefact, folder)
        save_table(self.table, own / LUT_FILE)
        return own


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Rows of a fit as arrays.

    Attributes:
        parameters: what a user would look each row up by, (n, n_columns).
        types: block type of each row.
    """

    X: Matrix
    y: Vector
    parameters: Matrix
    macs: Vector
    types: npt.NDArray[np.str_]
    folds: Folds

    def of(self, block_type: str) -> _Table:
        chosen = self.types == block_type
        return _Table(*(getattr(self, column.name)[chosen] for column in fields(self)))


def fit(
    rows: Rows,
    options: FitOptions | None = None,
    *,
    context: Context | None = None,
    firmware_sha256: str = "",
    templates: Mapping[str, TemplateBlock] = MappingProxyType({}),
) -> Fitted:
    """Fit one surrogate for each block type of the rows.

    Args:
        rows: measurements, or a table of them (docs/FORMATS.md, "Measurement store").
        options: how; the defaults if None.
        context: the one to fit where rows come from several.
        firmware_sha256: the image whose rows to fit where they come from several.
        templates: block types of the user's own by name; the artefact keeps those it fits.

    Raises:
        StoreError: no row can be used, or no block type has enough of them.
        ConfigurationError: rows come from several contexts and none was chosen.
    """
    options = options or FitOptions()
    samples = collect_samples(
        rows,
        context,
        firmware_sha256=firmware_sha256,
        code_sha256=options.code_sha256,
        templates=templates,
    )
    table = _table(samples, options)
    counts = Counter(str(kind) for kind in table.types)
    fitted_types = sorted(kind for kind, n in counts.items() if n >= options.min_rows)
    if not fitted_types:
        raise StoreError(_too_few(counts, options))
    anchors = {
        int(fold): _shared_prior(table, table.folds != fold).coefficients_
        for fold in np.unique(table.folds)
    }
    shared = _shared_prior(table, np.ones(len(table.y), dtype=np.bool_))
    pairs = [
        _fit_type(table.of(kind), (anchors, shared.coefficients_), options) for kind in fitted_types
    ]
    unseen = _unseen_log_ratio(table, options)
    report = FitReport(
        context=samples.context,
        types=tuple(report for _, report in pairs),
        excluded=samples.excluded,
        skipped={kind: n for kind, n in sorted(counts.items()) if kind not in fitted_types},
        unseen_interval_percent=_percent(unseen),
    )
    artefact = Artefact(
        context=samples.context,
        stamp=Stamp(
            FEATURE_VERSION,
            samples.context.timing_model,
            options.code_sha256 or samples.code_sha256 or samples.firmware_sha256,
        ),
        interval_level=options.interval_level,
        prior=FittedModel(shared, unseen, len(table.y)),
        macs=_fit_macs(table, options),
        types={kind: model for kind, (model, _) in zip(fitted_types, pairs, strict=True)},
        correction=NetworkCorrection(),
        provenance=_provenance(samples, counts, options),
        templates={kind: templates[kind] for kind in fitted_types if kind in templates},
    )
    return Fitted(artefact, _lookup_table(samples, artefact.stamp), report)


def _table(samples: Samples, options: FitOptions) -> _Table:
    features = graph_features(samples.graphs)
    return _Table(
        X=features.X,
        y=samples.cycles,
        parameters=parameter_table(samples.configs),
        macs=features.macs,
        types=np.array([config.block_type for config in samples.configs]),
        folds=assign_folds(samples.configs, options.n_folds, options.seed),
    )


def _too_few(counts: Mapping[str, int], options: FitOptions) -> str:
    found = ", ".join(f"{n} of {kind}" for kind, n in sorted(counts.items()))
    return (
        f"a surrogate needs at least {options.min_rows} measured rows of a block type; got "
        f"{found}; run 'hwprof sample' with a larger --count and 'hwprof profile' again, or "
        "'hwprof import' a table with more rows."
    )


def _shared_prior(table: _Table, chosen: npt.NDArray[np.bool_]) -> PhysicalPrior:
    """The prior of all block types together, leaning on the guesses of the feature table."""
    guesses = np.array([term.guess_cycles for term in FEATURES], dtype=np.float64)
    return PhysicalPrior(guesses).fit(table.X[chosen], table.y[chosen])


def _candidates(options: FitOptions) -> dict[str, Callable[[Vector], Regressor]]:
    """Constructors by model name, simplest first; each takes the anchor of its prior."""
    made: dict[str, Callable[[Vector], Regressor]] = {PhysicalPrior.name: PhysicalPrior}
    for kind in RESIDUAL_TYPES:
        made[kind.name] = partial(_residual, kind, options.seed)
    return {name: make for name, make in made.items() if name in options.models}


def _residual(kind: Callable[..., Regressor], seed: int, anchor: Vector) -> Regressor:
    return kind(PhysicalPrior(anchor), seed)


def _anchored(make: Callable[[Vector], Regressor], anchors: _Anchors) -> Callable[[int], Regressor]:
    """A regressor for each fold, whose prior leans on the rows outside that fold."""
    return lambda fold: make(anchors[fold])


def _fit_type(
    table: _Table, anchors: tuple[_Anchors, Vector], options: FitOptions
) -> tuple[FittedModel, TypeReport]:
    by_fold, shared = anchors
    makers = _candidates(options)
    predicted = {
        name: held_out(_anchored(make, by_fold), (table.X, table.y), table.folds)
        for name, make in makers.items()
    }
    errors = [np.abs(values / table.y - 1) for values in predicted.values()]
    winner = list(makers)[simplest_of_the_best(errors)]
    ratios = log_errors(table.y, predicted[winner])
    half_width = conformal_quantile(ratios, options.interval_level)
    model = makers[winner](shared).fit(table.X, table.y)
    report = TypeReport(
        block_type=str(table.types[0]),
        n=len(table.y),
        model=winner,
        scores=score(table.y, predicted[winner]),
        candidates={name: score(table.y, values) for name, values in predicted.items()},
        baselines=_baselines(table),
        interval_percent=_percent(half_width),
        coverage_percent=100 * cross_coverage(ratios, table.folds, options.interval_level),
    )
    return FittedModel(model, half_width, len(table.y)), report


def _baselines(table: _Table) -> dict[str, Scores]:
    """What a user would do without a surrogate: one coefficient, or the nearest table entry."""
    scores: dict[str, Scores] = {}
    if table.macs.all():
        values = held_out(lambda _: MacsCoefficient(), (table.macs[:, None], table.y), table.folds)
        scores[MacsCoefficient.name] = score(table.y, values)
    values = held_out(lambda _: NearestSample(), (table.parameters, table.y), table.folds)
    scores[NearestSample.name] = score(table.y, values)
    return scores


def _fit_macs(table: _Table, options: FitOptions) -> FittedModel | None:
    """One coefficient for all rows that have MACs, with the spread around it."""
    with_macs = table.macs > 0
    if not with_macs.any():
        return None
    macs, y = table.macs[with_macs, None], table.y[with_macs]
    model = MacsCoefficient().fit(macs, y)
    errors = log_errors(y, model.predict(macs))
    return FittedModel(model, conformal_quantile(errors, options.interval_level), len(y))


def _unseen_log_ratio(table: _Table, options: FitOptions) -> float:
    """Interval of the prior on a block type it was not fitted on: each type left out in turn."""
    kinds = np.unique(table.types)
    if len(kinds) == 1:
        return UNSEEN_TYPE_LOG_RATIO
    errors = []
    for kind in kinds:
        inside = table.types == kind
        predicted = _shared_prior(table, ~inside).predict(table.X[inside])
        errors.append(log_errors(table.y[inside], np.maximum(predicted, 1.0)))
    return conformal_quantile(np.concatenate(errors), options.interval_level)


def _lookup_table(samples: Samples, stamp: Stamp) -> LookupTable:
    """Cycles by block key; the lower median where a block was measured more than once."""
    cycles: dict[str, list[float]] = {}
    for config, value in zip(samples.configs, samples.cycles.tolist(), strict=True):
        cycles.setdefault(config.key, []).append(value)
    return LookupTable(
        context=samples.context,
        metric=CYCLES_METRIC,
        unit="cycle",
        values={key: median_low(values) for key, values in cycles.items()},
        code_sha256=stamp.code_sha256,
        provenance={"rows": len(samples.configs), "firmware_sha256": samples.firmware_sha256},
    )


def _provenance(samples: Samples, counts: Mapping[str, int], options: FitOptions) -> Provenance:
    return Provenance(
        rows={kind: counts[kind] for kind in sorted(counts)},
        excluded=samples.excluded,
        seed=options.seed,
        n_folds=options.n_folds,
        firmware_sha256=samples.firmware_sha256,
    )


def _percent(log_ratio: float) -> float:
    """A half-width in log ratio as percent above the prediction."""
    return float(100 * np.expm1(log_ratio))
