"""Plans that spread samples over what blocks cost instead of over what they are called.

Draws from a block type's axes are candidates; a plan chooses among them. Notation: a candidate's
work is (log(1 + MACs), log(1 + bytes moved)), scaled to [0, 1] over the candidates; its traits
are what changes which code runs: words and small numbers among its parameters (kernel, stride,
groups, activation), channels modulo 4, and whether the width is odd.

``covering`` takes points of a scrambled Sobol sequence over work and traits, and for each the
nearest candidate left (Kocis and Whiten, Computational Investigations of Low-Discrepancy
Sequences, 1997, on why not a grid). ``stratified`` takes candidates at random, in turn from each
cell of work and channel remainders. Every fourth choice of both is a corner: the candidate with
the least or the largest extent not yet chosen.

The k-th choice rests on the seed and on k alone, so a larger plan begins with the smaller one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle
from math import prod

import numpy as np
import numpy.typing as npt

from hwprof.architecture import block_graph
from hwprof.blocks import BlockConfig

CANDIDATES_PER_SAMPLE = 8
"""Candidates for each sample chosen among them; more cost time and find little."""

ALIGNMENT = 4
"""Channels that the kernels' inner loops take at once: four int8 in a word."""

_FIRST_PLAN = 128  # samples chosen among the first candidates; then twice as many, and so on
_CORNER_EVERY = 4
_CELLS = 6  # of each of MACs and bytes
_MOST_TRAITS = 8  # a parameter with more values among the candidates is an extent
_TRAIT_WEIGHT = 0.15  # distance of two candidates that differ in one trait; work spans 1
_REACH = 0.05  # a point farther than this from every candidate is no block's work
_BATCH = 8  # log2 of the points of a sequence drawn at once

Matrix = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Draw = Callable[[int], Sequence[BlockConfig]]
"""The first distinct configurations of so many draws from the axes; more begin with fewer."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What a plan chooses among.

    Attributes:
        work: log MACs and log bytes moved, each scaled to [0, 1], (n, 2).
        traits: a label from 0 for each trait, (n, n_traits).
        remainders: one label for the channels modulo 4 of input and output together, (n,).
        corners: rows of the least and the largest of each extent.
    """

    configs: Sequence[BlockConfig]
    work: Matrix
    traits: Labels
    remainders: Labels
    corners: tuple[int, ...]

    @classmethod
    def of(cls, configs: Sequence[BlockConfig]) -> Candidates:
        """Cost, traits and corners of configurations."""
        counted = [_count(config) for config in configs]
        channels = np.array([item.channels for item in counted]) % ALIGNMENT
        odd = np.array([config.inputs[0][1] % 2 for config in configs])
        few, extents = _parameters(configs)
        shapes = np.array([config.inputs[0] for config in configs], dtype=np.float64)
        traits = [*channels.T, odd, *few]
        return cls(
            configs,
            _scaled(np.log1p([[item.macs, item.moved_bytes] for item in counted])),
            np.array([np.unique(trait, return_inverse=True)[1] for trait in traits]).T,
            channels @ np.array([ALIGNMENT, 1]),
            _corners(np.column_stack([shapes, *extents])),
        )


@dataclass(frozen=True, slots=True)
class _Count:
    macs: int
    moved_bytes: int
    channels: tuple[int, int]


def _count(config: BlockConfig) -> _Count:
    """MACs, int8 bytes that the operators read and write, channels in and out."""
    graph = block_graph(config)
    tensors = sum(
        prod(graph.shapes[tensor]) for node in graph.nodes for tensor in (*node.inputs, node.name)
    )
    channels = config.inputs[0][2], graph.shapes[graph.outputs[0]][2]
    return _Count(graph.macs, tensors + graph.parameters, channels)


def _parameters(configs: Sequence[BlockConfig]) -> tuple[list[Labels], list[Matrix]]:
    """Parameters that take few values as labels, and the others, which are extents."""
    names = dict.fromkeys(name for config in configs for name, _ in config.params)
    few, extents = [], []
    for name in names:
        values = [config.values.get(name, 0) for config in configs]
        known = {value: label for label, value in enumerate(dict.fromkeys(values))}
        numeric = all(isinstance(value, int) for value in known)
        if numeric and len(known) > _MOST_TRAITS:
            extents.append(np.array(values, dtype=np.float64))
        elif len(known) > 1:
            few.append(np.array([known[value] for value in values]))
    return few, extents


