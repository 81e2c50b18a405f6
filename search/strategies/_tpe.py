"""Multi-objective tree-structured Parzen estimator, as Optuna implements it.

The name says MOTPE (Ozaki et al., JAIR 2022), but versions differ: Optuna 4 weights the good
trials by their share of the hypervolume, as the paper does, Optuna 5 weights them equally.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from hwprof.search.strategies._base import Strategy
from hwprof.search.strategies._constraints import constraint_options

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class MultiObjectiveTpe(Strategy):
    """TPE over all dimensions jointly, since kernel, groups, channels and size interact."""

    name = "motpe"

    def sampler(self, seed: int) -> BaseSampler:
        from optuna.exceptions import ExperimentalWarning
        from optuna.samplers import TPESampler

        with warnings.catch_warnings():
            # Optuna 4 calls multivariate TPE experimental; 5 leaves it off for several
            # objectives unless it is asked for.
            warnings.simplefilter("ignore", ExperimentalWarning)
            return TPESampler(
                seed=seed, multivariate=True, constant_liar=True, **constraint_options()
            )
