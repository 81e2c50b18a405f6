"""How detectors were trained, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from hwprof.search.training.recipe import Recipe
from hwprof.workflows.trained_detectors import TrainingRequest


def start_rule(request: TrainingRequest) -> str:
    """From which weights every detector begins."""
    source = (
        "random weights, trained whole by this search first"
        if request.weights is None
        else f"the weights in {request.weights.name}"
    )
    rest = (
        "the backbone stays as the seed network has it"
        if request.frozen
        else "the backbone is trained along"
    )
    return (
        "All heads, the seed's too, begin by one rule: with the part of the seed network's weights "
        f"that they have room for. The seed network has {source}; {rest}."
    )


def recipe_words(recipe: Recipe) -> str:
    """A recipe in one line."""
    return (
        f"{recipe.epochs} epochs, batches of {recipe.batch}, {recipe.optimiser}, learning rate "
        f"{recipe.learning_rate:g}, {recipe.schedule} schedule, weight decay "
        f"{recipe.weight_decay:g}"
    )


def diverged_words(label: str, seeds: Sequence[int]) -> str:
    """What became of a row's trainings that diverged."""
    named = ", ".join(map(str, seeds))
    return f"Trainings of {label} with seeds {named} diverged: they count as finding nothing."


def task_words(name: str) -> str:
    """A task estimator's name without the digest behind it."""
    return name.rpartition(", ")[0] or name
