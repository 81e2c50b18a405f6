"""The latency budget as a constraint, in the words of the Optuna that is installed.

Optuna 5 takes a constraint from the trial; Optuna 4 asks the sampler, whose function reads what
the trial keeps. Either way a trial above the budget ranks below all that meet it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.trial import FrozenTrial

_OVER_BUDGET_US = "over_budget_us"


def constrain(trial: Trial, over_budget_us: float) -> None:
    """Mark a trial by how far its latency is above the budget; met at 0 and below."""
    trial.set_user_attr(_OVER_BUDGET_US, over_budget_us)
    if hasattr(trial, "set_constraint"):
        trial.set_constraint(_OVER_BUDGET_US, over_budget_us)


def constraint_options() -> dict[str, Any]:
    """Arguments of a sampler that lets it see the marks."""
    from optuna import Trial

    return {} if hasattr(Trial, "set_constraint") else {"constraints_func": _marks}


def _marks(trial: FrozenTrial) -> tuple[float, ...]:
    return (float(trial.user_attrs.get(_OVER_BUDGET_US, 0.0)),)