def _scaled(values: Matrix) -> Matrix:
    low, span = values.min(axis=0), np.ptp(values, axis=0)
    scaled: Matrix = (values - low) / np.where(span > 0, span, 1.0)
    return scaled


def _corners(extents: Matrix) -> tuple[int, ...]:
    varied = extents[:, np.ptp(extents, axis=0) > 0]
    ends = np.stack([varied.argmin(axis=0), varied.argmax(axis=0)])
    return tuple(dict.fromkeys(ends.T.ravel().tolist()))


Mask = npt.NDArray[np.bool_]
Choose = Callable[[Mask], int]
"""Row of the next sample among candidates of which some are free."""


def covering(draw: Draw, seed: int) -> Iterator[BlockConfig]:
    """Configurations spread evenly over work and traits, each once."""
    return _plan(draw, lambda candidates: _Covering(candidates, seed))


def stratified(draw: Draw, seed: int) -> Iterator[BlockConfig]:
    """Configurations drawn in turn from cells of work and channel remainders, each once."""
    return _plan(draw, lambda candidates: _Stratified(candidates, seed))


def _plan(draw: Draw, chooser: Callable[[Candidates], Choose]) -> Iterator[BlockConfig]:
    """Choose, from ever more candidates, until the axes give no more."""
    chosen: dict[BlockConfig, None] = {}
    for stage in count():
        wanted = _FIRST_PLAN << stage
        configs = draw(CANDIDATES_PER_SAMPLE * wanted)
        if len(configs) <= len(chosen):
            return
        candidates = Candidates.of(configs)
        free = np.array([config not in chosen for config in configs])
        for row in _rows(candidates, chooser(candidates), free):
            chosen[configs[row]] = None
            yield configs[row]
            if len(chosen) == wanted:
                break


def _rows(candidates: Candidates, choose: Choose, free: Mask) -> Iterator[int]:
    """Every free row: now and then a corner, the others as ``choose`` has them."""
    corners = iter(candidates.corners)
    for number in range(int(free.sum())):
        corner = None
        if number % _CORNER_EVERY == 0:
            corner = next((row for row in corners if free[row]), None)
        row = choose(free) if corner is None else corner
        free[row] = False
        yield row


class _Covering:
    """The free candidate nearest to the next point of a Sobol sequence."""

    def __init__(self, candidates: Candidates, seed: int) -> None:
        self._candidates = candidates
        self._sizes = candidates.traits.max(axis=0) + 1
        self._varied = np.ptp(candidates.work, axis=0) > 0
        self._points = _sobol(2 + len(self._sizes), seed)

    def __call__(self, free: Mask) -> int:
        while True:
            point = next(self._points)
            offsets = self._candidates.work - point[:2] * self._varied
            distance = np.hypot(offsets[:, 0], offsets[:, 1])
            # MACs and bytes go together: most of their rectangle is no block at all.
            if distance.min() <= _REACH:
                break
        wanted = (point[2:] * self._sizes).astype(np.int64)
        distance += _TRAIT_WEIGHT * (self._candidates.traits != wanted).sum(axis=1)
        return int(np.where(free, distance, np.inf).argmin())


def _sobol(dimensions: int, seed: int) -> Iterator[npt.NDArray[np.float64]]:
    from scipy.stats import qmc

    sequence = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed))
    yield from sequence.random_base2(_BATCH)
    for power in count(_BATCH):
        yield from sequence.random_base2(power)


class _Stratified:
    """A free candidate of the next cell."""

    def __init__(self, candidates: Candidates, seed: int) -> None:
        generator = np.random.default_rng(seed)
        steps = np.minimum((candidates.work * _CELLS).astype(np.int64), _CELLS - 1)
        labels = np.column_stack([steps, candidates.remainders])
        cells = np.unique(labels, axis=0, return_inverse=True)[1].ravel()
        shuffled = generator.permutation(len(cells))
        order = generator.permutation(cells.max() + 1)
        self._turns = cycle([shuffled[cells[shuffled] == cell] for cell in order])

    def __call__(self, free: Mask) -> int:
        left = (rows[free[rows]] for rows in self._turns)
        return int(next(rows for rows in left if len(rows))[0])
