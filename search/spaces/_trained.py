"""A space whose designs are trained in more than one way: architecture and recipe together."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from hwprof.architecture import Architecture
from hwprof.search.design import Design
from hwprof.search.spaces._base import Dimension, Point, SearchSpace
from hwprof.search.training.recipe import OPTIMISERS, SCHEDULES, Recipe

_RATES = (0.25, 0.5, 1.0, 2.0, 4.0)
_EPOCHS = (0.25, 0.5, 1.0)


class TrainedSpace(SearchSpace):
    """The points of a space, each with a learning rate, a schedule, an optimiser and epochs.

    Rates and epochs are those of the recipe times some factors, so that the seed point is the
    space's own with the recipe as it is. Another optimiser than the recipe's brings its own weight
    decay along. A name of an architecture is that of all its recipes.

    Args:
        base: whose architectures are trained.
        recipe: everything that is not varied, and the middle of what is.
    """

    def __init__(self, base: SearchSpace, recipe: Recipe) -> None:
        self.name = f"{base.name}, trained variously"
        self._base = base
        self._recipe = recipe
        self._rates = tuple(factor * recipe.learning_rate for factor in _RATES)
        epochs = {max(round(share * recipe.epochs), 1) for share in _EPOCHS}
        self._epochs = tuple(sorted(epochs))

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        return (
            *self._base.dimensions,
            Dimension("learning_rate", tuple(f"{rate:g}" for rate in self._rates)),
            Dimension("schedule", SCHEDULES, ordered=False),
            Dimension("optimiser", OPTIMISERS, ordered=False),
            Dimension("epochs", tuple(map(str, self._epochs))),
        )

    @property
    def seed_point(self) -> Point:
        recipe = self._recipe
        return (
            *self._base.seed_point,
            self._rates.index(recipe.learning_rate),
            SCHEDULES.index(recipe.schedule),
            OPTIMISERS.index(recipe.optimiser),
            self._epochs.index(recipe.epochs),
        )

    @property
    def fingerprint(self) -> str:
        """Of the space, its recipes and all that they share."""
        decays = [self._recipe.by(optimiser).weight_decay for optimiser in OPTIMISERS]
        return f"{super().fingerprint} {self._recipe}, weight decays {decays}"

    @property
    def origin(self) -> str:
        return self._base.origin

    def architecture(self, point: Point) -> Architecture:
        return self._base.architecture(point[: len(self._base.dimensions)])

    def design(self, point: Point) -> Design:
        rate, schedule, optimiser, epochs = point[len(self._base.dimensions) :]
        recipe = replace(
            self._recipe.by(OPTIMISERS[optimiser]),
            learning_rate=self._rates[rate],
            schedule=SCHEDULES[schedule],
            epochs=self._epochs[epochs],
        )
        return Design(self.architecture(point), recipe)
