"""Searches by name: latency estimators, limits, workers, and what cannot be searched."""

import multiprocessing
import os
import signal
import threading
import time
from dataclasses import replace

import optuna
import pytest

from hwprof.errors import ConfigurationError, StoreError, UnknownNameError
from hwprof.networks import parse_architecture
from hwprof.profiler.bench import Setup
from hwprof.search.loop import SearchOptions
from hwprof.workflows.detector_search import search_by_name
from hwprof.workflows.search_latency import LATENCIES, SearchBoard, get_latency
from hwprof.workflows.search_problem import make_problem
from hwprof.workflows.search_request import TRAINED_TASKS, Lessons, SearchRequest
from hwprof.workflows.search_workers import run_workers
from hwprof.workspace import Workspace

SMALL = "cifar10-cnn"


@pytest.fixture
def workspace(tmp_path):
    """An empty workspace."""
    return Workspace(tmp_path / "work")


def request_of(trials=4, **options):
    """A small search of the person detector without its extras."""
    options = {"exhaustive": False, "verify": False, **options}
    return SearchRequest("person-detection", options=SearchOptions(trials=trials), **options)


@pytest.mark.parametrize("name", LATENCIES)
def test_every_latency_estimator_answers(name, workspace):
    """Each says microseconds, of the kind that it is, and where they come from."""
    with SearchBoard(Setup()) as board:
        latency = get_latency(name, board, workspace)
        (estimate,) = latency.estimates([parse_architecture(SMALL)])
    assert estimate.kind == ("modelled" if name == "board" else "predicted")
    assert 1_000 < estimate.low_us <= estimate.high_us < 1_000_000
    assert "rt1170" in latency.name


def test_a_search_by_board_predicts_nothing(workspace):
    """All latencies are modelled, each counted, and winners are not run again."""
    result = search_by_name(
        request_of(trials=2, latency="board", setup=Setup(timing="pipeline")), workspace
    )
    assert [(answers.kind, answers.count) for answers in result.answers] == [("modelled", 2)]
    assert {row.predicted_us for row in result.pareto} == {None}
    assert all(row.board_us == row.latency_us for row in result.pareto)


def test_limits_are_those_of_the_lowered_program(workspace):
    """Rows of the result are within RAM and flash, and say how much they take."""
    request = request_of(trials=12, max_ram_bytes=600_000, max_flash_bytes=250_000)
    result = search_by_name(request, workspace)
    with SearchBoard(request.setup) as board:
        for row in result.pareto:
            program = board.bench.lower(parse_architecture(row.arch).graph())
            assert row.amounts["peak_ram_bytes"] == program.peak_ram_bytes <= 600_000
            assert row.amounts["flash_bytes"] == program.flash_bytes <= 250_000
    assert result.hypervolume_share is None


def test_limits_nobody_meets_name_the_fastest(workspace):
    """The answer holds the limits, the fastest found and what it takes."""
    request = request_of(max_ram_bytes=1000)
    sentence = r"none of 4 trials meets 1,000 peak_ram_bytes; the fastest.*, peak_ram_bytes \d"
    with pytest.raises(ConfigurationError, match=sentence):
        search_by_name(request, workspace)


def test_workers_share_a_study(workspace):
    """Two processes make one study of as many trials as asked for; the result is as usual."""
    said: list[str] = []
    result = search_by_name(request_of(trials=6, workers=2), workspace, say=said.append)
    assert said == []
    study = optuna.load_study(study_name=result.study, storage=f"sqlite:///{workspace.studies}")
    summaries = optuna.get_all_study_summaries(f"sqlite:///{workspace.studies}")
    assert len(summaries) == 1
    workers = {trial.user_attrs["worker"]["pid"] for trial in study.trials}
    assert result.trials == 6
    assert workers - {os.getpid()}  # at least one of the others came to it


def test_a_search_survives_its_workers(workspace):
    """Both workers are killed with SIGKILL; what they left is done all the same."""

    def kill() -> None:
        deadline = time.monotonic() + 60
        killed = set()
        while len(killed) < 2 and time.monotonic() < deadline:
            for process in multiprocessing.active_children():
                if process.pid not in killed:
                    os.kill(process.pid, signal.SIGKILL)
                    killed.add(process.pid)
            time.sleep(0.01)

    killer = threading.Thread(target=kill)
    killer.start()
    said: list[str] = []
    result = search_by_name(request_of(workers=2), workspace, say=said.append)
    killer.join()
    assert result.trials == 4
    assert said == ["a worker ended with SIGKILL; its trials are done by the rest"] * 2


def test_a_workers_error_is_the_searchs(workspace):
    """What stops a worker is raised here, in its own words."""
    request = request_of(workers=2, storage="sqlite:////no/such/folder/studies.sqlite")
    with pytest.raises(StoreError, match=r"unable to open database file"):
        run_workers(request, workspace, lambda _: None)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"task": "flops"}, UnknownNameError, "did you mean flops-proxy"),
        ({"task": "full-training"}, ConfigurationError, "give a COCO or PASCAL VOC folder"),
        ({"hpo": True}, ConfigurationError, "--hpo varies how candidates are trained"),
        (
            {"workers": 2, "latency": "board", "setup": Setup("serial:/dev/ttyACM0")},
            ConfigurationError,
            "one board answers one worker",
        ),
        ({"latency": "lookup"}, UnknownNameError, "latency estimator 'lookup'"),
        ({"strategy": "nsga"}, UnknownNameError, "did you mean nsga2"),
        ({"max_flash_bytes": 0}, ConfigurationError, "a limit is positive"),
        ({"strategy": "exhaustive", "latency": "board"}, ConfigurationError, "another --sampler"),
        ({"storage": "postgres//x"}, StoreError, "check the URL"),
        ({"storage": "nosuchdb://me:secret@host/x"}, StoreError, "its driver is installed"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(workspace, options, error, sentence):
    """A request that makes no search is refused with the way out, and secrets stay secret."""
    with pytest.raises(error, match=sentence) as caught:
        search_by_name(request_of(**options), workspace)
    assert "secret" not in str(caught.value)


def test_tasks_that_train_are_known_without_pytorch():
    """The names that a request knows are those of the room that trains."""
    pytest.importorskip("torch")
    from hwprof.workflows.trained_tasks import EFFORTS

    assert set(TRAINED_TASKS) == set(EFFORTS)


def test_no_data_folder_is_one_sentence(workspace, tmp_path):
    """Pictures that are not there are refused before anything is trained."""
    pytest.importorskip("torch")
    lessons = Lessons(tmp_path / "nothing")
    request = request_of(task="early-stopping", lessons=lessons, hpo=True)
    with SearchBoard(request.setup) as board, pytest.raises(ConfigurationError, match="nothing"):
        make_problem(request, board, workspace)


def test_a_space_of_no_detectors_is_not_trained(workspace, tmp_path):
    """It is refused before pictures are looked for, with a way out that the command has."""
    path = tmp_path / "classifiers.toml"
    path.write_text('name = "c"\nnetwork = "mobilenet-v1"\n[parameters]\nsize = [32, 48]\n')
    lessons = Lessons(tmp_path / "nothing")
    request = replace(request_of(task="full-training", lessons=lessons), space=str(path))
    with (
        SearchBoard(request.setup) as board,
        pytest.raises(ConfigurationError, match="'hwprof search' without --data"),
    ):
        make_problem(request, board, workspace)
