"""The search loop: seeds, interruptions, duplicates, budgets and foreign studies."""

import re
import sqlite3
from dataclasses import replace
from types import SimpleNamespace
from zlib import crc32

import numpy as np
import optuna
import pytest

from hwprof.errors import ConfigurationError, StoreError, UnknownNameError
from hwprof.search.estimators import (
    BoardLatency,
    GivenTask,
    Judgement,
    ParametersProxy,
    PredictedLatency,
    SettledLatency,
)
from hwprof.search.exhaustive import exhaustive_front
from hwprof.search.loop import SearchOptions, pareto_front, run_search, settle
from hwprof.search.spaces import PersonDetection
from hwprof.search.strategies import STRATEGIES, get_strategy

EVERY_STRATEGY = pytest.mark.parametrize(
    "strategy", STRATEGIES.values(), ids=lambda strategy: strategy.name
)
RANDOM = get_strategy("random")


@EVERY_STRATEGY
def test_a_search_tries_what_it_was_asked_to(make_problem, storage, strategy):
    """As many trials as asked come back, each with what the estimators say of its point."""
    problem = make_problem()
    trials = run_search(problem, strategy, SearchOptions(trials=15), storage=storage)
    assert trials == tuple(problem.candidate(trial.point) for trial in trials)
    assert len(trials) == 15


@EVERY_STRATEGY
def test_an_interrupted_search_goes_on_as_if_it_had_not_been(
    make_problem, failing_latency, tmp_path, strategy
):
    """Stopped in the middle of a trial and resumed, a search finds what it would have found."""
    options = SearchOptions(trials=14, seed=3)
    whole = run_search(make_problem(), strategy, options, storage=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run_search(make_problem(failing_latency(6)), strategy, options, storage=tmp_path / "parts")
    assert run_search(make_problem(), strategy, options, storage=tmp_path / "parts") == whole


@pytest.mark.parametrize("strategy", [get_strategy(name) for name in ("motpe", "nsga2", "random")])
def test_seeds_differ(make_problem, tmp_path, strategy):
    """Another seed takes another way."""
    first, second = (
        run_search(
            make_problem(), strategy, SearchOptions(trials=8, seed=seed), storage=tmp_path / "s"
        )
        for seed in (0, 1)
    )
    assert first != second


def test_a_point_is_evaluated_once(make_problem, latency, storage):
    """Duplicates reuse the values of the first, in one run and in the next."""
    for trials in (20, 40):
        run_search(make_problem(latency), RANDOM, SearchOptions(trials=trials), storage=storage)
    assert len(latency.asked) == len(set(latency.asked)) <= 32


def test_a_finished_study_is_only_read(make_problem, latency, storage):
    """Asked again for no more trials than there are, a search evaluates nothing."""
    first = run_search(make_problem(latency), RANDOM, SearchOptions(trials=5), storage=storage)
    asked = len(latency.asked)
    again = run_search(make_problem(latency), RANDOM, SearchOptions(trials=4), storage=storage)
    assert (again, len(latency.asked)) == (first[:4], asked)


def test_progress_counts_all_trials(make_problem, storage):
    """Trials of an earlier run are reported too, so that a bar starts where it stopped."""
    options = SearchOptions(trials=6)
    run_search(make_problem(), RANDOM, replace(options, trials=2), storage=storage)
    steps = []
    run_search(make_problem(), RANDOM, options, storage=storage, progress=steps.append)
    assert sum(steps) == 6


def test_studies_are_ordinary_optuna_studies(make_problem, storage):
    """Optuna itself, and so its dashboard, reads names, values and architectures."""
    options = SearchOptions(trials=3, study="mine")
    trials = run_search(make_problem(), RANDOM, options, storage=storage)
    study = optuna.load_study(study_name="mine", storage=f"sqlite:///{storage}")
    assert [trial.values for trial in study.trials] == [[t.latency_us, t.score] for t in trials]
    assert [trial.user_attrs["architecture"] for trial in study.trials] == [t.arch for t in trials]


def test_the_verbosity_of_optuna_is_the_users(make_problem, storage):
    """A search leaves Optuna's logging as it was."""
    before = optuna.logging.get_verbosity()
    run_search(make_problem(), RANDOM, SearchOptions(trials=1), storage=storage)
    assert optuna.logging.get_verbosity() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": PersonDetection()}, "has space 'small', this search 'person-detection'"),
        ({"task": ParametersProxy()}, "has task 'flops-proxy', this search 'parameters-proxy'"),
        ({"budget_us": 1e6}, r"has budget_us None, this search 1000000\.0"),
    ],
)
def test_a_study_of_another_search_is_refused(make_problem, storage, change, message):
    """One name never mixes two spaces, tasks or budgets; nothing is added to the study."""
    options = SearchOptions(trials=2, study="mine")
    first = run_search(make_problem(), RANDOM, options, storage=storage)
    with pytest.raises(ConfigurationError, match=f"{message}; choose another --study"):
        run_search(replace(make_problem(), **change), RANDOM, options, storage=storage)
    assert run_search(make_problem(), RANDOM, options, storage=storage) == first


