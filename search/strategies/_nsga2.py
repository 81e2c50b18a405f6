"""NSGA-II (Deb et al., IEEE TEC 2002), as Optuna implements it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwprof.search.strategies._base import Strategy
from hwprof.search.strategies._constraints import constraint_options

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

POPULATION = 20
"""Six generations in 120 trials; Optuna's own 50 would be 2.4."""


class Nsga2(Strategy):
    """Crossover and mutation of the best of each generation; all else it keeps in the study."""

    name = "nsga2"

    def sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import NSGAIISampler

        return NSGAIISampler(seed=seed, population_size=POPULATION, **constraint_options())
