"""What a kernel call does, counted: the terms that a call's cycles are a sum of.

Each kernel class has its own terms, because an iteration of its inner loop has its own cost;
a term counts how often a loop body runs, so that cycles = sum of count x cycles per run, with
coefficients that cannot be negative. Lines that memories behind the cache move are counted
alike for all kernels, because a line costs what it costs. Counts add over calls: a block's terms
are the sum of its calls' terms, a network's the sum of its blocks'. Elements are int8, so one
element is one byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.surrogates.calls import BlockCalls, Calls, Integers, KernelClass
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

_GUESSES = np.array([term.guess_cycles for term in TERMS])

_COLUMNS: Mapping[KernelClass, slice] = MappingProxyType(
    {
        kernel: slice(first, first + len(counter.columns))
        for kernel, counter in COUNTERS.items()
        for first in [next(i for i, term in enumerate(TERMS) if term.kernel is kernel)]
    }
)

_MEMORY = slice(len(TERMS) - len(MEMORY_COLUMNS), len(TERMS))

_FEW_CALLS = 64
"""Below this many calls, plain integers are counted faster than arrays are set up."""


def count_terms(counted: BlockCalls) -> Matrix:
    """Counts of every term, added up over the calls of each block, (n_blocks, n_terms)."""
    calls, block, n_blocks = counted
    counts = np.zeros((n_blocks, len(TERMS)))
    core_cycles = np.zeros(len(block))
    for number in np.unique(calls.kernel).tolist():
        kernel = KernelClass(number)
        chosen = np.flatnonzero(calls.kernel == number)
        count = _count_one_by_one if len(block) <= _FEW_CALLS else _count_together
        found = count(kernel, calls.take(chosen))
        core_cycles[chosen] = found @ _GUESSES[_COLUMNS[kernel]]
        _add_up(found, block[chosen], counts[:, _COLUMNS[kernel]])
    if len(block):
        memory = np.array(list(memory_counts(calls, core_cycles).values()), np.float64).T
        _add_up(memory, block, counts[:, _MEMORY])
    return counts


def _add_up(found: Matrix, block: Integers, counts: Matrix) -> None:
    """Sums over calls that stand together because they are of one block."""
    starts = np.flatnonzero(np.concatenate([[True], block[1:] != block[:-1]]))
    counts[block[starts]] = np.add.reduceat(found, starts)


def _count_one_by_one(kernel: KernelClass, calls: Calls) -> Matrix:
    blank = calls._replace(**dict.fromkeys(_UNCOUNTED, calls.kernel * 0))
    rows = zip(*(field.tolist() for field in blank), strict=True)
    return np.array([_count_one(kernel, row) for row in rows], np.float64)


_UNCOUNTED = ("input_held", "output_held", "inserted")
"""Fields that the core's work does not depend on."""


@lru_cache(maxsize=1 << 12)
def _count_one(kernel: KernelClass, row: tuple[int, ...]) -> tuple[Any, ...]:
    """Counts of one call; a network makes most of its calls several times."""
    call = Calls(*row)  # type: ignore[arg-type]  # plain integers, see Counter
    return tuple(COUNTERS[kernel].count(call).values())


def _count_together(kernel: KernelClass, calls: Calls) -> Matrix:
    return np.array(list(COUNTERS[kernel].count(calls).values()), np.float64).T
