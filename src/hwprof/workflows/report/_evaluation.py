"""What the report is about: held-out predictions, networks, learning curves, provenance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.artefact import Artefact
from hwprof.surrogates.intervals import cross_coverage, log_errors
from hwprof.surrogates.network_rows import measured_networks
from hwprof.surrogates.predictor import Predictor
from hwprof.surrogates.pricing import MacsPricer, SurrogatePricer
from hwprof.surrogates.rows import describe
from hwprof.surrogates.validation import HeldOut
from hwprof.workflows.fit_workspace import fit_workspace
from hwprof.workflows.learning_curves import LearningPoint, load_learning_curves

if TYPE_CHECKING:
    import pandas as pd

    from hwprof.profiler.bench import Setup
    from hwprof.surrogates.regressors import Vector
    from hwprof.surrogates.reports import FitReport, TypeReport
    from hwprof.workspace import Workspace

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """One whole network of the store beside what the surrogates say of it.

    Attributes:
        latency_us: measured or modelled, as the report's context says.
        by_macs_us: by one coefficient for each MAC; None where no row had MACs.
    """

    name: str
    latency_us: float
    predicted_us: float
    low_us: float
    high_us: float
    by_macs_us: float | None

    @property
    def error_percent(self) -> float:
        """Prediction above the latency, in percent of it."""
        return 100 * (self.predicted_us / self.latency_us - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A fit and all that is told of it.

    Attributes:
        networks_fitted: networks behind the correction of the sum over blocks; 0 for none, then
            the networks' rows are all unseen.
    """

    fit: FitReport
    artefact: Artefact
    networks: tuple[NetworkRow, ...]
    learning: tuple[LearningPoint, ...]

    @property
    def kind(self) -> Literal["measured", "modelled"]:
        """What the latencies are that predictions are held against."""
        return self.fit.context.kind

    @property
    def networks_fitted(self) -> int:
        """Networks that the correction was fitted on."""
        return self.artefact.correction.n

    def interval(self, report: TypeReport) -> tuple[Vector, Vector]:
        """Ends of the interval of each held-out row of a block type, in cycles."""
        factor = 1 + report.interval_percent / 100
        return report.held_out.predicted / factor, report.held_out.predicted * factor

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof report --json`` prints."""
        stamp, provenance = self.artefact.stamp, self.artefact.provenance
        return {
            "hwprof": version("hwprof"),
            "kind": self.kind,
            "fit": self.fit.to_json(),
            "interval_level": self.artefact.interval_level,
            "calibration": {
                report.block_type: dict(
                    zip(map(str, LEVELS), coverages(report.held_out), strict=True)
                )
                for report in self.fit.types
            },
            "networks": [
                {**asdict(row), "error_percent": row.error_percent} for row in self.networks
            ],
            "networks_behind_the_correction": self.networks_fitted,
            "learning_curves": [asdict(point) for point in self.learning],
            "provenance": {
                "context": describe(self.fit.context),
                "stamp": asdict(stamp),
                "rows": dict(provenance.rows),
                "excluded": dict(provenance.excluded),
                "seed": provenance.seed,
                "n_folds": provenance.n_folds,
                "firmware_sha256": provenance.firmware_sha256,
            },
        }


def coverages(held_out: HeldOut) -> list[float]:
    """Share of held-out rows inside intervals of each of ``LEVELS``, 0 to 1."""
    errors = log_errors(held_out.measured, held_out.predicted)
    return [cross_coverage(errors, held_out.folds, level) for level in LEVELS]


def evaluate_workspace(
    workspace: Workspace, setup: Setup, *, workers: int, seed: int = 0
) -> Evaluation:
    """Fit a workspace as ``hwprof fit`` does, and gather what there is to say of it.

    Raises:
        StoreError: nothing was sampled or measured, or too little; learning curves are broken.
        ConfigurationError: the rows come from several contexts.
    """
    learning = load_learning_curves(workspace.learning_curves)
    fitted, _ = fit_workspace(workspace, setup, workers=workers, seed=seed)
    with MeasurementStore(workspace.store) as store:
        networks = _networks(store.frame(), fitted.artefact)
    return Evaluation(fitted.report, fitted.artefact, networks, learning)


def _networks(rows: pd.DataFrame, artefact: Artefact) -> tuple[NetworkRow, ...]:
    measured = measured_networks(rows, artefact.context, artefact.stamp.code_sha256)
    if not measured.architectures:
        return ()
    networks = list(measured.architectures)
    predicted = Predictor(artefact, SurrogatePricer(artefact)).predict_many(networks)
    by_macs = (
        Predictor(artefact, MacsPricer(artefact)).predict_many(networks).latency_us.tolist()
        if artefact.macs
        else [None] * len(networks)
    )
    columns = (measured.latency_us, predicted.latency_us, predicted.low_us, predicted.high_us)
    numbers = zip(*(column.tolist() for column in columns), by_macs, strict=True)
    return tuple(
        NetworkRow(architecture.name, *row)
        for architecture, row in zip(networks, numbers, strict=True)
    )
