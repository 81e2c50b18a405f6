"""``hwprof estimators`` from pictures to a list of trained candidates, as a user runs it."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from hwprof.cli import main
from hwprof.networks import person_detector
from hwprof.profiler.bench import Setup
from hwprof.search.selection import load_estimator
from hwprof.search.spaces import get_space
from hwprof.search.training.recipe import Recipe
from hwprof.search.training.seed import fresh
from hwprof.testing.pictures import draw_coco_set
from hwprof.workflows.search_latency import SearchBoard, get_latency
from hwprof.workflows.search_problem import training_request
from hwprof.workflows.search_request import Lessons
from hwprof.workflows.trained_detectors import TrainedDetectors
from hwprof.workspace import Workspace

EIGHT = """
name = "eight"
network = "person-detector"

[parameters]
k = [3, 5]
g = [1, 2]
c = [24, 32]
width = 224
aspect = 0.5625
"""
SAMPLES, EPOCHS, SEED = 4, 3, 1

pytestmark = pytest.mark.slow


class Run:
    """A folder with all that the command is given, and what it printed."""

    def __init__(self, folder) -> None:
        self.folder, self.workspace = folder, Workspace(folder / "work")
        (folder / "eight.toml").write_text(EIGHT)
        draw_coco_set(folder / "data", train=6, val=6)
        torch.save(fresh(person_detector(), seed=3).state_dict(), folder / "seed.pt")
        self.space = get_space(str(folder / "eight.toml"))
        self.designs = list(self.space.architectures(range(self.space.size)))
        latency = get_latency("macs", SearchBoard(Setup()), self.workspace)
        self.latency_us = latency.latencies_us(self.designs)
        self.budget_ms = round(float(np.median(self.latency_us)) / 1000, 3)
        self.spread = self.spread_precision()
        self.output, self.plot = folder / "eight.json", folder / "taus.svg"
        self.result = self.again()
        self.found = json.loads(self.result.stdout) if self.result.exit_code == 0 else {}

    def spread_precision(self):
        """Keep unequal values for all designs, and return the folders of their trainings.

        Detectors that have hardly learned are all but equally bad. The command trains them, and
        finds what was kept in the place of their precision.
        """
        lessons = Lessons(
            self.folder / "data", self.folder / "seed.pt", recipe=Recipe(epochs=EPOCHS)
        )
        detectors = TrainedDetectors(training_request(lessons), self.workspace)
        keys = [detectors.key(design) for design in self.designs]
        for number, (key, design) in enumerate(zip(keys, self.designs, strict=True)):
            spread = design.macs / 1e8 + 0.001 * number
            value = {"ap50_float": 0.3, "ap50_int8": spread, "evaluation_s": 1.0}
            detectors.store.keep_value(key, "val-A-tflite", value)
        return {detectors.store.folder(key) for key in keys}

    def again(self):
        """The command, with every option that says what is computed."""
        options = {
            "data": self.folder / "data",
            "weights": self.folder / "seed.pt",
            "samples": SAMPLES,
            "epochs": EPOCHS,
            "budget-ms": self.budget_ms,
            "short-list": 2,
            "trials": 7,
            "budget-hours": 2,
            "latency": "macs",
            "output": self.output,
            "plot": self.plot,
            "workers": 1,
            "seed": SEED,
            "workspace": self.workspace.root,
        }
        given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        strategies = "--strategy", "flops", "--strategy", "params"
        space = str(self.folder / "eight.toml")
        return CliRunner().invoke(main, ["estimators", space, *given, *strategies, "--json"])

    def trainings(self):
        """What is kept of each training, by its file."""
        files = sorted((self.workspace.root / "trainings").glob("*/training.json"))
        return {file: json.loads(file.read_text()) for file in files}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Both stages, once."""
    return Run(tmp_path_factory.mktemp("run"))


def test_the_command_ends_well(run):
    """With nothing but the object on its standard output."""
    assert run.result.exit_code == 0, run.result.output
    assert (run.found["space"], run.found["space_size"]) == ("eight", 8)
    assert f"drawn in {run.plot}" in run.result.stderr


def test_the_samples_are_those_of_the_seed_and_trained_as_long_as_asked(run):
    """And the short list; nothing else is trained."""
    assert run.found["samples"] == SAMPLES
    drawn = random.Random(SEED).sample(range(8), SAMPLES)
    listed = [one["arch"] for one in run.found["second_stage"]["short_list"]]
    trained = run.trainings().values()
    expected = {run.designs[number].name for number in drawn} | set(listed)
    assert {one["key"]["arch"] for one in trained} == expected
    assert {len(one["losses"]) for one in trained} == {EPOCHS}
    assert {file.parent for file in run.trainings()} <= run.spread


def test_the_strategies_that_were_named_are_ranked(run):
    """No others."""
    assert {row["strategy"] for row in run.found["strategies"]} == {"flops", "params"}
    assert run.found["chosen"] in ("flops", "params")


def test_stage_two_stays_within_the_budget_and_trains_as_many_as_asked(run):
    """Half of the space is slower than that."""
    second = run.found["second_stage"]
    assert second["budget_us"] == pytest.approx(1000 * run.budget_ms)
    assert (second["walk"], second["queries"], len(second["short_list"])) == ("exhaustive", 8, 2)
    predicted = dict(zip((one.name for one in run.designs), run.latency_us, strict=True))
    for one in second["short_list"]:
        assert one["predicted_us"] == pytest.approx(predicted[one["arch"]])
        assert one["predicted_us"] <= second["budget_us"] < max(run.latency_us)


def test_the_search_that_it_is_compared_with_has_as_many_trials_as_asked(run):
    """None was run, so it is extrapolated."""
    assert run.found["second_stage"]["full_search"]["origin"] == "extrapolated"
    assert run.found["economics"][0]["queries"] == 7


def test_the_advice_counts_the_hours_there_are(run):
    """Two of them pay for all eight trainings."""
    assert run.found["advice"]["sentences"][0].startswith("2.0 h pay for")


def test_the_files_are_where_they_were_asked_for(run):
    """An estimator that a search takes, and a picture."""
    assert run.found["estimator_file"] == str(run.output)
    fitted_on = load_estimator(run.output).fitted_on
    assert (fitted_on.space, fitted_on.samples) == ("eight", SAMPLES)
    assert f"{SAMPLES} fully trained designs" in run.plot.read_text(encoding="utf-8")


def test_the_same_command_again_trains_nothing(run):
    """It finds the same, with the seconds of the first time."""
    before = {file: file.stat().st_mtime_ns for file in run.trainings()}
    found = json.loads(run.again().stdout)
    assert {file: file.stat().st_mtime_ns for file in run.trainings()} == before
    for field in ("training_s", "top", "chosen"):
        assert found[field] == run.found[field]
    assert found["second_stage"]["short_list"] == run.found["second_stage"]["short_list"]
