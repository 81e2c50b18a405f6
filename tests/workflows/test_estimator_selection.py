"""Both stages on drawn pictures and a space of eight detectors."""

from __future__ import annotations

import json
import random
import shutil
import time
from dataclasses import replace
from multiprocessing import active_children, get_context
from pathlib import Path

import pytest
import torch

from hwprof.errors import ConfigurationError, HwprofError, PausedError, StoreError
from hwprof.networks import mobilenet_v1, person_detector
from hwprof.search.design import Design
from hwprof.search.loop import SearchOptions, run_search
from hwprof.search.performance import get_strategy
from hwprof.search.problem import Problem
from hwprof.search.selection import load_estimator
from hwprof.search.spaces import BuiltNetworks, Dimension, ParameterAxis, SearchSpace, get_space
from hwprof.search.strategies import get_strategy as get_search_strategy
from hwprof.search.training.recipe import Recipe
from hwprof.search.training.seed import fresh
from hwprof.testing.pictures import draw_coco_set
from hwprof.workflows.estimator_selection import (
    SelectionRequest,
    _trainings,
    select_estimator,
)
from hwprof.workflows.estimator_selection._beginnings import beginning
from hwprof.workflows.estimator_selection._crew import Crew
from hwprof.workflows.estimator_selection._trainings import TrainingPlan, Trainings
from hwprof.workflows.search_latency import SearchBoard, get_latency
from hwprof.workflows.trained_detectors import TrainingRequest
from hwprof.workflows.training_store import Divergence, TrainingStore
from hwprof.workspace import Workspace

NETWORK = person_detector(k=3, g=2, c=24, width=224, aspect=0.5625)
RECIPE = Recipe(epochs=5, batch=3, learning_rate=5e-3, averaging=0.5)
NAMES = "flops", "params", "synflow", "snip", "sotl", "early-stop-ap", "early-stop-loss"
SAMPLES = 4


class TinySpace(SearchSpace):
    """Eight detectors of one input size, so that features are computed once."""

    name = "tiny"

    @property
    def dimensions(self):
        return Dimension("k", ("2", "3")), Dimension("g", ("1", "2")), Dimension("c", ("24", "32"))

    @property
    def seed_point(self):
        return 1, 1, 0

    def architecture(self, point):
        k, g, c = point
        return person_detector(k=2 + k, g=1 + g, c=24 + 8 * c, width=224, aspect=0.5625)


@pytest.fixture(scope="module", autouse=True)
def _registered():
    """The space has a name while these tests run."""
    with pytest.MonkeyPatch.context() as patch:
        sizes = ParameterAxis(("size",), tuple((32 + 16 * number,) for number in range(8)))
        classifiers = BuiltNetworks("classifiers", "mobilenet-v1", [sizes])
        spaces = {"tiny": TinySpace(), "classifiers": classifiers}
        patch.setattr("hwprof.search.spaces.SPACES", spaces)
        yield


@pytest.fixture(scope="module")
def request_(tmp_path_factory):
    """A selection in a new folder; stage two trains two of the eight."""
    folder = tmp_path_factory.mktemp("selection")
    torch.save(fresh(person_detector(), seed=3).state_dict(), folder / "seed.pt")
    training = TrainingRequest(
        data=draw_coco_set(folder / "data", train=6, val=6),
        weights=folder / "seed.pt",
        recipe=RECIPE,
        views=2,
    )
    return SelectionRequest(
        training=training,
        space="tiny",
        samples=SAMPLES,
        strategies=NAMES,
        latency="macs",
        budget_us=1e6,
        short_list=2,
        output=folder / "estimator.json",
    )


@pytest.fixture(scope="module")
def workspace(request_):
    """Of all that shares trainings."""
    return Workspace(request_.output.parent / "work")


def unwatched(name, total):
    """Nobody looks at the progress."""
    del name, total
    return lambda _: None


def selected(request, workspace, is_paused=lambda: False):
    """What the command computes."""
    return select_estimator(request, workspace, stage=unwatched, is_paused=is_paused)


