"""What a search strategy is: a sampler of Optuna, made anew for each trial."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from hwprof.search.problem import Problem


class Strategy(abc.ABC):
    """How the next point is chosen.

    A sampler must take all it knows from the study, because each trial gets a new one with a
    seed of its own: then a search that was interrupted goes on as if it had not been.

    Attributes:
        most_trials: how many it has points for; None for no end.
    """

    name: ClassVar[str]
    most_trials: int | None = None

    @abc.abstractmethod
    def sampler(self, seed: int) -> BaseSampler:
        """A sampler for one trial."""

    def prepared(self, problem: Problem, trials: int) -> Strategy:
        """The strategy with all that it has to know of a problem before the first trial.

        Raises:
            ConfigurationError: it cannot search that problem.
        """
        del problem, trials
        return self

    @property
    def full_name(self) -> str:
        """The name with the version of Optuna, whose samplers change between versions."""
        import optuna

        return f"{self.name} (optuna {optuna.__version__})"
