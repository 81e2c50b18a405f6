"""What a kernel call does, counted: the terms that a call's cycles are a sum of.

Each kernel class has its own terms, because an iteration of its inner loop has its own cost;
a term counts how often a loop body runs, so that cycles = sum of count x cycles per run, with
coefficients that cannot be negative. Counts add over calls: a block's terms are the sum of its
calls' terms, a network's the sum of its blocks'. Elements are int8, so one element is one byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from hwprof.surrogates.calls import Calls, KernelClass, Row
from hwprof.surrogates.cost_terms._base import Counter
from hwprof.surrogates.cost_terms._convolution import CONV, FULLY_CONNECTED, POINTWISE
from hwprof.surrogates.cost_terms._depthwise import BUFFERED, DEDICATED, GENERIC
from hwprof.surrogates.cost_terms._others import (
    AVERAGE_POOL,
    MAX_POOL,
    MOVEMENT,
    RESIZE,
    SOFTMAX,
    element_counter,
)

Matrix = npt.NDArray[np.float64]

COUNTERS: Mapping[KernelClass, Counter] = MappingProxyType(
    {
        KernelClass.POINTWISE: POINTWISE,
        KernelClass.CONV: CONV,
        KernelClass.DEPTHWISE_3X3: DEDICATED,
        KernelClass.DEPTHWISE_BUFFERED: BUFFERED,
        KernelClass.DEPTHWISE_GENERIC: GENERIC,
        KernelClass.FULLY_CONNECTED: FULLY_CONNECTED,
        KernelClass.AVERAGE_POOL: AVERAGE_POOL,
        KernelClass.MAX_POOL: MAX_POOL,
        KernelClass.ADD: element_counter(20),
        KernelClass.MUL: element_counter(15),
        KernelClass.COPY: MOVEMENT,
        KernelClass.FILL: element_counter(1),
        KernelClass.TRANSPOSE: MOVEMENT,
        KernelClass.RESIZE: RESIZE,
        KernelClass.LOOKUP: element_counter(3),
        KernelClass.SOFTMAX: SOFTMAX,
        KernelClass.REQUANTISE: element_counter(15),
    }
)


@dataclass(frozen=True, slots=True)
class Term:
    """One column of the feature table: ``pointwise_blocks``, in ``block``.

    Attributes:
        guess_cycles: cycles per count before any row is seen, good within a factor of two.
    """

    name: str
    unit: str
    guess_cycles: float
    kernel: KernelClass


TERMS: tuple[Term, ...] = tuple(
    Term(f"{kernel.name.lower()}_{name}", unit, guess_cycles, kernel)
    for kernel, counter in COUNTERS.items()
    for name, unit, guess_cycles in counter.columns
)
"""Columns of ``count_terms``, in order."""

_COLUMN_OF = {term.name: column for column, term in enumerate(TERMS)}
_COLUMNS = {
    kernel: {
        column.name: _COLUMN_OF[f"{kernel.name.lower()}_{column.name}"]
        for column in counter.columns
    }
    for kernel, counter in COUNTERS.items()
}


def count_terms(rows: Sequence[Row]) -> Matrix:
    """Counts of every term for every call, (n_calls, n_terms)."""
    calls = Calls.of(rows)
    counts = np.zeros((len(rows), len(TERMS)))
    for number in np.unique(calls.kernel).tolist():
        kernel = KernelClass(number)
        chosen = np.flatnonzero(calls.kernel == number)
        counted = COUNTERS[kernel].count(Calls(*(field[chosen] for field in calls)))
        for name, values in counted.items():
            counts[chosen, _COLUMNS[kernel][name]] = values
    return counts
