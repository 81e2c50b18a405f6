"""From the sum over blocks to whole networks: boundaries and caches, as measured networks say.

A block is measured alone, from cold caches; in a network it finds part of its input in the data
cache, and pays for lines that the block before it left to be written back. Code and weights are
as cold, or as warm, either way. Notation: p_i is the sum over the blocks of network i, y_i its
measured latency, and the correction is

    y_i ~ p_i + sum over blocks behind the first of (boundary + written back - found),

a constant, and costs in proportion to the input bytes that a cache holds (``boundaries.py``). None
of the costs is negative, so that no network is extrapolated to nonsense.

The costs are a non-negative least squares fit of errors in units of each network's half-width,
reweighted after Huber (Robust Statistics, 1981) so that one wild network moves nothing. Where a
plain ratio y_i ~ ratio * p_i does better on held-out networks, or networks are few, it stands.
The interval is split conformal on networks held out of that fit, in units of the half-width that
the blocks' intervals add up to (normalised conformal prediction, Papadopoulos et al., 2008): a
network of well-known blocks has a narrow one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwprof.errors import ConfigurationError
from hwprof.surrogates.artefact import Artefact, NetworkCorrection
from hwprof.surrogates.boundaries import BOUNDARY_SIGNS, boundary_counts
from hwprof.surrogates.intervals import conformal_quantile, cross_coverage, log_errors
from hwprof.surrogates.network_rows import MeasuredNetworks
from hwprof.surrogates.predictor import Predictor
from hwprof.surrogates.pricing import SurrogatePricer
from hwprof.surrogates.regressors import Matrix, Vector
from hwprof.surrogates.validation import Folds, Scores, assign_folds, score

MIN_NETWORKS = 10
MIN_NETWORKS_FOR_COSTS = 30
"""Below it a plain ratio corrects: four costs on a handful of networks would fit their noise."""

_N_FOLDS = 10
_REWEIGHTINGS = 10
_HUBER = 1.345
"""Huber's constant: 95 % efficient where errors are normal after all."""
_NORMAL_MAD = 1.4826
_SMALLEST_SPREAD = 1e-6
_SMALLEST_LOG_WIDTH = 1e-4
"""Half-widths below are counted as this one: 0.01 %, a tenth of what repeats on a board differ."""


