"""What a candidate must not exceed as constraints, in the words of the Optuna that is installed.

Optuna 5 takes a constraint from the trial; Optuna 4 asks the sampler, whose function reads what
the trial keeps. Either way a trial beyond a limit ranks below all that meet them, and the further
beyond the lower.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.trial import FrozenTrial

_EXCESS = "excess"


def constrain(trial: Trial, excess: Mapping[str, float]) -> None:
    """Mark a trial by how far it is beyond each limit, in shares of it; met at 0 and below."""
    if not excess:
        return
    trial.set_user_attr(_EXCESS, dict(excess))
    if hasattr(trial, "set_constraint"):
        for name, share in excess.items():
            trial.set_constraint(name, share)


def constraint_options() -> dict[str, Any]:
    """Arguments of a sampler that lets it see the marks."""
    from optuna import Trial

    return {} if hasattr(Trial, "set_constraint") else {"constraints_func": _marks}


def _marks(trial: FrozenTrial) -> tuple[float, ...]:
    return tuple(map(float, trial.user_attrs.get(_EXCESS, {}).values()))
