"""``hwprof estimators`` and ``hwprof search --estimator``: mistakes, and what is printed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hwprof.cli import main
from hwprof.cli._estimators_output import print_selection
from hwprof.networks import person_detector
from hwprof.search.performance import Evidence, get_strategy
from hwprof.search.selection import (
    FittedEstimator,
    FittedOn,
    Interval,
    Prices,
    Sample,
    advise,
    rank_strategies,
)
from hwprof.search.spaces import get_space
from hwprof.workflows.estimator_selection import SecondStage, Selection
from hwprof.workflows.estimator_selection._full_search import extrapolated_full_search
from hwprof.workflows.estimator_selection._records import Trained
from hwprof.workflows.estimator_selection._second_stage import Listed


def run(*arguments: object) -> Result:
    """The command line with these arguments."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def estimator(tmp_path):
    """FLOPs, as a file."""
    fitted_on = FittedOn("person-detection", "ab" * 32, "int8 AP50", 40, Interval(0.5, 0.3, 0.7))
    path = tmp_path / "estimator.json"
    FittedEstimator(get_strategy("flops").fit((), ()), fitted_on).save(path)
    return path


@pytest.fixture
def model(tmp_path):
    """Writes a Bayesian ridge that learned from a space's networks of more or less FLOPs."""

    def written(space):
        indices = range(0, space.size, max(space.size // 12, 1))
        designs = [Evidence(network) for network in space.architectures(indices)]
        fitted = get_strategy("bayesian-ridge").fit(designs, range(len(designs)))
        tau = Interval(0.5, 0.3, 0.7)
        fitted_on = FittedOn(space.name, space.fingerprint, "int8 AP50", len(designs), tau)
        path = tmp_path / "model.json"
        FittedEstimator(fitted, fitted_on).save(path)
        return path

    return written


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "--data"),
        (("--data", "no-folder"), "no-folder"),
        (("--data", ".", "--training-s", 60), "one of --data"),
        (("nowhere", "--training-s", 60), "nowhere"),
        (("--training-s", 60, "--device", "cuda"), "trains nothing without --data"),
        (("--training-s", 60, "--samples", 20), "got --samples"),
        (("--training-s", 60, "--plot", "a.png"), "got --plot"),
        (("--data", ".", "--device", "abacus"), "abacus"),
        (("--data", ".", "--samples", 2), "--samples"),
        (("--data", ".", "--strategy", "tea-leaves"), "tea-leaves"),
        (("nowhere", "--data", "."), "nowhere"),
        (("--data", ".", "--plot", "taus.gif"), ".png or .svg"),
        (("--data", ".", "--plot", "no-folder/taus.png"), "cannot write no-folder/taus.png"),
    ],
)
def test_mistakes_end_with_a_sentence_and_exit_code_2(arguments, reason, tmp_path):
    """No traceback."""
    result = run("estimators", *arguments, "--workspace", tmp_path)
    assert result.exit_code == 2
    assert reason in result.output
    assert "Traceback" not in result.output


def test_advice_needs_no_pictures():
    """Only a space, what one training takes, and the time there is."""
    result = run("estimators", "--training-s", 60, "--budget-hours", 1, "--json")
    found = json.loads(result.stdout)
    assert (found["estimator"], found["trainings"]) == ("two-stage", 58)
    printed = run("estimators", "--training-s", 60, "--budget-hours", 1).stdout
    assert printed.strip() == " ".join(found["sentences"])


def test_a_search_by_an_estimator_in_a_file_is_one_by_what_is_in_it(estimator, tmp_path):
    """FLOPs from a file find what the FLOPs proxy finds, under their own name."""
    options = ("--trials", 4, "--no-exhaustive", "--no-verify", "--json", "--workspace", tmp_path)
    found = [
        json.loads(run("search", *options, *how).stdout)
        for how in (("--estimator", estimator), ("--task", "flops-proxy"))
    ]
    front, expected = ([one["arch"] for one in each["pareto"]] for each in found)
    assert front == expected
    assert "flops by 40 trainings" in found[0]["pareto"][0]["task_name"]
    assert found[0]["task_is_proxy"]


SPOTTERS = """
name = "spotters"
network = "mobilenet-v1"

[parameters]
alpha = { from = 0.2, to = 0.5, step = 0.05 }
size = [32, 64]
classes = %d
"""
QUICK = ("--trials", 4, "--no-exhaustive", "--no-verify", "--json")


