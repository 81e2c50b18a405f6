"""A sampler of Optuna that suggests given parameters in their order; imported when used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

_TAKEN = (TrialState.COMPLETE, TrialState.RUNNING)


class GivenSampler(BaseSampler):
    """The first parameters that no trial of the study has finished or is at."""

    def __init__(self, parameters: Sequence[Mapping[str, Any]]) -> None:
        self._parameters = parameters
        self._chosen: Mapping[str, Any] = parameters[-1]

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        others = study.get_trials(deepcopy=False, states=_TAKEN)
        taken = [other.params for other in others if other.number != trial.number]
        free = (parameters for parameters in self._parameters if parameters not in taken)
        self._chosen = next(free, self._parameters[-1])

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        del study, trial
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        del study, trial, search_space
        return {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        del study, trial, param_distribution
        return self._chosen[param_name]
