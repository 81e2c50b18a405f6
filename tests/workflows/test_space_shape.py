"""The shape of a space is what its networks, one by one, add up to."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwprof.errors import ConfigurationError
from hwprof.profiler.lowering import lower
from hwprof.search.estimators import get_task
from hwprof.search.spaces import BuiltNetworks, ParameterAxis, get_space
from hwprof.surrogates.predict import load_predictor, predict_latency
from hwprof.workflows.space_shape import (
    ChoiceEffect,
    Effect,
    Limits,
    ShapeRequest,
    SpaceShape,
    look_at,
)
from hwprof.workflows.space_shape._candidates import Counter
from hwprof.workflows.space_shape._effect_drawing import curve_of
from hwprof.workflows.space_shape._effects import variance_share
from hwprof.workflows.space_shape._sizes import choose
from hwprof.workflows.space_shape.drawings import _effects, write_shape
from hwprof.workspace import Workspace


def _axis(name: str, *values: float) -> ParameterAxis:
    return ParameterAxis((name,), tuple((value,) for value in values))


@pytest.fixture(scope="module")
def space() -> BuiltNetworks:
    """36 small classifiers."""
    axes = [
        _axis("alpha", 0.25, 0.35, 0.5),
        _axis("size", 32, 48, 64, 80),
        _axis("classes", 2, 10, 100),
    ]
    return BuiltNetworks("classifiers", "mobilenet-v1", axes)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """An empty one: predictions come from what ships."""
    return Workspace.resolve(str(tmp_path_factory.mktemp("work")))


@pytest.fixture(scope="module")
def budget_us(space: BuiltNetworks) -> float:
    """About half of the networks meet it."""
    networks = list(space.architectures(range(space.size)))
    return float(np.median(predict_latency(networks).latency_us)) + 1


@pytest.fixture(scope="module")
def shape(space: BuiltNetworks, workspace: Workspace, budget_us: float) -> SpaceShape:
    """The whole space under a budget."""
    request = ShapeRequest(limits=Limits(budget_us, ram_bytes=90_000, flash_bytes=400_000))
    return look_at(space, request, workspace)[0]


def test_values_are_those_of_each_network(space: BuiltNetworks, workspace: Workspace) -> None:
    """Latency as predicted alone, RAM and flash as planned, FLOPs as counted."""
    _, candidates = look_at(space, ShapeRequest(), workspace)
    for row in (0, 7, 35):
        network = space.architecture(space.point(row))
        program = lower(network.graph())
        assert candidates.latency_us[row] == pytest.approx(predict_latency(network).latency_us)
        assert candidates.ram_bytes[row] == program.peak_ram_bytes
        assert candidates.flash_bytes[row] == program.flash_bytes
        assert (candidates.macs[row], candidates.score[row]) == (network.macs, 2 * network.macs)
        assert tuple(candidates.sizes[row]) == network.inputs[0][1][:2]


def test_parts_give_what_whole_networks_give() -> None:
    """A space with a table counts shared parts once, and finds the same as network by network."""
    space = get_space("person-detection")
    rng = np.random.default_rng(8)
    indices = np.sort(rng.choice(space.size, 24, replace=False))
    counter = Counter(load_predictor(), get_task("parameters-proxy"), "tflite")
    shared = counter.candidates(space, indices)
    single = counter._of_architectures(space, indices, lambda _count: None)
    for name in ("macs", "score", "ram_bytes", "flash_bytes", "sizes"):
        assert np.array_equal(getattr(shared, name), getattr(single, name)), name
    assert shared.latency_us == pytest.approx(single.latency_us)


def test_shares_count_what_meets_each_limit(
    shape: SpaceShape, space: BuiltNetworks, budget_us: float
) -> None:
    """Half by latency, which its interval's ends bracket; all limits at most the least."""
    networks = list(space.architectures(range(space.size)))
    predicted = predict_latency(networks)
    shares = shape.shares
    assert shares.latency is not None
    assert shares.latency.share == (predicted.latency_us <= budget_us).mean()
    assert shares.latency_surely.share <= shares.latency.share <= shares.latency_possibly.share
    assert shares.latency.standard_error == 0
    flash = [lower(network.graph()).flash_bytes <= 400_000 for network in networks]
    assert shares.flash.share == np.mean(flash)
    assert shares.all.share <= min(shares.latency.share, shares.ram.share, shares.flash.share)


