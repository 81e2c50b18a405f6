"""A search's outcome is trained anew, judged on pictures nobody chose by, run, and kept."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hwprof.cli import main
from hwprof.edits import Kernel, regroup
from hwprof.errors import ConfigurationError, StoreError
from hwprof.networks import person_detector
from hwprof.profiler.bench import Bench, Setup
from hwprof.search.estimators import GivenLatency
from hwprof.search.loop import SearchOptions
from hwprof.search.problem import Problem
from hwprof.search.spaces import Choice, Dimension, EditAxis, EditedNetwork, SearchSpace
from hwprof.search.strategies import get_strategy
from hwprof.search.training.boxes import Detections
from hwprof.search.training.evaluation import average_precision
from hwprof.search.training.recipe import Recipe
from hwprof.search.training.seed import fresh
from hwprof.testing.pictures import draw_coco_set
from hwprof.workflows.detector_accuracy import Found
from hwprof.workflows.detector_search import search_by_name
from hwprof.workflows.search_outcome import OutcomeRequest, Reporting, report_study, write_outcome
from hwprof.workflows.search_outcome._board import _read
from hwprof.workflows.search_outcome._found_files import keep_found, read_found
from hwprof.workflows.search_request import Lessons, SearchRequest
from hwprof.workflows.trained_detectors import TrainedDetectors, TrainingRequest
from hwprof.workflows.trained_tasks import TrainedTask
from hwprof.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # trains and runs a dozen detectors

HEADS = ((5, 1, 96), (2, 4, 24))
SIZES = ((224, 0.5625), (256, 0.6))
RECIPE = Recipe(epochs=4, batch=4, learning_rate=5e-3, averaging=0.5)


class Tiny(SearchSpace):
    """Two heads at two inputs."""

    name = "tiny"

    @property
    def dimensions(self):
        return (
            Dimension("head", tuple(map(str, HEADS))),
            Dimension("input", tuple(map(str, SIZES))),
        )

    @property
    def seed_point(self):
        return (0, 1)

    def architecture(self, point):
        k, g, c = HEADS[point[0]]
        width, aspect = SIZES[point[1]]
        return person_detector(k=k, g=g, c=c, width=width, aspect=aspect)


@pytest.fixture(scope="module")
def detectors(tmp_path_factory):
    """Detectors on drawn pictures, from random weights."""
    folder = tmp_path_factory.mktemp("outcome")
    data = draw_coco_set(folder / "data", train=6, val=8)
    torch.save(fresh(person_detector(), seed=3).state_dict(), folder / "seed.pt")
    request = TrainingRequest(data=data, weights=folder / "seed.pt", recipe=RECIPE, views=2)
    return TrainedDetectors(request, Workspace(folder / "work"))


@pytest.fixture(scope="module")
def request_(detectors):
    """Every detector of the space, judged as a search judges them."""
    task = TrainedTask("full-training", detectors).estimator()
    latency = GivenLatency("by MACs", lambda many: [1.7e-3 * one.macs for one in many])
    problem = Problem(Tiny(), task, latency, budget_us=40e3)
    trials = tuple(problem.candidate(problem.space.point(number)) for number in range(4))
    return OutcomeRequest(
        problem=problem, trials=trials, n_trials=6, strategy="all of them", detectors=detectors,
        setup=Setup(timing="pipeline"), seeds=2, drawn=2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def files(request_, tmp_path_factory):
    """The report, written at the second attempt."""
    folder = tmp_path_factory.mktemp("report") / "here"

    def killed(stage, count, total):
        del stage, count, total
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_outcome(request_, folder, progress=killed)
    told = []
    written = write_outcome(request_, folder, progress=lambda *said: told.append(said))
    assert {stage for stage, _, _ in told} == {"report"}
    assert sum(count for _, count, _ in told) == told[0][2]
    return written


@pytest.fixture(scope="module")
def document(files):
    """The report as JSON."""
    return json.loads(files.document.read_text())


def test_seed_winners_and_baselines_have_rows(document):
    """The seed is first; a winner is no slower than the rule that chose it asks."""
    rows = document["detectors"]
    assert rows[0]["role"] == "seed"
    assert {row["role"] for row in rows} >= {"seed", "winner"}
    within = [row for row in rows if "within the budget" in row["why"]]
    assert all(row["board"]["latency_us"] <= 40e3 for row in within)
    assert all(row["board"]["kind"] == "modelled" for row in rows)
    saved = [row["saving"] for row in rows[1:]]
    assert all(one["by_input"] + one["by_head"] == pytest.approx(one["share"]) for one in saved)


def test_precision_is_the_mean_of_trainings_that_nobody_chose_by(document, detectors):
    """The seed's numbers are those of its trainings with seeds 1 and 2 on the report's pictures."""
    assert document["protocol"]["seeds"] == [1, 2]
    sets = detectors.pictures
    values = []
    for seed in (1, 2):
        trained = detectors.train(Tiny().architecture((0, 1)), replace(RECIPE, seed=seed))
        (path,) = detectors.store.folder(trained.key).glob("report*.npz")
        found = read_found(path, len(sets.report))
        values.append(average_precision(sets.report, found.of_int8).ap50)
    assert document["detectors"][0]["ap50_int8"]["value"] == pytest.approx(np.mean(values))
    assert document["protocol"]["report_pictures"] == len(sets.report)


def test_files_of_winners_are_what_the_board_ran(files, document, capsys):
    """Profiling the int8 file counts the cycles of the row."""
    row = document["detectors"][1]
    assert row["role"] == "winner"
    plain, int8 = row["files"]
    assert (files.page.parent / plain).is_file()
    with pytest.raises(SystemExit, match="0"):
        main(["profile", str(files.page.parent / int8), "--timing", "pipeline", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert printed["latency_us"] == row["board"]["latency_us"]
    assert printed["flash_bytes"] == row["board"]["flash_bytes"]


def test_pictures_show_seed_and_winners(files, document):
    """Two pictures, each once for the seed and for every winner, inside the page."""
    winners = sum(row["role"] == "winner" for row in document["detectors"])
    assert len(document["drawings"]) == 2 * (1 + winners)
    assert files.page.read_text().count("data:image/jpeg;base64,") == 2 * (1 + winners)


def test_trials_keep_their_float_precision(files, request_):
    """The CSV has what the search judged by, on the pictures that it selected on."""
    with files.trials.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["arch"] for row in rows] == [one.arch for one in request_.trials]
    assert [float(row["ap50_int8"]) for row in rows] == [one.score for one in request_.trials]
    assert all(float(row["ap50_float"]) >= 0 for row in rows)


def test_the_same_call_trains_nothing(request_, detectors, files, document, tmp_path):
    """Everything is found again, and gives the same numbers."""
    before = {path: path.stat().st_mtime_ns for path in detectors.store.root.rglob("*.*")}
    again = write_outcome(request_, tmp_path)
    assert {p: p.stat().st_mtime_ns for p in detectors.store.root.rglob("*.*")} == before
    repeated = json.loads(again.document.read_text())
    for one in (repeated, document):
        one["cost"] = None  # seconds
    assert repeated == document
    assert again.detectors.read_text() == files.detectors.read_text()


def test_frames_have_parts_that_were_run(document):
    """Network and all around it, for every row."""
    for row in document["detectors"]:
        parts = {part["name"]: part for part in row["frame"]}
        assert parts["network"]["latency_us"] == row["board"]["latency_us"]
        assert {"resize", "decode", "NMS"} < set(parts)
        assert row["frame_us"] == pytest.approx(sum(p["latency_us"] for p in row["frame"]))


def test_broken_runs_are_refused(detectors, files, tmp_path):
    """A run that was kept and cut is named, with what to do."""
    path, *_ = sorted((detectors.store.root.parent / "runs").glob("*.json"))
    cut = tmp_path / path.name
    cut.write_text(path.read_text()[:20])
    with pytest.raises(StoreError, match="is no run that was kept"):
        _read(cut)


def test_a_study_is_reported_where_its_name_leads(request_, detectors, tmp_path):
    """Trials that are missing are run, on a board that stays open; the folder has a plain name."""
    workspace = Workspace(tmp_path)
    options = SearchOptions(trials=5, seed=1)
    with Bench(request_.setup) as bench:
        written = report_study(
            request_.problem,
            get_strategy("random"),
            options,
            reporting=Reporting(detectors, request_.setup, seeds=2, bench=bench),
            workspace=workspace,
            storage=workspace.studies,
        )
        assert bench.changed() == ""
    document = json.loads(written.document.read_text())
    assert document["n_trials"] == 5
    assert 1 <= len(document["trials"]) <= 4
    assert written.page.parent.parent == tmp_path / "searches"
    assert re.fullmatch(r"[\w.=-]+", written.page.parent.name)


def test_a_search_by_name_ends_in_its_report(detectors, tmp_path):
    """One trial on the command line's own way; without seeds there is no report."""
    training = detectors.request
    request = SearchRequest(
        "person-detection",
        task="full-training",
        latency="surrogate",
        lessons=Lessons(training.data, training.weights, recipe=replace(RECIPE, epochs=1)),
        options=SearchOptions(trials=1),
        exhaustive=False,
        verify=False,
        report_seeds=1,
    )
    result = search_by_name(request, Workspace(tmp_path))
    document = json.loads(Path(result.report).with_suffix(".json").read_text())
    assert document["detectors"][0]["arch"] == person_detector().name
    assert result.to_json()["report"] == result.report
    assert search_by_name(replace(request, report_seeds=0), Workspace(tmp_path)).report == ""


