"""Several processes on one study: killed ones, shared values, lost trials."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import optuna
import pytest

from hwprof.search import liveness
from hwprof.search.loop import SearchOptions, join_search, run_search
from hwprof.search.strategies import get_strategy
from hwprof.search.study import open_study

RANDOM = get_strategy("random")
OPTIONS = SearchOptions(trials=6, study="shared")

# A worker of the same problem whose third latency never comes.
STUCK = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conftest import CountingLatency, SmallSpace
from hwprof.search.estimators import FlopsProxy, GivenLatency
from hwprof.search.loop import SearchOptions, join_search
from hwprof.search.problem import Problem
from hwprof.search.strategies import get_strategy

asked = []
def latency(architectures):
    asked.append(architectures)
    if len(asked) == 3:
        print("stuck", flush=True)
        time.sleep(600)
    return CountingLatency()(architectures)

problem = Problem(SmallSpace(), FlopsProxy(), GivenLatency("by MACs", latency))
options = SearchOptions(trials=6, study="shared")
join_search(problem, get_strategy("random"), options, storage=Path(sys.argv[2]), worker="0")
"""


@pytest.fixture
def stuck_worker(request, storage):
    """A process in the middle of its third trial."""
    here = str(request.path.parent)
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK, here, str(storage)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "stuck\n"
        yield process
        process.kill()


def trial_states(storage):
    """States of the study's trials, by name, in their order."""
    study = optuna.load_study(study_name="shared", storage=f"sqlite:///{storage}")
    return [trial.state.name for trial in study.get_trials(deepcopy=False)]


def test_a_killed_worker_loses_nothing(make_problem, latency, storage, stuck_worker):
    """After kill -9 its finished trials stay, the one it was at is failed, others go on."""
    assert trial_states(storage) == ["COMPLETE", "COMPLETE", "RUNNING"]
    stuck_worker.send_signal(signal.SIGKILL)
    stuck_worker.wait()
    trials = run_search(make_problem(latency), RANDOM, OPTIONS, storage=storage)
    assert len(trials) == 6
    states = trial_states(storage)
    assert states[:3] == ["COMPLETE", "COMPLETE", "FAIL"]
    assert states.count("COMPLETE") == 6
    assert not {trial.arch for trial in trials[:2]} & set(latency.asked)  # their values are reused


def test_a_living_worker_keeps_its_trial(make_problem, storage, stuck_worker):
    """Who joins does what nobody is at: one trial less than there are to do."""
    join_search(make_problem(), RANDOM, OPTIONS, storage=storage, worker="1")
    states = trial_states(storage)
    assert (states[2], states.count("COMPLETE")) == ("RUNNING", 5)


def test_workers_draw_apart(make_problem, tmp_path):
    """Two workers that begin with the same nothing try different points."""
    tried = []
    for worker in "01":
        storage = tmp_path / worker
        join_search(make_problem(), RANDOM, OPTIONS, storage=storage, worker=worker)
        tried.append(run_search(make_problem(), RANDOM, OPTIONS, storage=storage))
    assert tried[0] != tried[1]


@pytest.mark.parametrize(
    ("worker", "state"),
    [
        ({"host": "another", "pid": 1, "started": 1}, "RUNNING"),
        ({"pid": os.getpid(), "started": liveness._started(os.getpid())}, "RUNNING"),
        ({"pid": os.getpid(), "started": -1}, "FAIL"),  # the number is another process's by now
        ({"pid": 1, "started": liveness._started(1)}, "RUNNING"),
        ({"pid": 2**22 + 1, "started": 0}, "FAIL"),  # beyond the largest there is
    ],
)
def test_a_trial_is_lost_with_its_process(make_problem, storage, worker, state):
    """Trials of processes that are gone are failed; of living ones and of other hosts not."""
    with open_study(make_problem(), RANDOM, name="shared", seed=0, storage=storage) as study:
        trial = study.ask()
        trial.set_user_attr("worker", {"host": liveness.socket.gethostname(), **worker})
        liveness.release_lost(study)
        assert [each.state.name for each in study.get_trials()] == [state]


def test_a_trial_that_nobody_signed_is_lost_in_the_end(make_problem, storage, monkeypatch):
    """A process may die before it signs; a minute is enough for those that live."""
    with open_study(make_problem(), RANDOM, name="shared", seed=0, storage=storage) as study:
        study.ask()
        assert liveness.release_lost(study) == 0
        monkeypatch.setattr(liveness, "_UNSIGNED_FOR", timedelta(0))
        time.sleep(0.01)
        assert liveness.release_lost(study) == 1
