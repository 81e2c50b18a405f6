"""Sets are divided by a seed, once and for all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hwprof.search.training.data import divided, halves
from hwprof.search.training.pictures import Label, labelled

BOX = Label((1, 1, 5, 5), is_crowd=False)


@pytest.fixture
def pictures():
    """Twenty pictures, every fourth without objects."""
    return [labelled(Path(f"{n}.png"), (10, 10), [] if n % 4 == 3 else [BOX]) for n in range(20)]


def _names(pictures):
    return [picture.path.stem for picture in pictures]


def test_a_fifth_is_validation_where_the_set_says_nothing(pictures):
    """By the seed, in the set's order."""
    first, again, other = (divided(pictures, seed=seed) for seed in (0, 0, 1))

    assert [p.split for p in first] == [p.split for p in again] != [p.split for p in other]
    assert [p.split for p in first].count("val") == 4
    assert _names(first) == _names(pictures)


def test_a_sets_own_splits_stay(pictures):
    """What the set says is neither drawn again nor filled up."""
    said = [
        replace(p, split=split)
        for p, split in zip(pictures, ["train", "val", ""] * 6, strict=False)
    ]

    assert [p.split for p in divided(said, seed=0)] == ["train", "val"] * 6


def test_halves_share_pictures_without_objects_too(pictures):
    """Both halves have as many of either kind, none in both, and depend on the seed alone."""
    first, second = halves(pictures, seed=0)

    assert sorted(_names(first) + _names(second)) == sorted(_names(pictures))
    assert [sum(not len(p.boxes) for p in half) for half in (first, second)] == [3, 2]
    assert (
        _names(halves(pictures, seed=0)[0]) == _names(first) != _names(halves(pictures, seed=1)[0])
    )
