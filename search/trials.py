"""Candidates as trials of a study, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hwprof.search.candidate import Candidate
from hwprof.search.estimators import LatencyEstimate
from hwprof.search.problem import Problem
from hwprof.search.spaces import Dimension, Point, SearchSpace
from hwprof.search.strategies import constrain

if TYPE_CHECKING:
    import optuna

_ARCHITECTURE = "architecture"
_LATENCY = "latency"
_DETAILS = "details"
_AMOUNTS = "amounts"


def suggest(trial: optuna.Trial, space: SearchSpace) -> Point:
    """The point that the trial's sampler chooses."""
    return tuple(_suggest(trial, dimension) for dimension in space.dimensions)


def _suggest(trial: optuna.Trial, dimension: Dimension) -> int:
    if dimension.ordered:
        return trial.suggest_int(dimension.name, 0, len(dimension.labels) - 1)
    return dimension.labels.index(trial.suggest_categorical(dimension.name, dimension.labels))


def record(trial: optuna.Trial, candidate: Candidate, problem: Problem) -> None:
    """Keep what the two values do not say where optuna-dashboard shows it."""
    estimate = candidate.estimate
    latency = {
        "low_us": estimate.low_us,
        "high_us": estimate.high_us,
        "level": estimate.level,
        "kind": estimate.kind,
        "answer_s": candidate.latency_s,
    }
    if problem.budget_us is not None:
        latency["chance_within_budget"] = estimate.chance_within(problem.budget_us)
    trial.set_user_attr(_ARCHITECTURE, candidate.arch)
    trial.set_user_attr(_LATENCY, latency)
    if candidate.details:
        trial.set_user_attr(_DETAILS, dict(candidate.details))
    if candidate.amounts:
        trial.set_user_attr(_AMOUNTS, dict(candidate.amounts))
    constrain(trial, problem.excess(candidate))


def candidate_of(trial: optuna.trial.FrozenTrial, space: SearchSpace) -> Candidate:
    """The candidate of a completed trial."""
    latency_us, score = trial.values
    stored = trial.user_attrs.get(_LATENCY)
    return Candidate(
        space.point_of(trial.params),
        str(trial.user_attrs.get(_ARCHITECTURE, "")),
        _estimate(latency_us, stored),
        score,
        details=trial.user_attrs.get(_DETAILS, {}),
        amounts=trial.user_attrs.get(_AMOUNTS, {}),
        latency_s=stored["answer_s"] if stored else 0.0,
    )


def _estimate(latency_us: float, stored: Mapping[str, Any] | None) -> LatencyEstimate:
    if stored is None:  # a study of an hwprof that kept no intervals
        return LatencyEstimate.exactly(latency_us, "predicted")
    return LatencyEstimate(
        latency_us, stored["low_us"], stored["high_us"], stored["level"], stored["kind"]
    )


def finished(study: optuna.Study, space: SearchSpace) -> list[Candidate]:
    """Candidates of the completed trials, in their order."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [candidate_of(trial, space) for trial in trials]
