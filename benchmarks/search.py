"""Samplers against the exhaustive front of the person detector's space, with the shipped fit.

    python benchmarks/search.py --seeds 5 --json

Prints, for each strategy, the share of the exhaustive front's hypervolume after 120 trials, by
seed; for multi-objective TPE also without the order of the choices, and under a budget.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np

from hwprof.search.estimators import get_task
from hwprof.search.exhaustive import ExhaustiveFront, exhaustive_front
from hwprof.search.loop import SearchOptions, pareto_front, run_search
from hwprof.search.problem import Problem
from hwprof.search.spaces import Dimension, PersonDetection, get_space
from hwprof.search.strategies import Strategy, get_strategy
from hwprof.surrogates.predict import load_predictor
from hwprof.workflows.search_latency import predicted_latency
from hwprof.workspace import Workspace

_BUDGET_US = 100_000.0
_DRAWS = 10_000


class _Orderless(PersonDetection):
    """The same space, its choices drawn as categories."""

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return tuple(replace(dimension, ordered=False) for dimension in super().dimensions)


def main() -> None:
    """Evaluate the space once for each budget, search with each strategy and seed, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workspace", help="whose surrogates to use before the shipped ones")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    workspace = Workspace.resolve(options.workspace) if options.workspace else None
    latency = predicted_latency(load_predictor(workspace=workspace), "surrogate")
    problem = Problem(get_space("person-detection"), get_task("flops-proxy"), latency)
    start_s = time.perf_counter()
    whole = exhaustive_front(problem)
    result: dict[str, object] = {
        "exhaustive_s": time.perf_counter() - start_s,
        "exhaustive_front_size": len(whole.front()),
    }
    budget = exhaustive_front(replace(problem, budget_us=_BUDGET_US))
    cases = {
        "motpe": (whole, "motpe"),
        "motpe, orderless": (_with_space(whole, _Orderless()), "motpe"),
        "nsga2": (whole, "nsga2"),
        "random": (whole, "random"),
        f"motpe, {_BUDGET_US / 1000:g} ms": (budget, "motpe"),
        f"random, {_BUDGET_US / 1000:g} ms": (budget, "random"),
    }
    for name, (front, strategy) in cases.items():
        result[name] = _shares(front, get_strategy(strategy), range(options.seeds))
    print(json.dumps(result, indent=2) if options.json else _text(result))


def _with_space(whole: ExhaustiveFront, space: PersonDetection) -> ExhaustiveFront:
    return replace(whole, problem=replace(whole.problem, space=space))


def _shares(whole: ExhaustiveFront, strategy: Strategy, seeds: range) -> list[float]:
    shares = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            storage = Path(folder) / "studies.sqlite"
            options = SearchOptions(seed=seed)
            trials = run_search(whole.problem, strategy, options, storage=storage)
        within = any(trial.latency_us <= _limit(whole.problem) for trial in trials)
        shares.append(whole.share(pareto_front(whole.problem, trials)) if within else 0.0)
    return shares


def _interval(shares: list[float]) -> tuple[float, float]:
    """Ends of the 95 % percentile interval of the mean, by drawing seeds with replacement."""
    draws = np.random.default_rng(0).choice(shares, (_DRAWS, len(shares))).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def _limit(problem: Problem) -> float:
    return float("inf") if problem.budget_us is None else problem.budget_us


def _text(result: dict[str, object]) -> str:
    lines = []
    for name, value in result.items():
        if isinstance(value, list):
            low, high = _interval(value)
            spread = f"{mean(value):.1%} of the hypervolume, mean between {low:.1%} and {high:.1%}"
            lines.append(f"{name:22} {spread} (95 %, bootstrap over {len(value)} seeds)")
        else:
            lines.append(
                f"{name:22} {value:,.2f}" if isinstance(value, float) else f"{name:22} {value}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