def test_input_sizes_hold_their_networks(shape: SpaceShape) -> None:
    """Four sizes of nine networks, by their pixels; large ones are among those within."""
    sizes = shape.by_input_size
    assert [(size.height, size.width, size.architectures) for size in sizes] == [
        (side, side, 9) for side in (32, 48, 64, 80)
    ]
    assert sum(size.meeting for size in sizes) == round(36 * shape.shares.all.share)
    assert all(size.large <= size.meeting for size in sizes)
    assert all((size.mmacs is None) == (size.meeting == 0) for size in sizes)
    assert all(
        size.mmacs.deciles[7] <= size.mmacs_80 <= size.mmacs.deciles[9]
        for size in sizes
        if size.mmacs
    )


def test_the_suggestions_follow_their_rules(shape: SpaceShape) -> None:
    """Densest by the share of large networks; MCUNet's by the MACs that 80 % stay below."""
    first, *_ = shape.by_input_size
    few = replace(first, height=1, meeting=3, large=3, mmacs_80=99.0)
    many = replace(first, height=2, meeting=90, architectures=100, large=2, mmacs_80=50.0)
    dense = replace(first, height=3, meeting=50, architectures=100, large=30, mmacs_80=40.0)
    found = choose([replace(few, architectures=100), many, dense])
    assert (found.densest[0], found.mcunet[0]) == (3, 2)
    assert choose([few]).mcunet[0] == 1  # nothing has enough: the best there is
    lone = replace(first, height=4, architectures=2, meeting=2, large=2)
    assert choose([lone, dense]).densest[0] == 3  # two networks are no dense set
    assert choose([lone]).densest[0] == 4
    alike = replace(
        dense, height=5, architectures=10_000, meeting=3_000, large=3_000, mmacs_80=50.004
    )
    found = choose([few, many, dense, alike])
    assert (found.densest[0], [size[0] for size in found.as_dense]) == (5, [3])
    assert (found.mcunet[0], [size[0] for size in found.as_far]) == (5, [2])  # both print 50.00
    assert dense.share_large_error == pytest.approx((0.3 * 0.7 / 99) ** 0.5)


def test_cells_divide_input_sizes(
    space: BuiltNetworks, workspace: Workspace, budget_us: float
) -> None:
    """Four sizes by three widths, three networks each, which add up to the sizes."""
    request = ShapeRequest(limits=Limits(budget_us), by="alpha")
    shape, _ = look_at(space, request, workspace)
    assert shape.cells is not None
    cells = shape.cells.cells
    assert [(cell.height, cell.value, cell.architectures) for cell in cells] == [
        (side, alpha, 3) for side in (32, 48, 64, 80) for alpha in (0.25, 0.35, 0.5)
    ]
    for size in shape.by_input_size:
        own = [cell for cell in cells if cell.height == size.height]
        assert sum(cell.meeting for cell in own) == size.meeting
        assert sum(cell.large for cell in own) == size.large
    assert shape.cells.densest.share_large == max(cell.share_large for cell in cells)