@dataclass(frozen=True, slots=True, eq=False)
class _Networks:
    """Measured networks and what blocks say of them.

    Attributes:
        summed, log_width: latency summed over blocks and half-width of the sum of their
            intervals, (n,).
        boundaries: counts that a cost each belongs to, signed, (n, n_costs).
        measured: (n,), in the unit of ``summed``.
    """

    summed: Vector
    log_width: Vector
    boundaries: Matrix
    measured: Vector

    def of(self, chosen: npt.NDArray[np.bool_]) -> _Networks:
        return _Networks(
            self.summed[chosen],
            self.log_width[chosen],
            self.boundaries[chosen],
            self.measured[chosen],
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Costs:
    """A fitted correction before anything is known of its errors."""

    ratio: float
    costs: Vector

    def predict(self, networks: _Networks) -> Vector:
        corrected: Vector = self.ratio * networks.summed + networks.boundaries @ self.costs
        return corrected


@dataclass(frozen=True, slots=True)
class NetworkReport:
    """How well networks are predicted; all scores are of networks held out of the correction.

    Attributes:
        n: measured networks.
        skipped: rows of networks that cannot be built from their name.
        scores: of the corrected sums.
        summed: of the sums as they are.
        interval_percent: median half-width of the interval, above the prediction.
        coverage_percent: held-out networks inside their interval.
    """

    n: int
    skipped: int
    scores: Scores
    summed: Scores
    interval_percent: float
    coverage_percent: float

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof fit --json`` prints for networks."""
        return {
            "n": self.n,
            "skipped": self.skipped,
            **self.scores.to_json(),
            "interval_percent": round(self.interval_percent, 4),
            "coverage_percent": round(self.coverage_percent, 4),
            "sum_of_blocks": self.summed.to_json(),
        }


def fit_correction(
    artefact: Artefact, measured: MeasuredNetworks, *, seed: int = 0
) -> tuple[NetworkCorrection, NetworkReport]:
    """The correction that measured networks ask for; the artefact's own is set aside.

    Args:
        artefact: surrogates of the context that the networks were measured in.
        measured: at least ``MIN_NETWORKS`` networks.
        seed: decides which networks are held out together.

    Raises:
        ConfigurationError: too few networks, or not one latency for each.
    """
    n = len(measured.architectures)
    if n < MIN_NETWORKS or n != len(measured.latency_us):
        raise ConfigurationError(
            f"a network correction needs at least {MIN_NETWORKS} networks with a latency each; "
            f"got {n} networks and {len(measured.latency_us)} latencies."
        )
    networks = _networks(artefact, measured)
    folds = assign_folds([one.name for one in measured.architectures], _N_FOLDS, seed)
    candidates = [_fit_ratio, _fit_costs]
    held_out = [_held_out(fit, networks, folds) for fit in candidates]
    misses = [log_errors(networks.measured, values) / networks.log_width for values in held_out]
    # A network beyond its interval counts as one at its end: a wild one decides nothing.
    badness = [float(np.minimum(miss, 1.0).mean()) for miss in misses]
    chosen = int(np.argmin(badness)) if n >= MIN_NETWORKS_FOR_COSTS else 0
    fitted, predicted = candidates[chosen](networks), held_out[chosen]
    stretch = conformal_quantile(misses[chosen], artefact.interval_level)
    report = NetworkReport(
        n=n,
        skipped=measured.skipped,
        scores=score(networks.measured, predicted),
        summed=score(networks.measured, networks.summed),
        interval_percent=float(100 * np.median(np.expm1(stretch * networks.log_width))),
        coverage_percent=100 * cross_coverage(misses[chosen], folds, artefact.interval_level),
    )
    return NetworkCorrection(fitted.ratio, _by_name(fitted.costs), stretch, n), report


def _networks(artefact: Artefact, measured: MeasuredNetworks) -> _Networks:
    predictor = Predictor(artefact.corrected(NetworkCorrection()), SurrogatePricer(artefact))
    summed = predictor.predict_many(measured.architectures)
    counts = [
        boundary_counts([block.config for block in architecture.blocks[1:]]).sum(axis=0)
        for architecture in measured.architectures
    ]
    log_width = np.log(summed.high_us / summed.latency_us)
    return _Networks(
        summed=summed.latency_us,
        log_width=np.maximum(log_width, _SMALLEST_LOG_WIDTH),
        boundaries=np.array(counts) * _SIGNS,
        measured=measured.latency_us,
    )


_SIGNS = np.array(list(BOUNDARY_SIGNS.values()), np.float64)


def _by_name(costs: Vector) -> dict[str, float]:
    """Signed costs, those that are nothing left out."""
    signed = (costs * _SIGNS).tolist()
    return {name: cost for name, cost in zip(BOUNDARY_SIGNS, signed, strict=True) if cost}


def _held_out(fit: Callable[[_Networks], _Costs], networks: _Networks, folds: Folds) -> Vector:
    predicted = np.empty(len(networks.measured))
    for fold in np.unique(folds):
        here = folds == fold
        predicted[here] = fit(networks.of(~here)).predict(networks.of(here))
    return predicted


def _fit_ratio(networks: _Networks) -> _Costs:
    """The median network's ratio; no cost at any boundary."""
    ratio = float(np.median(networks.measured / networks.summed))
    return _Costs(ratio, np.zeros(networks.boundaries.shape[1]))


def _fit_costs(networks: _Networks) -> _Costs:
    """Non-negative costs of boundaries, robust."""
    from scipy.optimize import nnls

    unit = networks.measured * networks.log_width  # how far off a network's sum may be
    columns = networks.boundaries / unit[:, None]
    wanted = (networks.measured - networks.summed) / unit
    scale = np.maximum(np.abs(columns).max(axis=0), np.finfo(np.float64).tiny)
    costs = np.zeros(columns.shape[1])
    for _ in range(_REWEIGHTINGS):
        root = np.sqrt(_huber_weights(columns @ costs - wanted))
        costs = nnls(root[:, None] * columns / scale, root * wanted)[0] / scale
    return _Costs(1.0, costs)


def _huber_weights(residual: Vector) -> Vector:
    spread = max(_NORMAL_MAD * float(np.median(np.abs(residual))), _SMALLEST_SPREAD)
    weights: Vector = np.minimum(1.0, _HUBER * spread / np.maximum(np.abs(residual), spread / 1e6))
    return weights
