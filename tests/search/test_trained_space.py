"""Spaces of architectures and recipes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.search.spaces import BuiltNetworks, ParameterAxis, PersonDetection, TrainedSpace
from hwprof.search.training.recipe import Recipe

BASE, RECIPE = PersonDetection(), Recipe(epochs=20, learning_rate=1e-3)
SPACE = TrainedSpace(BASE, RECIPE)


def test_the_seed_is_trained_by_the_recipe_as_it_is():
    """The point of comparison is the space's own seed, trained as it would be without a choice."""
    design = SPACE.design(SPACE.seed_point)
    assert design.architecture == BASE.architecture(BASE.seed_point)
    assert design.recipe == RECIPE


@pytest.mark.parametrize(
    ("own", "decays"),
    [(RECIPE, {"sgd": 5e-4, "adamw": 1e-2}),
     (Recipe(epochs=20, learning_rate=1e-3, weight_decay=0.1), {"sgd": 5e-4, "adamw": 0.1}),
     (Recipe(epochs=20, optimiser="sgd", weight_decay=0.1), {"sgd": 0.1, "adamw": 1e-2})],
)  # fmt: skip
def test_each_optimiser_has_the_weight_decay_that_suits_it(own, decays):
    """The recipe's own keeps what it says; a decay of AdamW's would only handicap SGD."""
    space = TrainedSpace(BASE, own)
    names = [dimension.name for dimension in space.dimensions]
    at = names.index("optimiser")
    found = {}
    for choice, label in enumerate(space.dimensions[at].labels):
        point = (*space.seed_point[:at], choice, *space.seed_point[at + 1 :])
        found[label] = space.design(point).recipe.weight_decay
    assert found == decays


def test_recipes_multiply_the_space():
    """Five rates, three schedules, two optimisers and three lengths."""
    assert SPACE.size == BASE.size * 5 * 3 * 2 * 3


@settings(max_examples=50, deadline=None)
@given(index=st.integers(0, SPACE.size - 1))
def test_every_point_is_an_architecture_and_a_recipe(index):
    """What is not varied stays, and what is comes in the dimension's own words."""
    point = SPACE.point(index)
    design = SPACE.design(point)
    labels = [d.labels[choice] for d, choice in zip(SPACE.dimensions, point, strict=True)]
    recipe = design.recipe
    assert labels[-4:] == [
        f"{recipe.learning_rate:g}", recipe.schedule, recipe.optimiser, str(recipe.epochs)
    ]  # fmt: skip
    assert (recipe.batch, recipe.seed) == (RECIPE.batch, RECIPE.seed)
    assert design.architecture == BASE.architecture(point[:3]) == SPACE.architecture(point)
    assert SPACE.point_of(SPACE.parameters_of(point)) == point


@pytest.mark.parametrize("change", [{"epochs": 40}, {"batch": 8}])
def test_another_recipe_is_another_space(change):
    """A study of one does not go on with the other."""
    other = TrainedSpace(BASE, Recipe(**{"epochs": 20, "learning_rate": 1e-3, **change}))
    assert other.fingerprint != SPACE.fingerprint


def test_the_network_behind_the_choices_counts():
    """Recipes for another network of equal choices are another space."""
    axes = [ParameterAxis(("size",), ((32,), (64,)))]
    bases = [BuiltNetworks("mine", network, axes) for network in ("mobilenet-v1", "mobilenet-v2")]
    one, other = (TrainedSpace(base, RECIPE) for base in bases)
    assert one.dimensions == other.dimensions
    assert one.fingerprint != other.fingerprint


def test_short_recipes_have_fewer_lengths():
    """One epoch has no quarter."""
    assert TrainedSpace(BASE, Recipe(epochs=1)).dimensions[-1].labels == ("1",)