def test_effects_are_means_over_all_others(shape: SpaceShape, space: BuiltNetworks) -> None:
    """Each choice of a width has twelve networks, whose mean latency is printed."""
    (alpha, size, classes) = shape.effects
    assert [effect.parameter for effect in shape.effects] == ["alpha", "size", "classes"]
    assert [choice.value for choice in size.choices] == [32, 48, 64, 80]
    networks = [n for n in space.architectures(range(36)) if "alpha=0.35" in n.name]
    latency_ms = predict_latency(networks).latency_us / 1000
    choice = alpha.choices[1]
    assert (choice.architectures, choice.latency_ms) == (12, pytest.approx(latency_ms.mean()))
    assert choice.latency_deviation_ms == pytest.approx(latency_ms.std())
    assert classes.latency_variance_share < 0.01 < alpha.latency_variance_share


def test_shares_of_a_whole_product_add_up_to_at_most_one(shape: SpaceShape) -> None:
    """Main effects and interactions of two dimensions each are parts of one variance."""
    total = sum(effect.latency_variance_share for effect in shape.effects)
    total += sum(found.latency_variance_share for found in shape.interactions)
    assert [found.between for found in shape.interactions] == list(
        itertools.combinations(("alpha", "size", "classes"), 2)
    )
    assert 0.95 < total <= 1 + 1e-9


def test_variance_shares_worked_out_by_hand() -> None:
    """Groups 1, 3 and 5, 7: means 2 and 6 of 4, between 16 of 20 in all."""
    values, codes = np.array([1.0, 3.0, 5.0, 7.0]), np.array([0, 0, 1, 1])
    assert variance_share(values, codes) == pytest.approx(16 / 20)
    # Within, 4 over 2 degrees of freedom: 16 less 1 x 2.
    assert variance_share(values, codes, is_whole=False) == pytest.approx(14 / 20)
    assert variance_share(np.full(4, 2.5), codes) == 0
    assert variance_share(values, np.arange(4)) == 1
    assert variance_share(values, np.arange(4), is_whole=False) == 0


def test_chance_explains_nothing_of_a_sample() -> None:
    """Random groups of random values: the share of a sample is unbiased, near 0."""
    rng = np.random.default_rng(5)
    values, codes = rng.normal(size=400), rng.integers(0, 100, 400)
    assert variance_share(values, codes) > 0.15
    assert variance_share(values, codes, is_whole=False) < 0.05


def test_a_sample_says_that_it_is_one(
    space: BuiltNetworks, workspace: Workspace, budget_us: float, shape: SpaceShape
) -> None:
    """The share has a standard error that the whole is within, four times over."""
    request = ShapeRequest(limits=Limits(budget_us), samples=12, seed=3)
    sampled, candidates = look_at(space, request, workspace)
    again, _ = look_at(space, request, workspace)
    document = sampled.to_json()
    share = sampled.shares.latency
    assert (len(candidates), len(set(candidates.indices.tolist()))) == (12, 12)
    assert (document["sampled"], document["architectures"], document["space_size"]) == (
        True,
        12,
        36,
    )
    assert share.standard_error == pytest.approx(
        (share.share * (1 - share.share) * (1 - 12 / 36) / 11) ** 0.5
    )
    assert abs(share.share - shape.shares.latency.share) <= 4 * share.standard_error
    assert sampled.interactions == ()
    assert again.shares == sampled.shares


REFUSED = [
    (Limits(budget_us=1.0), "none of its 36 networks is within 0.001 ms; the least are"),
    (Limits(ram_bytes=32.0), "within 0.03125 KiB of RAM"),
    (Limits(budget_us=0.0), "a latency budget is positive and finite; got 0"),
    (Limits(budget_us=float("nan")), "a latency budget is positive and finite; got nan"),
    (Limits(flash_bytes=-1.0), "a limit of flash is positive"),
]


@pytest.mark.parametrize(("limits", "sentence"), REFUSED)
def test_limits_that_say_nothing_are_refused(
    space: BuiltNetworks, workspace: Workspace, limits: Limits, sentence: str
) -> None:
    """A limit that nobody meets says what the least are."""
    with pytest.raises(ConfigurationError, match=sentence):
        look_at(space, ShapeRequest(limits=limits), workspace)


