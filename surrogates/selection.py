"""Which model serves a block type, and how well the whole procedure does, its choice included.

Models compete under grouped k-fold cross-validation; the simplest that none beats by more than
one standard error wins and is fitted again on all rows. The winner's own held-out error would
flatter it, because it was chosen by that error. So scores and intervals are nested: for each
outer fold the choice is made anew on the other folds, by models that saw neither the outer fold
nor the one they are judged on, and the chosen model predicts the outer fold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TypeAlias

import numpy as np

from hwprof.surrogates.regressors import RESIDUAL_TYPES, PhysicalPrior, Regressor, Vector
from hwprof.surrogates.training import Anchors, TrainingTable
from hwprof.surrogates.validation import simplest_of_the_best

Makers: TypeAlias = Mapping[str, Callable[[Vector], Regressor]]


def makers_of(models: Sequence[str], seed: int) -> Makers:
    """Constructors by model name, simplest first; each takes the anchor of its prior."""
    made: dict[str, Callable[[Vector], Regressor]] = {PhysicalPrior.name: PhysicalPrior}
    for kind in RESIDUAL_TYPES:
        made[kind.name] = partial(_residual, kind, seed)
    return {name: make for name, make in made.items() if name in models}


def _residual(kind: Callable[..., Regressor], seed: int, anchor: Vector) -> Regressor:
    return kind(PhysicalPrior(anchor), seed)


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The outcome for one block type.

    Attributes:
        model: name of the winner.
        predicted: prediction of each row by each model without the row's fold, (n,).
        nested: prediction of each row by what would have been chosen without its fold, (n,).
    """

    model: str
    predicted: Mapping[str, Vector]
    nested: Vector


def select(table: TrainingTable, anchors: Anchors, makers: Makers) -> Selection:
    """Let models compete on the rows of one block type."""
    folds = np.unique(table.folds).tolist()
    single = {fold: _without(table, anchors, makers, (fold,)) for fold in folds}
    predicted = {name: np.full(len(table.y), np.nan) for name in makers}
    for fold, by_name in single.items():
        inside = table.folds == fold
        for name, values in by_name.items():
            predicted[name][inside] = values[inside]
    nested = _nested(table, anchors, makers, predicted)
    return Selection(_winner(table, predicted), predicted, nested)


def _nested(
    table: TrainingTable, anchors: Anchors, makers: Makers, predicted: Mapping[str, Vector]
) -> Vector:
    folds = np.unique(table.folds).tolist()
    if len(makers) == 1 or len(folds) < _FEWEST_FOLDS:
        return predicted[_winner(table, predicted)]
    # One model without folds i and j judges on j for outer fold i, and on i for outer fold j.
    pairs = {
        frozenset(pair): _without(table, anchors, makers, pair) for pair in combinations(folds, 2)
    }
    nested = np.full(len(table.y), np.nan)
    for outer in folds:
        inner = {name: np.full(len(table.y), np.nan) for name in makers}
        for fold in folds:
            if fold != outer:
                inside = table.folds == fold
                for name, values in pairs[frozenset((outer, fold))].items():
                    inner[name][inside] = values[inside]
        outside = table.folds != outer
        seen = {name: values[outside] for name, values in inner.items()}
        chosen = _winner(table.where(outside), seen)
        nested[~outside] = predicted[chosen][~outside]
    return nested


_FEWEST_FOLDS = 3


def _without(
    table: TrainingTable, anchors: Anchors, makers: Makers, folds: tuple[int, ...]
) -> dict[str, Vector]:
    """Predictions of each model for the rows of these folds, fitted without them; NaN elsewhere."""
    inside = np.isin(table.folds, folds)
    train, anchor = table.where(~inside), anchors.without(folds)
    predicted = {}
    for name, make in makers.items():
        values = np.full(len(table.y), np.nan)
        values[inside] = make(anchor).fit(train.X, train.y).predict(table.X[inside])
        predicted[name] = values
    return predicted


def _winner(table: TrainingTable, predicted: Mapping[str, Vector]) -> str:
    errors = [np.abs(values / table.y - 1) for values in predicted.values()]
    return list(predicted)[simplest_of_the_best(errors)]
