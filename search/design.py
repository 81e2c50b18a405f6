"""What a point of a search space stands for."""

from __future__ import annotations

from dataclasses import dataclass

from hwprof.architecture import Architecture
from hwprof.search.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Design:
    """An architecture, and how it is trained where the space varies that too.

    Attributes:
        recipe: None where the space leaves the training to the task estimator.
    """

    architecture: Architecture
    recipe: Recipe | None = None
