"""What a fit says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from hwprof.measurement import Context
from hwprof.surrogates.correction import NetworkReport
from hwprof.surrogates.rows import describe
from hwprof.surrogates.validation import HeldOut, Scores


@dataclass(frozen=True, slots=True)
class TypeReport:
    """How well one block type is predicted; all scores are of held-out rows.

    Attributes:
        model: name of the model that won.
        scores: of the whole procedure, choice of the model included (nested cross-validation).
        candidates, baselines: scores of the models that competed, and of the simple ways to
            guess that a model must beat; a baseline that cannot speak is missing.
        interval_percent: how far the interval reaches above the prediction, the same for every
            block of the type, so also the median half-width.
        coverage_percent: held-out rows inside their interval.
        held_out: the rows behind the scores.
    """

    block_type: str
    n: int
    model: str
    scores: Scores
    candidates: Mapping[str, Scores]
    baselines: Mapping[str, Scores]
    interval_percent: float
    coverage_percent: float
    held_out: HeldOut

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
class Outlier:
    """A row that was left out because no other row speaks for it.

    Attributes:
        cycles: as measured.
        likely_cycles: what its counts cost elsewhere.
    """

    block_key: str
    cycles: float
    likely_cycles: float


@dataclass(frozen=True, slots=True)
class FitReport:
    """What a fit found.

    Attributes:
        excluded: rows left out, by reason.
        skipped: block types with too few rows for a model of their own, with their rows; the
            prior prices them.
        outliers: rows left out as wild, the farthest off first.
        networks: how whole networks are predicted, None where too few were measured.
    """

    context: Context
    types: tuple[TypeReport, ...]
    excluded: Mapping[str, int]
    skipped: Mapping[str, int]
    unseen_interval_percent: float
    outliers: tuple[Outlier, ...] = ()
    networks: NetworkReport | None = None

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof fit --json`` prints."""
        return {
            "context": describe(self.context),
            "block_types": {report.block_type: report.to_json() for report in self.types},
            "unseen_type_interval_percent": round(self.unseen_interval_percent, 4),
            "excluded": dict(self.excluded),
            "skipped": dict(self.skipped),
            "outliers": [asdict(outlier) for outlier in self.outliers],
            "networks": self.networks.to_json() if self.networks else None,
        }
