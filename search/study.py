"""A search's trials in Optuna's storage: an SQLite file, or any database that Optuna takes.

What a study was made of is kept with it, so that one name never mixes two searches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwprof.errors import ConfigurationError, StoreError
from hwprof.search.estimators import LatencyEstimate
from hwprof.search.problem import Candidate, Problem
from hwprof.search.spaces import Dimension, Point, SearchSpace
from hwprof.search.strategies import Strategy

if TYPE_CHECKING:
    import optuna

_ORIGIN = "hwprof"
_ARCHITECTURE = "architecture"
_LATENCY = "latency"
_DETAILS = "details"


@contextmanager
def open_study(
    problem: Problem, strategy: Strategy, *, name: str, seed: int, storage: Path
) -> Iterator[optuna.Study]:
    """The study of that name, made if there is none.

    Raises:
        ConfigurationError: the stored study belongs to another search.
        StoreError: the file is no storage of Optuna's, or cannot be used.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # progress is hwprof's to show
    try:
        study = _load(name, storage)
        _claim(study, origin(problem, strategy, seed))
        yield study
    except (SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        raise _unusable(storage, error) from error
    finally:
        optuna.logging.set_verbosity(verbosity)


def _load(name: str, storage: Path) -> optuna.Study:
    import optuna

    try:
        storage.parent.mkdir(parents=True, exist_ok=True)
        return optuna.create_study(
            study_name=name,
            storage=f"sqlite:///{storage}",
            directions=["minimize", "maximize"],
            load_if_exists=True,
        )
    except (OSError, RuntimeError) as error:  # RuntimeError: tables of another Optuna version
        raise _unusable(storage, error) from error


def _unusable(storage: Path, error: Exception) -> StoreError:
    return StoreError(
        f"the studies in {str(storage)!r} cannot be used ({_first_line(error)}); check that "
        "it is Optuna's own file and that the disk has room, or choose another --workspace."
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def origin(problem: Problem, strategy: Strategy, seed: int) -> dict[str, object]:
    """What a study's trials belong to, as it is kept with them."""
    return {
        "space": problem.space.name,
        "space_sha256": problem.space.fingerprint,
        "task": problem.task.name,
        "latency": problem.latency.name,
        "budget_us": problem.budget_us,
        "strategy": strategy.name,
        "seed": seed,
    }


def _claim(study: optuna.Study, wanted: Mapping[str, object]) -> None:
    stored = study.user_attrs.get(_ORIGIN)
    if stored is None and not study.get_trials(deepcopy=False):
        study.set_user_attr(_ORIGIN, dict(wanted))
        return
    was = stored or {}
    different = [key for key in wanted if was.get(key) != wanted[key]]
    if different:
        key = different[0]
        raise ConfigurationError(
            f"a study goes on with the search that it was made for; {study.study_name!r} has "
            f"{key} {was.get(key)!r}, this search {wanted[key]!r}; choose another --study name."
        )


def suggest(trial: optuna.Trial, space: SearchSpace) -> Point:
    """The point that the trial's sampler chooses."""
    return tuple(_suggest(trial, dimension) for dimension in space.dimensions)


def _suggest(trial: optuna.Trial, dimension: Dimension) -> int:
    if dimension.ordered:
        return trial.suggest_int(dimension.name, 0, len(dimension.labels) - 1)
    return dimension.labels.index(trial.suggest_categorical(dimension.name, dimension.labels))


def record(trial: optuna.Trial, candidate: Candidate, budget_us: float | None) -> None:
    """Keep what the two values do not say where optuna-dashboard shows it."""
    estimate = candidate.estimate
    latency = {
        "low_us": estimate.low_us,
        "high_us": estimate.high_us,
        "level": estimate.level,
        "kind": estimate.kind,
    }
    if budget_us is not None:
        latency["chance_within_budget"] = estimate.chance_within(budget_us)
    trial.set_user_attr(_ARCHITECTURE, candidate.arch)
    trial.set_user_attr(_LATENCY, latency)
    if candidate.details:
        trial.set_user_attr(_DETAILS, dict(candidate.details))


def finished(study: optuna.Study, space: SearchSpace) -> list[Candidate]:
    """Candidates of the completed trials, in their order."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [_candidate(trial, space) for trial in trials]


def _candidate(trial: optuna.trial.FrozenTrial, space: SearchSpace) -> Candidate:
    latency_us, score = trial.values
    return Candidate(
        tuple(_choice(trial.params, dimension) for dimension in space.dimensions),
        str(trial.user_attrs.get(_ARCHITECTURE, "")),
        _estimate(latency_us, trial.user_attrs.get(_LATENCY)),
        score,
        trial.user_attrs.get(_DETAILS, {}),
    )


def _estimate(latency_us: float, stored: Mapping[str, Any] | None) -> LatencyEstimate:
    if stored is None:  # a study of an hwprof that kept no intervals
        return LatencyEstimate.exactly(latency_us, "predicted")
    return LatencyEstimate(
        latency_us, stored["low_us"], stored["high_us"], stored["level"], stored["kind"]
    )


def _choice(params: Mapping[str, Any], dimension: Dimension) -> int:
    value = params[dimension.name]
    return int(value) if dimension.ordered else dimension.labels.index(value)
