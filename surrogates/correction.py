"""From the sum over blocks to whole networks: what measured networks say about the sum.

Notation: p the sum over a network's blocks, y its measured latency. The correction's ratio is
the median of y / p, and its interval is stretched until the share of networks that the
artefact's level asks for lies inside.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.surrogates.artefact import Artefact, NetworkCorrection
from hwprof.surrogates.intervals import conformal_quantile
from hwprof.surrogates.predictor import Predictor
from hwprof.surrogates.pricing import SurrogatePricer

MIN_NETWORKS = 10


def fit_correction(
    artefact: Artefact,
    architectures: Sequence[Architecture],
    latency_us: npt.NDArray[np.float64],
) -> NetworkCorrection:
    """The correction that measured networks ask for; the artefact's own is set aside.

    Args:
        artefact: surrogates of the context that the networks were measured in.
        architectures: at least ``MIN_NETWORKS`` of them.
        latency_us: measured latency of each, (n,).

    Raises:
        ConfigurationError: too few networks, or not one latency for each.
    """
    if len(architectures) < MIN_NETWORKS or len(architectures) != len(latency_us):
        raise ConfigurationError(
            f"a network correction needs at least {MIN_NETWORKS} networks with a latency each; "
            f"got {len(architectures)} networks and {len(latency_us)} latencies."
        )
    predictor = Predictor(artefact.corrected(NetworkCorrection()), SurrogatePricer(artefact))
    summed = predictor.predict_many(architectures)
    ratio = float(np.median(latency_us / summed.latency_us))
    off = np.abs(np.log(latency_us / (ratio * summed.latency_us)))
    already = np.log(summed.high_us / summed.latency_us)
    missing = conformal_quantile(np.maximum(off - already, 0.0), artefact.interval_level)
    return NetworkCorrection(ratio, missing, len(architectures))