def test_a_study_that_others_made_is_refused(make_problem, storage):
    """A study with trials that hwprof did not start is left alone."""
    storage.parent.mkdir()
    study = optuna.create_study(
        study_name="mine", storage=f"sqlite:///{storage}", directions=["minimize", "maximize"]
    )
    study.tell(study.ask(), [1.0, 1.0])
    with pytest.raises(ConfigurationError, match="'mine' has space None, this search 'small'"):
        run_search(make_problem(), RANDOM, SearchOptions(study="mine"), storage=storage)


def test_a_file_that_is_no_storage_is_refused(make_problem, storage):
    """A text file in the place of the storage is a sentence, and stays as it was."""
    storage.parent.mkdir()
    storage.write_text("mine")
    with pytest.raises(StoreError, match=r"file is not a database.*choose another --workspace"):
        run_search(make_problem(), RANDOM, SearchOptions(trials=1), storage=storage)
    assert storage.read_text() == "mine"


def test_a_storage_of_another_optuna_is_refused(make_problem, storage):
    """Tables of a version that the installed Optuna does not read are a sentence."""
    run_search(make_problem(), RANDOM, SearchOptions(trials=1), storage=storage)
    with sqlite3.connect(storage) as connection:
        connection.execute("update alembic_version set version_num = 'v99.9.a'")
    connection.close()
    with pytest.raises(StoreError, match=r"the studies in .* cannot be used"):
        run_search(make_problem(), RANDOM, SearchOptions(trials=1), storage=storage)


@pytest.mark.parametrize("change", [{"budget_us": 1e6}, {"task": ParametersProxy()}])
def test_another_search_begins_another_study(make_problem, change):
    """Without a name of the user's, no two searches share one."""
    problem, options = make_problem(), SearchOptions()
    other = replace(problem, **change)
    assert options.study_name(problem, RANDOM) != options.study_name(other, RANDOM)


def test_names_made_up_can_be_typed(make_problem):
    """Tasks have spaces and commas in their names; a study of them has none."""
    task = GivenTask("int8 AP50, full-training, symmetric/per-tensor, 0a1b", None)
    name = SearchOptions().study_name(replace(make_problem(), task=task), RANDOM)
    assert re.fullmatch(r"[A-Za-z0-9.-]+", name)
    assert "int8-AP50-full-training-symmetric-per-tensor" in name


def test_no_finished_trial_is_a_sentence(make_problem):
    """Others are still at all of them."""
    with pytest.raises(ConfigurationError, match="the study has none, as those of other workers"):
        pareto_front(make_problem(), ())


@pytest.mark.parametrize("values", [{"trials": 0}, {"seed": -1}])
def test_impossible_options_are_refused(values):
    """A search has a trial and a seed."""
    with pytest.raises(ConfigurationError, match="at least 1 trial and a seed of at least 0"):
        SearchOptions(**values)


@pytest.mark.parametrize("budget_us", [0.0, -1.0, float("nan")])
def test_impossible_budgets_are_refused(make_problem, budget_us):
    """A budget is a positive number of microseconds."""
    with pytest.raises(ConfigurationError, match="a latency budget is positive"):
        make_problem(budget_us=budget_us)


def test_the_front_keeps_to_the_budget(make_problem, storage):
    """Candidates above the budget are no solutions, whatever their score."""
    problem = make_problem(budget_us=200_000.0)
    trials = run_search(problem, RANDOM, SearchOptions(trials=15), storage=storage)
    front = pareto_front(problem, trials)
    assert max(candidate.latency_us for candidate in front) <= 200_000
    assert max(candidate.latency_us for candidate in trials) > 200_000


def test_a_budget_draws_the_sampler_below_it(make_problem, tmp_path):
    """With a budget the strategy spends more of its trials under it than chance does."""
    problem = make_problem(budget_us=170_000.0)
    options = SearchOptions(trials=25)
    within = {
        name: sum(
            trial.latency_us <= problem.budget_us
            for trial in run_search(
                problem, get_strategy(name), options, storage=tmp_path / "studies"
            )
        )
        for name in ("motpe", "random")
    }
    assert within["motpe"] > 1.5 * within["random"]


def test_a_budget_nobody_meets_names_the_fastest(make_problem, storage):
    """The answer to an impossible budget is the fastest that was found."""
    problem = make_problem(budget_us=1_000.0)
    trials = run_search(problem, RANDOM, SearchOptions(trials=3), storage=storage)
    with pytest.raises(ConfigurationError, match=r"none of 3 trials meets 1 ms; the fastest, pers"):
        pareto_front(problem, trials)


def test_an_exhaustive_front_sees_every_architecture(make_problem, latency):
    """Each architecture is evaluated once; its front has the whole hypervolume."""
    steps = []
    whole = exhaustive_front(make_problem(latency), progress=steps.append)
    assert len(set(latency.asked)) == sum(steps) == 32
    assert whole.share(whole.front()) == pytest.approx(1)