@pytest.fixture(scope="module")
def qualities(request_, workspace):
    """Spread the precision of what was trained: drawn pictures leave it all but zero.

    The values are kept as trainings keep them, so that stage one finds and ranks them.
    """
    trainings = Trainings(TrainingPlan(request_.training, workspace))
    space = get_space(request_.space)
    for number in range(space.size):
        architecture = space.architecture(space.point(number))
        trainings.full(architecture)
        value = {"ap50_float": 0.3, "ap50_int8": architecture.macs / 1e8 + 0.001 * number}
        store, key = trainings.detectors.store, trainings.detectors.key(architecture)
        store.keep_value(key, "val-A-tflite", value)
    return trainings


@pytest.fixture(scope="module")
def found(request_, workspace, qualities):
    """Both stages, once."""
    del qualities
    return selected(request_, workspace)


def test_samples_are_drawn_by_the_seed_and_found_trained(found, request_, qualities):
    """Strategies are scored on exactly these."""
    space = get_space(request_.space)
    numbers = random.Random(0).sample(range(space.size), SAMPLES)
    macs = [space.architecture(space.point(number)).macs for number in numbers]
    assert len(set(numbers)) == SAMPLES
    flops = found.ranking.named("flops")
    assert flops is not None
    expected = qualities.full(space.architecture(space.point(numbers[0]))).ap50_int8
    assert expected == pytest.approx(macs[0] / 1e8 + 0.001 * numbers[0])
    assert found.ranking.n_samples == SAMPLES
    assert found.n_diverged == 0
    assert found.judging_s > 0


def test_every_strategy_that_was_named_has_a_row(found):
    """And what a query costs, which was measured."""
    rows = {row.strategy.name: row for row in found.ranking.scored}
    assert set(rows) == set(NAMES)
    assert not found.ranking.unscored
    assert all(row.query_s > 0 for row in rows.values())
    assert all(-1 <= row.tau.low <= row.tau.value <= row.tau.high <= 1 for row in rows.values())


def test_stage_two_trains_the_best_of_the_estimator(request_, workspace, qualities):
    """Two of all eight, and the best of these and the samples wins."""
    del qualities
    second = selected(replace(request_, strategies=("flops",)), workspace).second
    assert (second.walk, second.queries, len(second.listed)) == ("exhaustive", 8, 2)
    assert second.best.trained.ap50_int8 >= max(one.trained.ap50_int8 for one in second.listed)
    assert all(one.latency_us <= request_.budget_us for one in second.listed)
    assert second.full_search.origin == "extrapolated"
    assert 0 <= second.reported <= 1


def test_a_sample_that_is_better_than_the_short_list_is_not_lost(
    request_, workspace, qualities, tmp_path
):
    """Parameters choose a short list of one; another sample has the best precision."""
    own = Workspace(tmp_path / "work")
    shutil.copytree(workspace.root / "trainings", own.root / "trainings")
    space = get_space("tiny")
    number = random.Random(0).sample(range(space.size), SAMPLES)[0]
    best = space.architecture(space.point(number))
    store, key = qualities.detectors.store, qualities.detectors.key(best)
    assert TrainingStore(own.root / "trainings").find(key) == store.find(key)
    value = {"ap50_float": 0.99, "ap50_int8": 0.99, "evaluation_s": 1.0}
    TrainingStore(own.root / "trainings").keep_value(key, "val-A-tflite", value)
    request = replace(request_, strategies=("synflow",), short_list=1, output=tmp_path / "e.json")
    second = selected(request, own).second
    assert second.is_of_samples
    assert (second.best.arch, second.best.score) == (best.name, None)
    assert second.to_json()["best"]["is_of_samples"]


