"""What is saved of a transfer: a surrogate of plain coefficients, and the measured rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwprof.luts import CYCLES_METRIC, LookupTable
from hwprof.measurement import Measurement
from hwprof.surrogates.artefact import (
    Artefact,
    FittedModel,
    NetworkCorrection,
    Provenance,
    Stamp,
)
from hwprof.surrogates.features import FEATURE_VERSION
from hwprof.surrogates.regressors import PhysicalPrior, Vector
from hwprof.surrogates.rows import describe
from hwprof.surrogates.transfer import Design, Transfer


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """A finished transfer.

    Attributes:
        rows: what was measured to learn from.
        candidates: blocks whose intervals speak for those of their type.
    """

    source: Artefact
    transfer: Transfer
    rows: Sequence[Measurement]
    candidates: Design
    seed: int

    def half_widths(self) -> Vector:
        """Half-widths of the candidates' intervals, in log ratio, (n,)."""
        return self.transfer.half_widths(self.candidates)

    def artefact(self) -> Artefact:
        """The surrogate of the target; each type's interval is what its candidates need."""
        origin = self.rows[0].origin
        return Artefact(
            context=origin.context,
            stamp=Stamp(
                FEATURE_VERSION,
                origin.context.timing_model,
                origin.code_sha256 or origin.firmware_sha256,
            ),
            interval_level=self.source.interval_level,
            prior=self._model(""),
            macs=None,
            types={kind: self._model(kind) for kind in np.unique(self.candidates.types).tolist()},
            correction=NetworkCorrection(),
            provenance=Provenance(
                rows=dict(Counter(row.block_type for row in self.rows)),
                excluded={},
                seed=self.seed,
                n_folds=0,
                firmware_sha256=origin.firmware_sha256,
                transferred_from=describe(self.source.context),
            ),
        )

    def table(self) -> LookupTable:
        """The measured blocks."""
        origin = self.rows[0].origin
        return LookupTable(
            context=origin.context,
            metric=CYCLES_METRIC,
            unit="cycle",
            values={row.block_key: float(row.cycles) for row in self.rows},
            code_sha256=origin.code_sha256 or origin.firmware_sha256,
            provenance={"rows": len(self.rows), "seed": self.seed},
        )

    def _model(self, kind: str) -> FittedModel:
        widths = self.half_widths()
        inside = widths[self.candidates.types == kind] if kind else widths
        regressor = PhysicalPrior()
        regressor.coefficients_ = self.transfer.coefficients(kind)
        width = float(np.quantile(inside, self.source.interval_level))
        return FittedModel(regressor, width, len(self.rows))
