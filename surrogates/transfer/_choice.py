"""Which block to measure next: the one that lowers the variance of all candidates most.

Chosen before it is measured, by the shares of the terms in it (Cohn, Ghahramani and Jordan,
Active Learning with Statistical Models, 1996); what was measured before moves those shares.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.surrogates.regressors import Vector
from hwprof.surrogates.transfer._posterior import Posterior, noise_variance, offset_covariance
from hwprof.surrogates.transfer._terms import Design


def choose_block(candidates: Design, measured: Sequence[int], cycles: Vector) -> int:
    """Row of the candidate to measure next.

    Args:
        measured: rows of those that were measured.
        cycles: of each of them, (n,).

    Raises:
        ConfigurationError: no candidate is left.
    """
    if len(measured) >= len(candidates.types):
        raise ConfigurationError(
            f"a transfer chooses among candidates; all {len(measured)} were measured; ask for "
            "fewer samples."
        )
    told = Posterior.of(candidates.take(measured), cycles)
    log_cycles, shares = candidates.shares(told.log_multipliers)
    variance = shares @ candidates.terms.covariance @ shares.T
    variance += offset_covariance(candidates.types, candidates.types)
    noise = noise_variance(log_cycles)
    for row in measured:
        column = variance[:, row]
        variance = variance - np.outer(column, column) / (column[row] + noise[row])
    gain = (variance**2).sum(axis=0) / (np.diag(variance) + noise)
    gain[list(measured)] = -np.inf
    return int(gain.argmax())