def test_a_part_of_the_front_has_a_part_of_the_volume(make_problem):
    """Leaving out the best of a front loses hypervolume."""
    whole = exhaustive_front(make_problem())
    assert 0 < whole.share(whole.front()[:-1]) < 1


def test_the_exhaustive_front_is_that_of_all_trials(make_problem):
    """Every point evaluated one by one leads to the same front."""
    problem = make_problem(budget_us=250_000.0)
    points = (problem.space.point(index) for index in range(problem.space.size))
    trials = [problem.candidate(point) for point in points]
    assert exhaustive_front(problem).front() == pareto_front(problem, trials)


def test_an_impossible_budget_is_known_before_the_search(make_problem):
    """The whole space says which architecture is the fastest of all."""
    with pytest.raises(ConfigurationError, match=r"no architecture of small meets 1 ms; the fast"):
        exhaustive_front(make_problem(budget_us=1_000.0))


def test_a_sampler_says_which_optuna_it_is(monkeypatch):
    """Samplers of one name differ between versions of Optuna."""
    assert get_strategy("motpe").full_name == f"motpe (optuna {optuna.__version__})"


def test_an_unknown_strategy_suggests_the_nearest():
    """A misspelt strategy is answered with the one that was probably meant."""
    with pytest.raises(UnknownNameError, match="did you mean motpe"):
        get_strategy("mopte")


def test_intervals_kinds_and_details_are_kept(make_problem, storage):
    """What the estimators said beside the two values comes back from the storage as it was."""
    task = GivenTask("mine", lambda design: Judgement(design.architecture.macs, {"epochs": 3}))
    latency = PredictedLatency("predicted", _ten_percent_around)
    problem = replace(make_problem(budget_us=2e5), task=task, latency=latency)
    options = SearchOptions(trials=3, study="mine")
    first = run_search(problem, RANDOM, options, storage=storage)
    again = run_search(problem, RANDOM, options, storage=storage)
    assert again == first == tuple(problem.candidate(trial.point) for trial in first)
    assert {trial.details["epochs"] for trial in again} == {3}

    study = optuna.load_study(study_name="mine", storage=f"sqlite:///{storage}")
    for trial, candidate in zip(study.trials, first, strict=True):
        chance = candidate.estimate.chance_within(2e5)
        assert trial.user_attrs["latency"]["chance_within_budget"] == chance
        assert trial.user_attrs["latency"]["kind"] == "predicted"


def test_the_board_runs_where_it_decides_something(make_problem, latency, storage):
    """Predictions that err, and a board where it counts, find the front of boards in fewer runs."""
    board = BoardLatency("board", lambda architecture: latency([architecture])[0], "modelled")
    settled = SettledLatency(PredictedLatency("predicted", _ten_percent_around), board)
    problem = replace(make_problem(latency), latency=settled)
    trials = run_search(problem, RANDOM, SearchOptions(trials=60), storage=storage)
    front = {trial.arch for trial in pareto_front(problem, settle(problem, trials))}
    assert {trial.kind for trial in trials} == {"predicted", "modelled"}
    assert 0 < board.runs < len(set(trials))

    truth = make_problem(latency)
    found = [truth.candidate(trial.point) for trial in trials]
    assert front == {trial.arch for trial in pareto_front(truth, found)}


def _ten_percent_around(architectures):
    """Three microseconds for a thousand MACs, up to 5 % off, in an interval of 10 %."""
    exact = np.array([3e-3 * architecture.macs for architecture in architectures])
    kernel_2 = np.array(["k=2" in architecture.name for architecture in architectures])
    errors = [crc32(architecture.name.encode()) % 101 - 50 for architecture in architectures]
    wrong = exact * (1 + 0.2 * kernel_2) * (1 + 0.001 * np.array(errors))
    return SimpleNamespace(
        latency_us=wrong, low_us=wrong / 1.1, high_us=wrong * 1.1, interval_level=0.9
    )


def test_the_exhaustive_strategy_tries_the_front(make_problem, storage):
    """Its trials are the front of the whole space, thinned to the trials with both ends kept."""
    problem, strategy = make_problem(), get_strategy("exhaustive")
    front = exhaustive_front(problem).front()
    trials = run_search(problem, strategy, SearchOptions(trials=3), storage=storage)
    assert [trial.point for trial in trials[:: len(trials) - 1]] == [
        front[0].point,
        front[-1].point,
    ]
    assert {trial.point for trial in trials} < {candidate.point for candidate in front}


def test_an_expensive_task_sees_the_proxys_front_only(make_problem, storage):
    """FLOPs rank the space; the task judges each architecture of their front once, no more."""
    judged = []

    def judge(design):
        judged.append(design.architecture.name)
        return Judgement(-float(design.architecture.macs))

    problem = replace(make_problem(), task=GivenTask("contrary", judge))
    trials = run_search(
        problem, get_strategy("exhaustive"), SearchOptions(trials=100), storage=storage
    )
    front = exhaustive_front(make_problem()).front()
    assert judged == [trial.arch for trial in trials] == [candidate.arch for candidate in front]