def test_a_search_that_cannot_be_reported_is_refused_before_it_trains(detectors, tmp_path):
    """An advised space may hold the head as operators; without a report it is searched."""
    network, edit = person_detector(), Kernel(("dethead/obj_dw",), (3, 1))
    apart = regroup(network, network.graph(), edit.apply(network.graph())).architecture
    axes = [EditAxis("input", (Choice("as it is"),))]
    EditedNetwork("apart", apart, axes).save(tmp_path / "apart.json")
    request = SearchRequest(
        str(tmp_path / "apart.json"),
        task="full-training",
        lessons=Lessons(detectors.request.data, detectors.request.weights),
        options=SearchOptions(trials=1),
        exhaustive=False,
        report_seeds=1,
    )
    with pytest.raises(ConfigurationError, match="without a report: --report-seeds 0"):
        search_by_name(request, Workspace(tmp_path))
    assert not (tmp_path / "trainings").exists()


def test_bad_requests_are_refused(request_, tmp_path):
    """No trials, no trainings, and a folder that is a file."""
    with pytest.raises(ConfigurationError, match="after its first trial"):
        replace(request_, trials=())
    with pytest.raises(ConfigurationError, match=r"got 0 and 4\.|got 0 and 2"):
        replace(request_, seeds=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        write_outcome(request_, tmp_path / "file")


@pytest.fixture
def found():
    """Detections on two pictures, none on the first."""
    nothing = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
    some = Detections(np.float32([[0, 0, 1, 1], [0, 0, 0.5, 1]]), np.float32([0.9, 0.1]))
    return Found((nothing, some), (some, nothing))


def test_what_was_found_is_read_as_it_was_kept(found, tmp_path):
    """Pictures keep their order, with and without detections."""
    path = tmp_path / "found.npz"
    assert read_found(path, 2) is None
    keep_found(found, path)
    read = read_found(path, 2)
    for side in ("of_float", "of_int8"):
        for one, other in zip(getattr(read, side), getattr(found, side), strict=True):
            np.testing.assert_array_equal(one.boxes, other.boxes)
            np.testing.assert_array_equal(one.scores, other.scores)


def test_broken_detections_are_refused(found, tmp_path):
    """A cut file, one of other pictures, and a folder that is not there are a sentence each."""
    path = tmp_path / "found.npz"
    keep_found(found, path)
    with pytest.raises(StoreError, match="detections on 3 pictures"):
        read_found(path, 3)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match="does not hold detections"):
        read_found(path, 2)
    with pytest.raises(StoreError, match="cannot be written"):
        keep_found(found, tmp_path / "missing" / "found.npz")
