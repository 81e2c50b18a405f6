"""What the picture of a ranking says, and where its numbers stand."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from hwprof.errors import ConfigurationError
from hwprof.networks import person_detector
from hwprof.search.performance import Evidence, get_strategy
from hwprof.search.selection import Prices, Query, Sample, full_training, rank_strategies
from hwprof.workflows.estimator_selection._point_labels import CLEAR, label_offsets
from hwprof.workflows.estimator_selection.drawing import draw_strategies, require_drawable

NAMES = "flops", "params", "synflow", "sotl", "bayesian-ridge", "snip"


@pytest.fixture(scope="module")
def ranking():
    """Six strategies on sixteen designs; SNIP cannot be asked."""
    designs = [person_detector(k=k, g=1, c=c) for k in (2, 3, 4, 5) for c in (24, 48, 72, 96)]
    samples = [
        Sample(
            Evidence(design, curve=tuple(3.0 - 0.1 * number - 0.1 * at for at in range(6))),
            quality=design.macs / 1e9 + 0.01 * (number % 3),
            asked={"synflow": Query(-float(number % 5), 0.2)},
        )
        for number, design in enumerate(designs)
    ]
    strategies = [get_strategy(name) for name in NAMES]
    return rank_strategies(samples, strategies, Prices(91_184, 60.0))


def texts(path):
    """All that is written in an SVG whose text is text."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def written(ranking, tmp_path_factory):
    """The texts of its picture."""
    path = tmp_path_factory.mktemp("drawn") / "strategies.svg"
    draw_strategies(ranking, path)
    return texts(path)


def test_every_strategy_has_its_name_and_its_number_in_both_panels(written, ranking):
    """The best is 1; a name has its number beside it."""
    for number, row in enumerate(ranking.scored, start=1):
        assert f"{row.strategy.title}  {number}" in written
        assert written.count(str(number)) == 2


def test_the_picture_says_what_was_measured_and_what_is_extrapolated(written, ranking):
    """A query was run, a search was added up."""
    full = full_training(ranking.prices)
    for text in (
        "performance strategies: rank correlation with 16 fully trained designs, and cost",
        "measured on the samples; bold: chosen",
        "against one query: seconds measured",
        "against stage two: seconds extrapolated",
        f"full training, {full.queries} trials: {full.total_s:,.0f} s (extrapolated)",
    ):
        assert text in written


def test_kinds_and_the_top_group_are_explained(written):
    """No kind that is not there."""
    assert {"count", "zero-cost", "learning-curve", "model-based"} <= set(written)
    assert {"top group: may be the best", "behind the best"} <= set(written)


def test_who_is_not_drawn_is_named(written):
    """Nobody vanishes."""
    assert "not scored: SNIP" in written


def test_strategies_of_one_cost_still_have_an_axis(ranking, tmp_path):
    """Both of its ends are told, in the unit that suits."""
    only = replace(ranking.scored[0], query_s=0.004)
    path = tmp_path / "strategies.svg"
    draw_strategies(replace(ranking, scored=(only,)), path)
    assert {"1 ms", "10 ms", "10,000"} <= set(texts(path))


def test_equal_rankings_give_equal_files(ranking, tmp_path):
    """Without a date or a version."""
    for suffix in (".png", ".svg"):
        one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"
        draw_strategies(ranking, one)
        draw_strategies(ranking, other)
        assert one.read_bytes() == other.read_bytes()
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.width >= 1200


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("plot.pdf", r"\.png or \.svg file; got .*plot\.pdf"),
        ("plot", r"\.png or \.svg"),
        ("none/plot.png", r"cannot write .*plot\.png: No such file or directory; choose another"),
        ("file/plot.png", r"cannot write .*plot\.png: Not a directory; choose another"),
        ("/proc/plot.png", r"cannot write /proc/plot\.png: .*; choose another"),
    ],
)
def test_a_place_that_cannot_be_drawn_into_is_one_sentence(tmp_path, name, reason):
    """Known before anything is computed."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=reason):
        require_drawable(tmp_path / name)


def test_a_picture_may_be_drawn_again(ranking, tmp_path):
    """The old one is replaced; looking at the place makes no file."""
    path = tmp_path / "plot.SVG"
    require_drawable(path)
    assert not path.exists()
    path.write_text("old")
    draw_strategies(ranking, path)
    assert "tau-b" in path.read_text(encoding="utf-8")


def test_a_full_disk_is_one_sentence(ranking, tmp_path):
    """What the system says is in it."""
    path = tmp_path / "plot.png"
    path.symlink_to("/dev/full")
    with pytest.raises(ConfigurationError, match=r"cannot write .*plot\.png: No space left"):
        draw_strategies(ranking, path)


def apart(one, others):
    """Distance to the nearest, the larger of across and along."""
    return np.abs(np.asarray(others) - one).max(axis=1).min()


def test_labels_of_a_crowd_hide_neither_each_other_nor_a_point():
    """Six strategies of equal tau and cost among others in a row."""
    points = np.array([(0.0, 0.0)] * 6 + [(0.0, 12.0 * step) for step in range(1, 8)])
    places = points + label_offsets(points)
    for number, place in enumerate(places):
        assert apart(place, points) >= CLEAR - 2
        assert apart(place, np.delete(places, number, axis=0)) >= CLEAR - 2


def test_a_lonely_point_has_its_label_beside_it():
    """On its right, where one reads on."""
    ((right, up),) = label_offsets(np.array([(5.0, 5.0)]))
    assert (right > 0, up) == (True, 0)


def test_nothing_needs_no_labels():
    """No strategy could be compared."""
    assert label_offsets(np.empty((0, 2))).shape == (0, 2)
