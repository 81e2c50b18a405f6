"""Rows of a fit as arrays, and the prior of all block types that each type's own leans on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hwprof.surrogates.features import FEATURES, graph_features, parameter_table
from hwprof.surrogates.intervals import log_errors
from hwprof.surrogates.regressors import Matrix, PhysicalPrior, Vector
from hwprof.surrogates.rows import Samples
from hwprof.surrogates.validation import Folds, assign_folds

Mask = npt.NDArray[np.bool_]

GUESSED_CYCLES: Vector = np.array([term.guess_cycles for term in FEATURES], dtype=np.float64)
"""Cycles per count before anything is measured, (n_features,)."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingTable:
    """Rows of a fit as arrays.

    Attributes:
        X: features, (n, n_features).
        y: cycles, (n,).
        parameters: what a user would look each row up by, (n, n_columns).
        macs: multiply-accumulates, (n,).
        keys, types: block key and block type of each row, (n,).
        folds: rows of one block key share one, (n,).
    """

    X: Matrix
    y: Vector
    parameters: Matrix
    macs: Vector
    keys: npt.NDArray[np.str_]
    types: npt.NDArray[np.str_]
    folds: Folds

    @classmethod
    def of(cls, samples: Samples, *, n_folds: int, seed: int) -> TrainingTable:
        """Features and folds of samples."""
        features = graph_features(samples.graphs)
        return cls(
            X=features.X,
            y=samples.cycles,
            parameters=parameter_table(samples.configs),
            macs=features.macs,
            keys=np.array([config.key for config in samples.configs]),
            types=np.array([config.block_type for config in samples.configs]),
            folds=assign_folds(samples.configs, n_folds, seed),
        )

    def where(self, chosen: Mask) -> TrainingTable:
        """Some of the rows."""
        return TrainingTable(*(getattr(self, column.name)[chosen] for column in fields(self)))

    def of_type(self, block_type: str) -> TrainingTable:
        """Rows of one block type."""
        return self.where(self.types == block_type)


class Anchors:
    """Coefficients of the prior of all block types, without the rows of some folds."""

    def __init__(self, table: TrainingTable) -> None:
        self._table = table
        self._known: dict[frozenset[int], Vector] = {}

    def without(self, folds: Iterable[int]) -> Vector:
        """Cycles per count, (n_features,), learned from rows outside these folds."""
        left_out = frozenset(folds)
        if left_out not in self._known:
            chosen = ~np.isin(self._table.folds, list(left_out))
            self._known[left_out] = shared_prior(self._table.where(chosen)).coefficients_
        return self._known[left_out]

    @cached_property
    def all(self) -> PhysicalPrior:
        """The prior of all rows."""
        return shared_prior(self._table)


def shared_prior(table: TrainingTable) -> PhysicalPrior:
    """The prior of all block types together, leaning on the guesses of the feature table."""
    return PhysicalPrior(GUESSED_CYCLES).fit(table.X, table.y)


LEAST_OUTLIER_RATIO = 2.0
"""A row nearer than this to what its counts cost is never called wild."""

_DEVIATIONS = 10.0
_MAD_TO_DEVIATION = 1.4826
_MOST_OUTLIERS = 0.05  # of a block type: where more are off, the model is wrong and not the rows
_MOST_UNLIKE = 0.1  # of a row's cycles


def _unlike_others(X: Matrix, others: Matrix) -> Vector:
    """Share of each row's cycles, as guessed, in counts that it has more of than all others, (n,).

    Guesses and no measurement decide, so that a wild row has no say in whether it is judged.
    """
    shares, theirs = (
        guessed / np.maximum(guessed.sum(axis=1, keepdims=True), 1.0)
        for guessed in (X * GUESSED_CYCLES, others * GUESSED_CYCLES)
    )
    own: Vector = np.where(shares > theirs.sum(axis=0), shares, 0.0).sum(axis=1)
    return own


def wild_rows(table: TrainingTable, anchors: Anchors) -> tuple[Mask, Vector]:
    """Rows that are off by much more than others of their type, and what the prior holds likely.

    Each row is predicted by the prior of its block type fitted without the row's fold; the prior
    bends only so far for one row (Huber's loss), so that a wild one cannot hide itself. A row
    whose counts the others hardly have is not judged: they know nothing of it.
    """
    likely = np.full(len(table.y), np.nan)
    for kind in np.unique(table.types).tolist():
        for fold in np.unique(table.folds[table.types == kind]).tolist():
            inside = (table.types == kind) & (table.folds == fold)
            outside = table.where((table.types == kind) & (table.folds != fold))
            prior = PhysicalPrior(anchors.without([fold]))
            if len(outside.y):
                prior = prior.fit(outside.X, outside.y)
                judged = _unlike_others(table.X[inside], outside.X) <= _MOST_UNLIKE
                likely[inside] = np.where(judged, prior.predict(table.X[inside]), np.nan)
    errors = np.nan_to_num(log_errors(table.y, np.maximum(likely, 1.0)))
    wild = np.zeros(len(table.y), dtype=np.bool_)
    for kind in np.unique(table.types).tolist():
        here = np.flatnonzero(table.types == kind)
        spread = _MAD_TO_DEVIATION * float(np.median(errors[here]))
        far = errors[here] > max(np.log(LEAST_OUTLIER_RATIO), _DEVIATIONS * spread)
        if far.sum() <= max(1, _MOST_OUTLIERS * len(here)):
            wild[here] = far
    return wild, likely
