"""What a kernel call does, counted: the terms that a call's cycles are a sum of.

Each kernel class has its own terms, because an iteration of its inner loop has its own cost;
a term counts how often a loop body runs, so that cycles = sum of count x cycles per run, with
coefficients that cannot be negative. Lines that memories behind the cache move are counted
alike for all kernels, because a line costs what it costs. Counts add over calls: a block's terms
are the sum of its calls' terms, a network's the sum of its blocks'. Elements are int8, so one
element is one byte.
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
from hwprof.surrogates.cost_terms._memory import MEMORY_COLUMNS, memory_counts
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
        kernel: whose count it is; None for the counts that all kernels share.
    """

    name: str
    unit: str
    guess_cycles: float
    kernel: KernelClass | None = None


TERMS: tuple[Term, ...] = (
    *(
        Term(f"{kernel.name.lower()}_{name}", unit, guess_cycles, kernel)
        for kernel, counter in COUNTERS.items()
        for name, unit, guess_cycles in counter.columns
    ),
    *(Term(*column) for column in MEMORY_COLUMNS),
)
"""Columns of ``count_terms``, in order."""

_COLUMNS: Mapping[KernelClass, slice] = MappingProxyType(
    {
        kernel: slice(first, first + len(counter.columns))
        for kernel, counter in COUNTERS.items()
        for first in [next(i for i, term in enumerate(TERMS) if term.kernel is kernel)]
    }
)

_MEMORY = slice(len(TERMS) - len(MEMORY_COLUMNS), len(TERMS))

_GUESSES = np.array([term.guess_cycles for term in TERMS[: _MEMORY.start]])

_FEW_CALLS = 64
"""Below this many calls, plain integers are counted faster than arrays are set up."""


def count_terms(rows: Sequence[Row]) -> Matrix:
    """Counts of every term for every call, (n_calls, n_terms)."""
    position = {row: number for number, row in enumerate(dict.fromkeys(rows))}
    calls = Calls.of(list(position))
    counts = np.zeros((len(position), len(TERMS)))
    if len(position) <= _FEW_CALLS:
        _count_one_by_one(list(position), counts)
    else:
        _count_together(calls, counts)
    core_cycles = counts[:, : _MEMORY.start] @ _GUESSES
    counts[:, _MEMORY] = np.stack(list(memory_counts(calls, core_cycles).values()), axis=1)
    return counts[[position[row] for row in rows]]


def _count_one_by_one(rows: Sequence[Row], counts: Matrix) -> None:
    for number, row in enumerate(rows):
        kernel = KernelClass(row[0])
        call = Calls(*row)  # type: ignore[arg-type]  # plain integers, see Counter
        counts[number, _COLUMNS[kernel]] = list(COUNTERS[kernel].count(call).values())


def _count_together(calls: Calls, counts: Matrix) -> None:
    for number in np.unique(calls.kernel).tolist():
        kernel = KernelClass(number)
        chosen = np.flatnonzero(calls.kernel == number)
        counted = COUNTERS[kernel].count(Calls(*(field[chosen] for field in calls)))
        counts[chosen, _COLUMNS[kernel]] = np.stack(list(counted.values()), axis=1)
