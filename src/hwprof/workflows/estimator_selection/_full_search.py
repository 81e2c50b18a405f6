"""What a search by full training takes and finds: from a study, or extrapolated and named so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwprof.search.estimators import FloatArray
from hwprof.search.selection import Origin

if TYPE_CHECKING:
    import optuna

_ORIGIN = "hwprof"


@dataclass(frozen=True, slots=True)
class FullSearch:
    """A search of ``trials`` full trainings.

    Attributes:
        origin: ``measured`` of a study in the workspace, else ``extrapolated`` from the samples.
        source: the study's name, or how it was extrapolated.
        seconds: of all trials; work, where several processes shared it.
        best: precision of the best within the budget; extrapolated, the expected one.
        trials_to_equal: until one within the budget was as good as stage two's best; None where
            none was.
        seconds_to_equal: likewise.
    """

    origin: Origin
    source: str
    trials: int
    seconds: float
    best: float | None
    trials_to_equal: float | None
    seconds_to_equal: float | None


def measured_full_search(
    storage: Path, task_name: str, *, space: str, budget_us: float | None, target: float
) -> FullSearch | None:
    """The longest study of full trainings with the same budget; None where there is none.

    Args:
        task_name: of the estimator that the study asked.
        target: precision to reach.
    """
    if not storage.is_file():
        return None
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    url = f"sqlite:///{storage}"
    try:
        studies = [
            optuna.load_study(study_name=name, storage=url)
            for name in optuna.get_all_study_names(url)
        ]
    except (SQLAlchemyError, RuntimeError):  # not Optuna's, or of another Optuna
        return None
    asked = {"task": task_name, "space": space, "budget_us": budget_us}
    fitting = [s for s in studies if _belongs(s.user_attrs.get(_ORIGIN), asked)]
    if not fitting:
        return None
    study = max(fitting, key=lambda s: len(_complete(s)))
    trials = _complete(study)
    return _of_trials(study.study_name, trials, budget_us, target) if trials else None


def extrapolated_full_search(
    quality: FloatArray,
    latency_us: FloatArray,
    *,
    n_trials: int,
    training_s: float,
    budget_us: float | None,
    target: float,
) -> FullSearch:
    """A random search drawn from the samples, which are a random search already.

    Its best is the mean of the best of ``n_trials`` draws with replacement, so never above the
    best sample; trials to equal are one over the share of samples that do.

    Args:
        quality, latency_us: (n,) of the samples.
    """
    allowed = latency_us <= (np.inf if budget_us is None else budget_us)
    reached = float(np.mean(allowed & (quality >= target)))
    trials_to_equal = 1 / reached if reached else None
    return FullSearch(
        "extrapolated",
        f"random search drawn from the {len(quality)} samples",
        n_trials,
        n_trials * training_s,
        _expected_best(quality, allowed, n_trials),
        trials_to_equal,
        trials_to_equal * training_s if trials_to_equal else None,
    )


def _expected_best(
    quality: FloatArray, allowed: np.ndarray[tuple[int], np.dtype[np.bool_]], n_trials: int
) -> float | None:
    """Mean of the best of some draws, given that one of them is allowed."""
    if not allowed.any():
        return None
    ranked = np.sort(quality[allowed])
    others = len(quality) - len(ranked)
    below = (others + np.arange(len(ranked) + 1)) / len(quality)
    chance = np.diff(below**n_trials)
    return float(ranked @ chance / chance.sum())


def _belongs(origin: Any, asked: Mapping[str, object]) -> bool:
    return isinstance(origin, dict) and all(origin.get(k) == v for k, v in asked.items())


def _complete(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _of_trials(
    name: str, trials: Sequence[optuna.trial.FrozenTrial], budget_us: float | None, target: float
) -> FullSearch:
    seconds = np.cumsum([t.duration.total_seconds() if t.duration else 0.0 for t in trials])
    latency_us, quality = np.array([t.values for t in trials], np.float64).T
    allowed = latency_us <= (np.inf if budget_us is None else budget_us)
    equal = np.flatnonzero(allowed & (quality >= target))
    first = int(equal[0]) if len(equal) else None
    return FullSearch(
        "measured",
        f"study {name}",
        len(trials),
        float(seconds[-1]),
        float(quality[allowed].max()) if allowed.any() else None,
        None if first is None else float(first + 1),
        None if first is None else float(seconds[first]),
    )