def test_a_search_by_full_training_in_the_workspace_is_what_stage_two_is_compared_with(
    request_, workspace, qualities, tmp_path
):
    """Its best is told on the pictures that nothing was chosen by, too."""
    own = Workspace(tmp_path / "work")
    shutil.copytree(workspace.root / "trainings", own.root / "trainings")
    latency = get_latency("macs", SearchBoard(request_.setup), own)
    problem = Problem(get_space("tiny"), qualities.full_task, latency, request_.budget_us)
    options = SearchOptions(trials=5)
    trials = run_search(problem, get_search_strategy("random"), options, storage=own.studies)
    request = replace(request_, strategies=("flops",), output=tmp_path / "estimator.json")
    compared_rows = selected(replace(request, n_trials=5), own)
    compared = compared_rows.second
    assert compared.full_search.origin == "measured"
    assert compared.full_search.best[-1] == max(trial.score for trial in trials)
    assert [row.origin for row in compared_rows.economics[:2]] == ["measured", "measured"]
    assert compared_rows.economics[0].queries == len({trial.point for trial in trials})
    assert 0 <= compared.full_reported <= 1
    longer = selected(replace(request, n_trials=6), own).second
    assert (longer.full_search.origin, longer.full_reported) == ("extrapolated", None)


def test_the_object_for_programs_holds_both_stages(found):
    """And is JSON."""
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["samples"] == SAMPLES
    assert document["chosen"] == document["top"][0]
    assert document["second_stage"]["whole_s"] == pytest.approx(
        document["second_stage"]["total_s"] + found.second.samples_s
    )
    assert len(document["published_economics"]["rows"]) == 4
    assert len(document["advice"]["sentences"]) == 3


def test_the_fitted_estimator_is_kept(found, request_):
    """A search can take it from its file."""
    loaded = load_estimator(request_.output)
    assert loaded.fitted_on.samples == SAMPLES
    assert loaded.scores([Design(NETWORK)]).shape == (1,)
    assert found.saved == request_.output


def test_a_second_run_trains_nothing_and_ranks_alike(found, request_, workspace):
    """Everything is found again, the seconds of trainings too."""
    again = selected(replace(request_, stage_two=False), workspace)
    for name in NAMES:
        assert again.ranking.named(name).tau == found.ranking.named(name).tau
    assert again.ranking.named("snip").query_s == found.ranking.named("snip").query_s
    assert again.training_s == found.training_s
    assert again.second is None


@pytest.mark.slow
def test_several_processes_train_what_one_trains(request_, tmp_path, qualities):
    """In the order of the designs; what they train anew has the same losses."""
    plan = TrainingPlan(request_.training, Workspace(tmp_path))
    designs = [get_space("tiny").architecture(point) for point in ((0, 0, 0), (1, 1, 1))]
    counts: list[int] = []
    trained = Crew(plan, Trainings(plan), workers=2).full(designs, counts.append)
    for one, design in zip(trained, designs, strict=True):
        assert one.losses == qualities.full(design).losses
    assert counts == [1, 1]


@pytest.mark.slow
def test_a_design_that_cannot_be_trained_ends_the_crew_and_nobody_else(request_, tmp_path):
    """Its error is told at once, and processes of the caller's own live on."""
    other = get_context("spawn").Process(target=time.sleep, args=(600,))
    other.start()
    try:
        plan = TrainingPlan(request_.training, Workspace(tmp_path))
        crew = Crew(plan, Trainings(plan), workers=2)
        with pytest.raises(ConfigurationError, match="a backbone and a head"):
            crew.full([mobilenet_v1(), NETWORK], lambda _: None)
        assert active_children() == [other]
        assert other.is_alive()
    finally:
        other.terminate()
        other.join()


def test_answers_of_changed_proxies_are_asked_again(request_, tmp_path, monkeypatch):
    """What a proxy said in another version is no score of this one."""
    plan = TrainingPlan(request_.training, Workspace(tmp_path), asked=("snip",))
    trainings = Trainings(plan)
    first = trainings.sample(NETWORK).asked["snip"]
    detectors = trainings.detectors
    name = f"queries-{_trainings.PROXIES_VERSION}"
    old = {"snip": {"score": first.score + 1, "seconds": 1.0}}
    detectors.store.keep_value(detectors.key(NETWORK), name, old)
    assert trainings.sample(NETWORK).asked["snip"].score == first.score + 1
    monkeypatch.setattr(_trainings, "PROXIES_VERSION", -1)
    assert trainings.sample(NETWORK).asked["snip"].score == first.score


