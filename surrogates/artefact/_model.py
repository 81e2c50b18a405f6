"""What a fitted surrogate is: models by block type, their context, and where they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from hwprof.measurement import Context
from hwprof.surrogates.artefact._layout import FORMAT_VERSION
from hwprof.surrogates.boundaries import BOUNDARY_SIGNS
from hwprof.surrogates.regressors import Regressor
from hwprof.templates import TemplateBlock


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an artefact's numbers depend on beside its rows; it must be the installed one.

    Attributes:
        code_sha256: hash over kernel code, core and board files, given by whoever fits.
    """

    feature_version: int
    timing_model: str
    code_sha256: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an artefact came from, without dates: equal inputs give equal files.

    Attributes:
        rows: rows used, by block type.
        excluded: rows left out, by reason.
        transferred_from: context of the surrogate that was moved here; empty where all was fitted.
    """

    rows: Mapping[str, int]
    excluded: Mapping[str, int]
    seed: int
    n_folds: int
    firmware_sha256: str
    transferred_from: str = ""


@dataclass(frozen=True, slots=True)
class NetworkCorrection:
    """From the sum over blocks to a network: scale the sum, add what boundaries cost.

    Attributes:
        ratio: by which the sum over blocks is multiplied.
        boundary_us: microseconds for each count of ``boundaries.BOUNDARY_SIGNS``, by its name;
            negative ones save time.
        stretch: half-width of a network's interval over that of its blocks added up, in log
            ratio.
        n: networks it was fitted on; 0 for none, then the sum stands as it is.
    """

    ratio: float = 1.0
    boundary_us: Mapping[str, float] = field(default_factory=dict)
    stretch: float = 1.0
    n: int = 0

    def __post_init__(self) -> None:
        unknown = set(self.boundary_us) - set(BOUNDARY_SIGNS)
        numbers = (self.ratio, self.stretch, *self.boundary_us.values())
        if unknown or not np.isfinite(numbers).all() or self.ratio <= 0 or self.stretch < 0:
            raise ValueError(
                "a network correction has a positive ratio and known boundaries; got "
                f"ratio={self.ratio}, stretch={self.stretch}, {dict(self.boundary_us)}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class FittedModel:
    """A regressor and how far it may be off.

    Attributes:
        log_ratio: half-width of the interval in log ratio, at the artefact's level.
        n: rows it was fitted on.
    """

    regressor: Regressor
    log_ratio: float
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class Artefact:
    """Everything a prediction in one context needs.

    Attributes:
        prior: prices blocks of types without a model; a ``PhysicalPrior`` on all rows.
        macs: the one-coefficient baseline, None where no row had MACs.
        types: model by block type.
        templates: the block types among them that a user made, by name.
    """

    context: Context
    stamp: Stamp
    interval_level: float
    prior: FittedModel
    macs: FittedModel | None
    types: Mapping[str, FittedModel]
    correction: NetworkCorrection
    provenance: Provenance
    templates: Mapping[str, TemplateBlock] = field(default_factory=dict)
    version: int = field(default=FORMAT_VERSION, init=False)

    def corrected(self, correction: NetworkCorrection) -> Artefact:
        """This artefact with another network correction."""
        return replace(self, correction=correction)

    def completed(self, other: Artefact) -> Artefact:
        """This artefact with the other's models for block types it has none for.

        The prior is that of more rows. Both must be of one context.
        """
        prior = max(self.prior, other.prior, key=lambda model: model.n)
        return replace(
            self,
            types={**other.types, **self.types},
            templates={**other.templates, **self.templates},
            prior=prior,
        )


def context_slug(context: Context) -> str:
    """Folder name of a context."""
    place = context.placement
    memories = f"{place.activations}-{place.weights}-{place.scratch}-{place.code}"
    text = (
        f"{context.board}_{context.clock_hz}hz_{context.kernels}_{context.scheme}_{memories}_"
        f"{context.cache_state}_{context.timing_model}"
    )
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in text)
