"""Arithmetic that is the same for the numbers of one block and for arrays of many blocks' numbers.

Arrays of one element take ten times as long as plain numbers, so one block is counted in plain
ones, and many blocks of one structure in arrays (n_blocks,): the code is the same.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Number: TypeAlias = Any
"""An int or a float, or an array (n_blocks,) of such."""


def where(condition: Any, first: Number, second: Number) -> Number:
    """The first where the condition holds, else the second."""
    if isinstance(condition, np.ndarray):
        return np.where(condition, first, second)
    return first if condition else second


def smaller(first: Number, second: Number) -> Number:
    """The smaller of two."""
    return where(second < first, second, first)


def larger(first: Number, second: Number) -> Number:
    """The larger of two."""
    return where(second > first, second, first)


def whole(number: Number) -> Number:
    """Without its fraction."""
    return number.astype(np.int64) if isinstance(number, np.ndarray) else int(number)


def power(base: float, exponent: Number) -> Number:
    """A power of a plain number: the C library's for arrays too, whose own may round otherwise."""
    if isinstance(exponent, np.ndarray):
        return np.array([base**one for one in exponent.tolist()])
    return base**exponent
