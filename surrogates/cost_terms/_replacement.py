"""How often lines that were in the data cache are no longer there: random replacement, by sets.

Three patterns of reuse, each in lines and sets of ``hwprof.surrogates.cache``:

- a *sweep* passes over the same lines again and again, among them ``fresh`` ones;
- a *window* moves down a map row by row and touches most of its rows again;
- *hot* lines are touched all the time while others stream past.

The miss share m of a swept set of n lines solves m = 1 - exp(-k ((n - 1) m + f)), where f fresh
lines come in a sweep: each line that comes in takes one of 4 ways at random, and a line that was
thrown out takes another when it comes back. k is 1/4 while the lines fit (then exact for small
f), for five lines and more what a simulation of 5 to 16 lines in 4 ways gives, within 0.01.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from hwprof.surrogates.cache import LINE_BYTES, SETS, WAYS

Numbers: TypeAlias = npt.NDArray[np.float64]
Counts: TypeAlias = npt.NDArray[np.int32]

_ROUNDS = 24  # of the iteration for m, which starts at 1 and falls
_LOST = -np.log(1 - 1 / WAYS)  # a line survives an insertion into its set with e to minus this
_MOST_HOT = 3.5  # lines of a set that stay hot; at 4 nothing could pass


def swept_share(lines: Any, old: Any, fresh: Any) -> Any:
    """Missed share of ``old`` lines a set and sweep, beside ``fresh`` ones.

    Args:
        lines: how many the set sees in a sweep, which decides whether they fit.
    """
    crowded = _LOST + 0.16 / np.maximum(lines, WAYS + 1)
    rate = 1 / WAYS + np.clip(lines - WAYS, 0, 1) * (crowded - 1 / WAYS)
    missed = np.ones(np.broadcast(lines, old, fresh).shape)
    _settle(missed, np.maximum(old - 1, 0), fresh, rate=-rate, rounds=_ROUNDS)
    return np.where((fresh <= 0) & (lines <= WAYS), 0.0, missed)


def _settle(missed: Numbers, again: Any, fresh: Any, *, rate: Any, rounds: int) -> None:
    """Iterate missed = 1 - exp(rate (again missed + fresh)) in place."""
    for _ in range(rounds):
        missed *= again
        missed += fresh
        missed *= rate
        np.exp(missed, out=missed)
        np.subtract(1, missed, out=missed)


def contiguous_share(lines: Numbers, hot: Numbers, fresh: Numbers) -> Any:
    """Missed share of a contiguous stretch that is swept beside hot and fresh lines.

    Sets hold one line of the stretch more or less, and one hot line more or less.
    """
    whole, part = _split(lines / SETS)
    hot_whole, hot_part = _split(hot / SETS)
    counts = np.stack([whole, whole, whole + 1, whole + 1])
    held = counts + np.stack([hot_whole, hot_whole + 1, hot_whole, hot_whole + 1])
    shares = np.stack(
        [(1 - part) * (1 - hot_part), (1 - part) * hot_part, part * (1 - hot_part), part * hot_part]
    )
    missed = (shares * counts * swept_share(held, held, fresh / SETS)).sum(axis=0)
    return missed / np.maximum(lines / SETS, 1e-9)


def _split(number: Numbers) -> tuple[Numbers, Numbers]:
    whole = np.floor(number)
    return whole, number - whole


class Runs(NamedTuple):
    """Bytes that a pass touches: runs of a length and a stride, ``shift`` bytes on in the next."""

    runs: int
    length: int
    stride: int
    shift: int

    def by_set(self, base: int, passes: range) -> Counts:
        """Lines of each set that each pass touches, (n_passes, SETS)."""
        return _lines_by_set(self, base % (SETS * LINE_BYTES), passes)


@lru_cache(maxsize=1 << 12)
def _lines_by_set(runs: Runs, base: int, passes: range) -> Counts:
    """``Runs.by_set``, of which blocks share many."""
    begins = (base + np.arange(passes.start, passes.stop, passes.step) * runs.shift)[:, None]
    starts = begins % (SETS * LINE_BYTES) + np.arange(runs.runs) * runs.stride
    first, last = starts // LINE_BYTES, (starts + runs.length - 1) // LINE_BYTES
    size = -(-(int(last[:, -1].max()) + 2) // SETS) * SETS
    rows, total = np.arange(len(passes))[:, None] * size, len(passes) * size
    begun, ended = (
        np.bincount((lines + rows).ravel(), minlength=total) for lines in (first, last + 1)
    )
    inside = np.cumsum((begun - ended).reshape(-1, size), axis=1) > 0
    counts: Counts = inside.reshape(len(passes), -1, SETS).sum(axis=1, dtype=np.int32)
    return counts


@dataclass(frozen=True, slots=True)
class Sweep:
    """Passes over an input and an output that lies before it.

    Attributes:
        passes: numbers of the passes to look at.
        output_bytes: of the whole output.
        fresh_share: share of the lines of a pass that no pass touched before.
        streamed_lines: lines of others, weights, that come in during a pass.
    """

    read: Runs
    written: Runs
    passes: range
    output_bytes: int
    fresh_share: float
    streamed_lines: float

    def touched(self) -> tuple[Counts, Counts]:
        """Lines of each set that each pass reads and writes, (n_passes, SETS) both."""
        base = -(-self.output_bytes // LINE_BYTES) * LINE_BYTES
        return self.read.by_set(base, self.passes), self.written.by_set(0, self.passes)


def sweep_shares(sweeps: Sequence[Sweep]) -> Numbers:
    """Missed share of the input's and of the output's lines that were touched before, (n, 2)."""
    distinct = dict.fromkeys(sweeps, (0.0, 0.0))
    for count in {len(sweep.passes) for sweep in distinct}:
        alike = [sweep for sweep in distinct if len(sweep.passes) == count]
        distinct |= zip(alike, map(tuple, _shares_alike(alike).tolist()), strict=True)
    return np.array([distinct[sweep] for sweep in sweeps]).reshape(-1, 2)


def _shares_alike(sweeps: Sequence[Sweep]) -> Numbers:
    """``sweep_shares`` of sweeps of one number of passes."""
    touched = np.concatenate([counts for sweep in sweeps for counts in sweep.touched()])
    touched = touched.reshape(len(sweeps), 2, -1)
    together = touched.sum(axis=1)
    lines = np.arange(together.max() + 1)
    # One table of all sweeps: the iteration behind it costs the same for one number as for many.
    fresh_lines = lines * np.array([[sweep.fresh_share] for sweep in sweeps])
    streamed = np.array([[sweep.streamed_lines / SETS] for sweep in sweeps])
    table = swept_share(lines, lines - fresh_lines, fresh_lines + streamed)
    missed = np.take_along_axis(table, together, axis=1)
    shares: Numbers = (touched * missed[:, None]).sum(axis=2) / touched.sum(axis=2)
    return shares


def window_share(kept: Numbers, step: Numbers, others: Numbers, density: Numbers) -> Any:
    """Missed share of rows that a window touches again one output row later.

    A line is hit by insertions into its own set only: those of the map itself, which come a
    whole number of ways (SETS lines) further on, and those of others, which come anywhere.

    Args:
        kept: rows touched again, in ways.
        step: new rows for each output row, in ways.
        others: lines inserted beside the map's for each output row, in ways.
        density: share of the rows' lines that is touched at all.
    """
    span = np.maximum(kept, 1e-6)
    passed = (_floors(span + step) - _floors(step) - _floors(span)) / span * density + others
    again = 2 * _floors(span) / span * density
    missed = np.zeros_like(span)
    _settle(missed, again, passed, rate=-_LOST, rounds=_ROUNDS // 2)
    return missed


def _floors(upper: Any) -> Any:
    """The integral of floor from 0."""
    whole = np.floor(upper)
    return whole * (whole - 1) / 2 + whole * (upper - whole)


def hot_misses(hot: Any, replacing: Any) -> Any:
    """Misses of hot lines while so many others replace what they find.

    One insertion throws out a hot line of its set with probability n / 4; the line that comes
    back throws out another one with (n - 1) / 4, and so on.
    """
    in_set = np.minimum(hot / SETS, _MOST_HOT)
    return replacing * (in_set / WAYS) / (1 - np.maximum(in_set - 1, 0) / WAYS)