def test_a_model_searches_the_space_that_it_learned_from(model, tmp_path):
    """It is asked of that space's networks."""
    mine = tmp_path / "mine.toml"
    mine.write_text(SPOTTERS % 10)
    path = model(get_space(str(mine)))
    found = run("search", mine, "--estimator", path, *QUICK, "--workspace", tmp_path)
    assert found.exit_code == 0
    assert "bayesian-ridge by 14 trainings of spotters" in found.stdout


def test_a_model_of_another_space_is_refused(model, tmp_path):
    """Whatever its columns are called, and whatever the space is called."""
    mine, changed = tmp_path / "mine.toml", tmp_path / "changed.toml"
    mine.write_text(SPOTTERS % 10)
    changed.write_text(SPOTTERS % 2)
    path = model(get_space(str(mine)))
    for space, reason in (
        ("person-detection", "learned from spotters, and the search is of person-detection"),
        (changed, "learned from another space of that name, and the search is of spotters"),
    ):
        result = run("search", space, "--estimator", path, *QUICK, "--workspace", tmp_path)
        assert result.exit_code == 2
        assert reason in " ".join(result.output.split())
        assert "Traceback" not in result.output


def test_a_count_fits_every_space(estimator, tmp_path):
    """FLOPs that ranked person detectors rank classifiers."""
    mine = tmp_path / "mine.toml"
    mine.write_text(SPOTTERS % 10)
    result = run("search", mine, "--estimator", estimator, *QUICK, "--workspace", tmp_path)
    assert result.exit_code == 0


def test_an_estimator_stands_alone(estimator, tmp_path):
    """Neither a broken file nor two things to maximise."""
    (tmp_path / "broken.json").write_text("{}")
    for arguments, reason in (
        (("--estimator", tmp_path / "broken.json"), "no task estimator"),
        (("--estimator", estimator, "--task", "flops-proxy"), "one thing"),
        (("--estimator", estimator, "--data", tmp_path), "one thing"),
    ):
        result = run("search", *arguments, "--workspace", tmp_path)
        assert result.exit_code == 2
        assert reason in result.output


def test_the_output_says_tie_origin_and_advice(capsys, tmp_path):
    """Measured, extrapolated and published are told apart."""
    designs = [person_detector(k=k, g=1, c=c) for k in (2, 3, 4, 5) for c in (24, 48, 96)]
    samples = [Sample(Evidence(design), design.macs / 1e9) for design in designs]
    names = "flops", "params", "snip"
    prices = Prices(91_184, 60.0)
    ranking = rank_strategies(samples, [get_strategy(name) for name in names], prices)
    trained = Trained(0.31, 0.32, (1.0,), 4.0, 1.0)
    listed = Listed(designs[0].name, 0, 1e8, 90_000.0, trained)
    full = extrapolated_full_search(
        np.array([0.1, 0.3, 0.31, 0.2]), [True, True, True, False], n_trials=2, training_s=60
    )
    second = SecondStage(
        estimator="FLOPs",
        budget_us=1e5,
        walk="exhaustive",
        queries=91_184,
        search_s=60.0,
        after_s=5.0,
        samples_s=720.0,
        listed=(listed,),
        best=listed,
        reported=0.29,
        full_search=full,
    )
    print_selection(
        Selection(
            space="person-detection",
            task="int8 AP50",
            ranking=ranking,
            samples_s=721.0,
            judging_s=77.0,
            n_diverged=1,
            advice=advise(prices, ranking=ranking),
            second=second,
            saved=tmp_path / "estimator.json",
            saved_name="FLOPs",
        ),
        as_json=False,
    )
    printed = capsys.readouterr().out
    for text in (
        "SNIP: not scored: SNIP needs",
        "all samples 721 s, and what the strategies ask of them at most 77 s more",
        "samples that diverged and rank last: 1",
        "int8 AP50 0.310 on the pictures it was chosen by, 0.290",
        "with the samples 785 s",
        "2 trainings, 120 s, 30 s of them on designs beyond the budget; best 0.26",
        "it would be as good as 0.310 after 4 trainings on average, 240 s, as 1 of 4 samples were",
        "it had 0.237 after 65 s and 0.26",
        "published",
        "96,000",
        "more than two of the totals have",
        "91,184 architectures",
        "hwprof search --estimator",
    ):
        assert text in printed
