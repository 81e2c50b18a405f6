"""Which rows are called wild, and which no other row can judge."""

import numpy as np
import pytest

from hwprof.surrogates.features import FEATURES
from hwprof.surrogates.training import Anchors, TrainingTable, wild_rows

GUESSES = np.array([term.guess_cycles for term in FEATURES], dtype=np.float64)
LAST = 20


@pytest.mark.parametrize(("lone_count", "wild"), [(0.0, [LAST]), (1e6, [])])
def test_what_only_one_row_has_is_not_judged(lone_count, wild):
    """A row nine times off is wild; not where it holds counts that the others know nothing of."""
    counts = np.zeros((LAST + 1, len(FEATURES)))
    counts[:, 0] = np.linspace(1e3, 9e3, LAST + 1)
    counts[LAST, 1] = lone_count
    cycles = counts @ GUESSES
    cycles[LAST] *= 9
    names = np.array([f"row {number}" for number in range(LAST + 1)])
    table = TrainingTable(
        X=counts,
        y=cycles,
        parameters=counts,
        macs=counts[:, 0],
        keys=names,
        types=np.full(LAST + 1, "pwconv"),
        folds=np.arange(LAST + 1) % 5,
    )

    found, _ = wild_rows(table, Anchors(table))

    assert np.flatnonzero(found).tolist() == wild