def test_a_sample_does_not_claim_that_nobody_meets_a_budget(
    space: BuiltNetworks, workspace: Workspace
) -> None:
    """Only that none of those drawn does."""
    request = ShapeRequest(limits=Limits(budget_us=1.0), samples=5)
    with pytest.raises(ConfigurationError, match="none of 5 networks drawn from its 36 is within"):
        look_at(space, request, workspace)


def _effect(counts: list[int], means: list[float], deviations: list[float]) -> Effect:
    """Of values 0, 1, ... on latency."""
    rows = enumerate(zip(counts, means, deviations, strict=True))
    return Effect(
        "c", 0.5, 0.5, tuple(ChoiceEffect(v, n, m, s, m, s, 1.0) for v, (n, m, s) in rows)
    )


def test_few_values_are_drawn_as_they_are() -> None:
    """Where they are, with their own means and deviations."""
    at, means, deviations = curve_of(_effect([2, 4], [1.0, 5.0], [0.5, 0.25]), is_latency=True)
    assert (at.tolist(), means.tolist(), deviations.tolist()) == ([0, 1], [1, 5], [0.5, 0.25])


def test_words_are_drawn_one_after_the_other() -> None:
    """Edits have labels, which are nowhere on a scale."""
    effect = _effect([1, 1], [1.0, 2.0], [0.0, 0.0])
    named = replace(effect, choices=tuple(replace(one, value="as it is") for one in effect.choices))
    assert curve_of(named, is_latency=False)[0].tolist() == [0, 1]


def test_neighbours_of_many_values_are_pooled() -> None:
    """Groups have the mean and deviation of all their networks, worked out one by one."""
    rng = np.random.default_rng(8)
    counts = rng.integers(1, 9, 100)
    networks = [rng.normal(value, 3, count) for value, count in enumerate(counts)]
    means, deviations = ([function(some) for some in networks] for function in (np.mean, np.std))
    at, drawn, spread = curve_of(_effect(counts.tolist(), means, deviations), is_latency=True)
    first = np.concatenate(networks[:5])
    assert len(at) == 20
    assert at[0] == pytest.approx(np.repeat(np.arange(5), counts[:5]).mean())
    assert (drawn[0], spread[0]) == pytest.approx((first.mean(), first.std()))


def test_a_space_of_one_network_is_drawn(workspace: Workspace, tmp_path: Path) -> None:
    """No curve and no colour scale."""
    one = BuiltNetworks("one", "mobilenet-v1", [_axis("alpha", 0.25)])
    files = write_shape(*look_at(one, ShapeRequest(), workspace), tmp_path)
    assert all(path.stat().st_size for path in files)


def test_no_more_effects_are_drawn_than_can_be_read(shape: SpaceShape, tmp_path: Path) -> None:
    """A picture of seven parameters is as wide as one of six, 1,890 pixels."""
    choices = tuple(replace(choice, value="a label too long to be read")
                    for choice in shape.effects[0].choices)  # fmt: skip
    worded = (replace(shape.effects[0], parameter=str(n), choices=choices) for n in range(7))
    path = tmp_path / "effects.png"
    _effects(replace(shape, effects=tuple(worded)), path)
    assert int.from_bytes(path.read_bytes()[16:20], "big") == 1890


def test_pictures_and_json_are_written(
    space: BuiltNetworks, workspace: Workspace, budget_us: float, tmp_path: Path
) -> None:
    """Three pictures and the object that --json prints."""
    shape, candidates = look_at(space, ShapeRequest(limits=Limits(budget_us)), workspace)
    files = write_shape(shape, candidates, tmp_path / "new" / "folder")
    assert [path.name for path in files] == [
        "inputs.png", "macs.png", "effects.png", "space.json",
    ]  # fmt: skip
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in files[:3])
    assert json.loads(files[-1].read_text()) == json.loads(json.dumps(shape.to_json()))
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot write into"):
        write_shape(shape, candidates, tmp_path / "file")
