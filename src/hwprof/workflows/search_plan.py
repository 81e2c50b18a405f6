"""The planner's figures for a request: one training, timed before the search begins."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from hwprof.search.estimators import Judgement
from hwprof.search.planner import Plan, TaskCost, advice, trained_costs
from hwprof.search.problem import Problem
from hwprof.workflows.search_request import SearchRequest

Say = Callable[[str], None]

_PROXY = TaskCost("flops-proxy", 0.0)


def announce_plan(request: SearchRequest, problem: Problem, say: Say) -> None:
    """Train the seed network as candidates will be, and say what that makes of the search.

    Its training is kept and is one that the result needs; workers find it too.

    Raises:
        ConfigurationError: it cannot be trained.
    """
    from hwprof.workflows.trained_tasks import EFFORTS

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
    hint = advice(plan, (*costs, _PROXY), request.time_budget_s or inf)
    if hint:
        say(hint)


def _seconds(judgement: Judgement, name: str) -> float:
    return float(judgement.details.get(name, 0.0))
