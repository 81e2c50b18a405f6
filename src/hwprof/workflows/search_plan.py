"""The planner's figures for a request: one training, timed before the search begins."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from hwprof.search.estimators import Judgement
from hwprof.search.planner import Plan, TaskCost, advice, trained_costs
from hwprof.search.problem import Problem
from hwprof.workflows.search_request import SearchRequest

Say = Callable[[str], None]

REPORTED = 2, 6
"""Winners and baselines of a report: one to three rules, each with what it must beat."""

_PROXY = TaskCost("flops-proxy", 0.0)


def announce_plan(request: SearchRequest, problem: Problem, say: Say) -> None:
    """Train the seed network as candidates will be, and say what that makes of the search.

    Its training is kept and is one that the result needs; workers find it too.

    Raises:
        ConfigurationError: it cannot be trained.
    """
    from hwprof.workflows.trained_detectors import FRESH_FACTOR
    from hwprof.workflows.trained_tasks import EFFORTS

    lessons = request.lessons
    if lessons is not None and lessons.weights is None:
        say(
            "no --weights: the seed network is trained first, from nothing and whole, for "
            f"{FRESH_FACTOR * lessons.recipe.epochs} epochs, unless this workspace has it"
        )
    seed = problem.task.judge(problem.space.design(problem.space.seed_point))
    costs = trained_costs(
        request.task,
        training_s=_seconds(seed, "training_s"),
        evaluation_s=_seconds(seed, "evaluation_s"),
        shares={name: effort.share for name, effort in EFFORTS.items()},
    )
    timed = next(cost for cost in costs if cost.is_timed)
    plan = Plan(timed, request.options.trials, request.workers)
    say(plan.sentence())
    if request.report_seeds:
        rows = f"1 + {REPORTED[0]} to {REPORTED[1]} detectors"
        say(f"behind them the report: {rows} x {request.report_seeds} full trainings, one by one")
    hint = advice(plan, (*costs, _PROXY), request.time_budget_s or inf)
    if hint:
        say(hint)


def _seconds(judgement: Judgement, name: str) -> float:
    return float(judgement.details.get(name, 0.0))
