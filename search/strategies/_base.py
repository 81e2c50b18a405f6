"""What a search strategy is: a sampler of Optuna, made anew for each trial."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Strategy(abc.ABC):
    """How the next point is chosen.

    A sampler must take all it knows from the study, because each trial gets a new one with a
    seed of its own: then a search that was interrupted goes on as if it had not been.
    """

    name: ClassVar[str]

    @abc.abstractmethod
    def sampler(self, seed: int) -> BaseSampler:
        """A sampler for one trial."""

    @property
    def full_name(self) -> str:
        """The name with the version of Optuna, whose samplers change between versions."""
        import optuna

        return f"{self.name} (optuna {optuna.__version__})"
