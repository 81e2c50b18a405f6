"""From measured rows to surrogates: one model for each block type, chosen on held-out rows.

Rows that are off by far more than others of their type are named and left out (``training``).
For each block type the physical prior competes with learned corrections of it (``selection``).
Rows of one block key share a fold, so that no model is judged on a block it has seen. The prior
of a block type leans on an anchor fitted on the rows of all types: kernels cost the same wherever
they run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median_low
from types import MappingProxyType

import numpy as np
from threadpoolctl import threadpool_limits

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
from hwprof.surrogates.correction import MIN_NETWORKS, fit_correction
from hwprof.surrogates.features import FEATURE_VERSION
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
    NearestSample,
    PhysicalPrior,
    Vector,
)
from hwprof.surrogates.reports import FitReport, Outlier, TypeReport
from hwprof.surrogates.rows import Rows, Samples, collect_samples
from hwprof.surrogates.selection import makers_of, select
from hwprof.surrogates.training import Anchors, TrainingTable, shared_prior, wild_rows
from hwprof.surrogates.validation import HeldOut, Scores, held_out, score
from hwprof.templates import TemplateBlock

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
    table = TrainingTable.of(samples, n_folds=options.n_folds, seed=options.seed)
    counts = Counter(table.types.tolist())
    if max(counts.values()) < options.min_rows:
        raise StoreError(_too_few(counts, options))
    with threadpool_limits(1):  # small matrices: threads of a library would only wait for another
        fitted = _fit(samples, table, options)
    own = {kind: templates[kind] for kind in fitted.artefact.types if kind in templates}
    return replace(fitted, artefact=replace(fitted.artefact, templates=own))


def _fit(samples: Samples, table: TrainingTable, options: FitOptions) -> Fitted:
    wild, likely = wild_rows(table, Anchors(table))
    outliers = _outliers(table.where(wild), likely[wild])
    table = table.where(~wild)
    excluded = dict(samples.excluded) | ({"outlier": len(outliers)} if outliers else {})
    counts = Counter(table.types.tolist())
    fitted_types = sorted(kind for kind, n in counts.items() if n >= options.min_rows)
    anchors = Anchors(table)
    pairs = [_fit_type(table.of_type(kind), anchors, options) for kind in fitted_types]
    unseen = _unseen_log_ratio(table, options)
    report = FitReport(
        context=samples.context,
        types=tuple(report for _, report in pairs),
        excluded=excluded,
        skipped={kind: n for kind, n in sorted(counts.items()) if kind not in fitted_types},
        unseen_interval_percent=_percent(unseen),
        outliers=outliers,
    )
    artefact = Artefact(
        context=samples.context,
        stamp=Stamp(
            FEATURE_VERSION,
            samples.context.timing_model,
            options.code_sha256 or samples.code_sha256 or samples.firmware_sha256,
        ),
        interval_level=options.interval_level,
        prior=FittedModel(anchors.all, unseen, len(table.y)),
        macs=_fit_macs(table, options),
        types={kind: model for kind, (model, _) in zip(fitted_types, pairs, strict=True)},
        correction=NetworkCorrection(),
        provenance=_provenance(samples, report, options),
    )
    return Fitted(artefact, _lookup_table(samples, table, artefact.stamp), report)


def _outliers(table: TrainingTable, likely: Vector) -> tuple[Outlier, ...]:
    found = [
        Outlier(str(key), float(cycles), float(value))
        for key, cycles, value in zip(table.keys, table.y, likely, strict=True)
    ]
    return tuple(sorted(found, key=lambda row: -abs(np.log(row.cycles / row.likely_cycles))))


def _too_few(counts: Mapping[str, int], options: FitOptions) -> str:
    found = ", ".join(f"{n} of {kind}" for kind, n in sorted(counts.items()))
    return (
        f"a surrogate needs at least {options.min_rows} measured rows of a block type; got "
        f"{found}; run 'hwprof sample' with a larger --count and 'hwprof profile' again, or "
        "'hwprof import' a table with more rows."
    )


def _fit_type(
    table: TrainingTable, anchors: Anchors, options: FitOptions
) -> tuple[FittedModel, TypeReport]:
    makers = makers_of(options.models, options.seed)
    selection = select(table, anchors, makers)
    ratios = log_errors(table.y, selection.nested)
    half_width = conformal_quantile(ratios, options.interval_level)
    model = makers[selection.model](anchors.all.coefficients_).fit(table.X, table.y)
    report = TypeReport(
        block_type=str(table.types[0]),
        n=len(table.y),
        model=selection.model,
        scores=score(table.y, selection.nested),
        candidates={name: score(table.y, values) for name, values in selection.predicted.items()},
        baselines=_baselines(table),
        interval_percent=_percent(half_width),
        coverage_percent=100 * cross_coverage(ratios, table.folds, options.interval_level),
        held_out=HeldOut(table.keys, table.y, selection.nested, table.folds),
    )
    return FittedModel(model, half_width, len(table.y)), report


def _baselines(table: TrainingTable) -> dict[str, Scores]:
    """What a user would do without a surrogate: one coefficient, or the nearest table entry."""
    scores: dict[str, Scores] = {}
    if table.macs.all():
        values = held_out(lambda _: MacsCoefficient(), (table.macs[:, None], table.y), table.folds)
        scores[MacsCoefficient.name] = score(table.y, values)
    values = held_out(lambda _: NearestSample(), (table.parameters, table.y), table.folds)
    scores[NearestSample.name] = score(table.y, values)
    return scores


def _fit_macs(table: TrainingTable, options: FitOptions) -> FittedModel | None:
    """One coefficient for all rows that have MACs, with the spread around it."""
    with_macs = table.macs > 0
    if not with_macs.any():
        return None
    macs, y = table.macs[with_macs, None], table.y[with_macs]
    model = MacsCoefficient().fit(macs, y)
    errors = log_errors(y, model.predict(macs))
    return FittedModel(model, conformal_quantile(errors, options.interval_level), len(y))


def _unseen_log_ratio(table: TrainingTable, options: FitOptions) -> float:
    """Interval of the prior on a block type it was not fitted on: each type left out in turn."""
    kinds = np.unique(table.types)
    if len(kinds) == 1:
        return UNSEEN_TYPE_LOG_RATIO
    errors = []
    for kind in kinds:
        inside = table.types == kind
        predicted = shared_prior(table.where(~inside)).predict(table.X[inside])
        errors.append(log_errors(table.y[inside], np.maximum(predicted, 1.0)))
    return conformal_quantile(np.concatenate(errors), options.interval_level)


def _lookup_table(samples: Samples, table: TrainingTable, stamp: Stamp) -> LookupTable:
    """Cycles by block key; the lower median where a block was measured more than once."""
    cycles: dict[str, list[float]] = {}
    for key, value in zip(table.keys.tolist(), table.y.tolist(), strict=True):
        cycles.setdefault(key, []).append(value)
    return LookupTable(
        context=samples.context,
        metric=CYCLES_METRIC,
        unit="cycle",
        values={key: median_low(values) for key, values in cycles.items()},
        code_sha256=stamp.code_sha256,
        provenance={"rows": len(table.y), "firmware_sha256": samples.firmware_sha256},
    )


def _provenance(samples: Samples, report: FitReport, options: FitOptions) -> Provenance:
    rows = {kind.block_type: kind.n for kind in report.types} | dict(report.skipped)
    return Provenance(
        rows=dict(sorted(rows.items())),
        excluded=report.excluded,
        seed=options.seed,
        n_folds=options.n_folds,
        firmware_sha256=samples.firmware_sha256,
    )


def _percent(log_ratio: float) -> float:
    """A half-width in log ratio as percent above the prediction."""
    return float(100 * np.expm1(log_ratio))