def test_an_estimator_that_needs_more_than_the_architecture_searches_by_trials(
    request_, workspace, qualities, tmp_path
):
    """A learning curve is trained as far as it is looked at, and no further."""
    del qualities
    request = replace(
        request_, strategies=("sotl",), n_trials=3, short_list=1, output=tmp_path / "none.json"
    )
    found = selected(request, workspace)
    assert found.second.walk == "motpe"
    assert 1 <= found.second.queries <= 3
    assert found.saved is None
    assert len(found.second.full_search.seconds) == 3
    again = selected(request, workspace)
    assert again.second.search_s == found.second.search_s


def test_the_beginning_of_a_training_is_what_the_whole_has(request_, tmp_path, qualities):
    """It is broken off behind the epochs that are looked at, and goes on where it stopped."""
    trainings = Trainings(TrainingPlan(request_.training, Workspace(tmp_path)))
    detectors = trainings.detectors
    begun = beginning(detectors, NETWORK, 4)
    assert len(begun.losses) == 4
    assert detectors.store.find(detectors.key(NETWORK)) is None
    assert beginning(detectors, NETWORK, 4) == begun
    full = trainings.full(NETWORK)
    assert full.losses[:4] == begun.losses
    whole = beginning(detectors, NETWORK, 4)
    assert whole.losses == full.losses
    assert whole.seconds == pytest.approx(full.training_s * 4 / RECIPE.epochs)
    query = trainings.query(NETWORK, get_strategy("sotl", 4).fit((), ()))
    assert query.seconds >= whole.seconds
    assert qualities.full(NETWORK).losses == pytest.approx(trainings.full(NETWORK).losses)


def test_an_interrupted_training_costs_all_its_seconds(request_, tmp_path):
    """A strategy that looked at its beginning has paid a part of what the whole costs."""
    trainings = Trainings(TrainingPlan(request_.training, Workspace(tmp_path)))
    beginning(trainings.detectors, NETWORK, 4)
    checkpoint = trainings.detectors.store.checkpoint(trainings.detectors.key(NETWORK))
    state = torch.load(checkpoint, weights_only=True)
    torch.save({**state, "seconds": 1e6}, checkpoint)
    trained = trainings.full(NETWORK)
    assert trained.training_s > 1e6
    assert trained.seconds > trained.training_s
    assert trainings.full(NETWORK) == trained


@pytest.mark.parametrize("losses", [{}, {"losses": 3}, {"losses": ["high"]}, None])
def test_a_broken_beginning_is_one_sentence(request_, tmp_path, losses):
    """A checkpoint that no training wrote, readable or not, says what to delete."""
    trainings = Trainings(TrainingPlan(request_.training, Workspace(tmp_path)))
    checkpoint = trainings.detectors.store.checkpoint(trainings.detectors.key(NETWORK))
    checkpoint.parent.mkdir(parents=True)
    if losses is None:
        checkpoint.write_bytes(b"no checkpoint")
    else:
        torch.save(losses, checkpoint)
    with pytest.raises(StoreError, match=r"checkpoint\.pt' .*; delete its folder to train anew"):
        beginning(trainings.detectors, NETWORK, 4)


def test_a_design_that_diverges_is_worth_nothing(request_, qualities, tmp_path):
    """Its losses rank last and are finite, so that every strategy can be asked of it."""
    recipe = replace(RECIPE, learning_rate=1e30)
    training = replace(request_.training, recipe=recipe)
    trainings = Trainings(
        TrainingPlan(training, Workspace(tmp_path), asked=("snip",), is_early_wanted=True)
    )
    record = trainings.sample(NETWORK)
    assert "has diverged in epoch" in record.full.diverged
    assert (record.full.ap50_int8, record.early.ap50_int8) == (0, 0)
    assert len(record.full.losses) == recipe.epochs
    assert record.full.seconds > 0
    assert record.sample(NETWORK, 4).curve_s == record.early.training_s
    assert trainings.reported(NETWORK) == 0
    assert trainings.sample(NETWORK) == record
    ended = qualities.full(NETWORK)
    assert not ended.diverged
    sample = record.sample(NETWORK, 0.8)
    for name in ("sotl", "sotl-e", "curve-fit", "early-stop-loss"):
        strategy = get_strategy(name, 4)
        good = replace(sample.evidence, curve=ended.losses, early_loss=ended.losses[-1])
        fitted = strategy.fit((), ())
        good_score, bad_score = fitted.scores([good, sample.evidence])
        assert good_score > bad_score
        assert good_score > trainings.query(NETWORK, fitted).score


