"""Uniformly random points: the baseline of every other strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwprof.search.strategies._base import Strategy

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class RandomSearch(Strategy):
    """Each point as likely as any other, whatever came before."""

    name = "random"

    def sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import RandomSampler

        return RandomSampler(seed=seed)
