"""A recipe says the learning rate of every step, or is refused."""

from __future__ import annotations

import math

import pytest

from hwprof.errors import ConfigurationError
from hwprof.search.training.recipe import Recipe


def test_warm_up_rises_to_the_height():
    """Linear in the first share of the steps."""
    recipe = Recipe(learning_rate=1.0, warmup=0.1, schedule="constant")

    assert [recipe.rate(step, 40) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_cosine_ends_at_nothing():
    """Half way down in the middle, nearly zero at the last step."""
    recipe = Recipe(learning_rate=2.0, warmup=0, schedule="cosine")

    assert recipe.rate(0, 100) == 2
    assert recipe.rate(50, 100) == pytest.approx(1)
    assert recipe.rate(99, 100) == pytest.approx(1 - math.cos(math.pi / 100), rel=1e-6)


def test_steps_fall_by_tenths():
    """At 1/3, 2/3 and 5/6, as 100, 200 and 250 of FastestDet's 300 epochs."""
    recipe = Recipe(learning_rate=1.0, warmup=0, schedule="steps")

    rates = [recipe.rate(step, 300) for step in (99, 100, 199, 200, 249, 250, 299)]

    assert rates == pytest.approx([1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_warm_up_without_steps_is_none():
    """A training of one step is at its height at once."""
    assert Recipe(learning_rate=1.0).rate(0, 1) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"optimiser": "lion"}, "one of the optimisers sgd, adamw .* got 'lion'"),
        ({"schedule": "linear"}, "schedules cosine, steps, constant; got 'adamw' and 'linear'"),
        ({"epochs": 0}, "1 to 10,000 epochs"),
        ({"batch": 5000}, "batches of 1 to 4,096"),
        ({"learning_rate": 0.0}, "a positive learning rate"),
        ({"learning_rate": math.nan}, "a positive learning rate"),
        ({"warmup": 1.0}, "warm-up and averaging from 0 to below 1"),
        ({"averaging": -0.1}, "warm-up and averaging from 0 to below 1"),
        ({"weight_decay": math.inf}, "a recipe has"),
    ],
)
def test_impossible_recipe_is_refused(changes, sentence):
    """A recipe that no training follows is refused where it is written."""
    with pytest.raises(ConfigurationError, match=sentence):
        Recipe(**changes)