def test_a_selection_ranks_a_sample_that_diverged(request_, workspace, qualities, tmp_path):
    """As a design of quality 0, by every strategy."""
    trainings = Trainings(TrainingPlan(request_.training, workspace))
    space = get_space(request_.space)
    number, *_ = random.Random(0).sample(range(space.size), SAMPLES)
    key = trainings.detectors.key(space.architecture(space.point(number)))
    shutil.copytree(workspace.root, tmp_path / "work")
    store = TrainingStore(tmp_path / "work" / "trainings")
    shutil.rmtree(store.folder(key))
    store.keep_divergence(key, Divergence("it has diverged in epoch 3.", (9.0, 99.0), 1.5))
    request = replace(request_, stage_two=False, output=tmp_path / "estimator.json")
    found = selected(request, Workspace(tmp_path / "work"))
    assert {row.strategy.name for row in found.ranking.scored} == set(NAMES)
    assert found.ranking.n_samples == SAMPLES
    assert found.n_diverged == 1
    assert qualities.full(space.architecture(space.point(number))).ap50_int8 > 0


def test_a_wish_to_pause_keeps_what_was_trained(request_, workspace, qualities):
    """The sentence says how much; the same call goes on."""
    del qualities
    answers = iter([False, False, True])
    with pytest.raises(PausedError, match=f"2 of {SAMPLES} trained"):
        selected(request_, workspace, is_paused=lambda: next(answers))


def test_samples_of_one_precision_have_no_tau(request_, tmp_path):
    """A training that learns nothing: one sentence, with the value."""
    training = replace(request_.training, recipe=Recipe(epochs=1, batch=6, learning_rate=1e-12))
    request = replace(request_, training=training, strategies=("flops",), samples=3)
    with pytest.raises(ConfigurationError, match="tau is undefined"):
        selected(replace(request, output=tmp_path / "e.json"), Workspace(tmp_path / "work"))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"strategies": ("bayesian-ridge",)}, "at least 13 trained designs"),
        ({"budget_us": 1.0}, r"meets 0\.001 ms"),
        ({"strategies": ("early-stop",)}, "early-stop-ap"),
        ({"samples": 9}, "tiny has 8"),
        ({"space": "classifiers"}, "is none; give a space of such, or search this one by what"),
        ({"budget_s": float("inf")}, "positive and finite"),
        ({"budget_s": float("nan")}, "positive and finite"),
        ({"output": Path(__file__) / "estimator.json"}, "give another --output"),
    ],
)
def test_what_cannot_end_well_is_refused_before_anything_is_trained(
    request_, tmp_path, changed, reason
):
    """A training may take an hour; its folder is not even begun."""
    with pytest.raises(HwprofError, match=reason):
        selected(replace(request_, **changed), Workspace(tmp_path))
    assert not (tmp_path / "trainings").exists()


def test_a_curve_longer_than_a_training_is_refused_before_anything_is_trained(request_, tmp_path):
    """Four epochs are looked at, a training has two."""
    short = replace(request_.training, recipe=replace(RECIPE, epochs=2))
    request = replace(request_, training=short, strategies=("sotl",))
    with pytest.raises(ConfigurationError, match="looks at the first 4 epochs"):
        selected(request, Workspace(tmp_path))
    assert not (tmp_path / "trainings").exists()


def test_a_wish_to_pause_is_heard_in_the_search_of_stage_two(request_, workspace, qualities):
    """Between two queries, each of which may be a training; the same call ends the search."""
    del qualities
    request = replace(request_, strategies=("sotl",), n_trials=4, short_list=1, seed=5)
    asked: list[str] = []

    def stage(name, total):
        del total
        return lambda _: asked.append(name)

    with pytest.raises(PausedError, match="search of stage two"):
        select_estimator(
            request, workspace, stage=stage, is_paused=lambda: asked.count("search") >= 2
        )
    assert asked.count("search") == 2
    assert selected(request, workspace).second.search_s > 0
