"""Output maps with a stated number of candidates: what decoding and suppression are timed on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hwprof.firmware_stub.virtual.frame_parts import DecodeTables

Int8 = npt.NDArray[np.int8]

TYPICAL_SHARE = 86 / 320
"""Cells above ``LEAST_SCORE`` on a typical picture: 86 of 16 x 20, of which 17 boxes survive.

Medians of the published FastestDet weights, person class alone, at 256 x 320, over 257 COCO
pictures of which most show people: ``benchmarks/frame_candidates.py`` prints them.
"""
LEAST_SCORE = 0.25
CELLS_OF_A_BOX = 5  # 86 candidates stand for 17 boxes
_SMALLEST, _LARGEST = 2.0, 6.0  # sides of a typical box, in cells
_WIDEST_KEPT = (
    2.5  # squares of s cells, a cell apart, share (s - 1) / (s + 1), 0.43, of their union
)


def typical_map(shape: tuple[int, int, int], tables: DecodeTables, candidates: int) -> Int8:
    """Groups of neighbouring cells that each mean one object, as a trained detector answers.

    Args:
        shape: rows, columns and channels.
        candidates: cells whose score is above ``LEAST_SCORE``, at most all.
    """
    rng = np.random.default_rng(0)
    rows, columns, _ = shape
    objects = max(1, round(candidates / CELLS_OF_A_BOX))
    centres = rng.uniform((0, 0), (rows, columns), (objects, 2))
    sides = rng.uniform(_SMALLEST, _LARGEST, (objects, 2)) / (rows, columns)
    cells = np.indices((rows, columns)).reshape(2, -1).T
    apart = np.linalg.norm(cells[:, None] - centres, axis=-1)
    nearest = apart.argmin(axis=1)
    chosen = apart.min(axis=1).argsort(kind="stable")[:candidates]

    values = _background(shape, tables)
    flat = values.reshape(-1, shape[2])
    shift = centres[nearest] - cells
    size = sides[nearest] * rng.uniform(0.9, 1.1, (len(cells), 2))
    flat[chosen, 0] = np.sort(_likely(tables, rng, len(chosen)))[::-1]
    flat[chosen, 1] = _inverse(tables.shift, shift[chosen, 1])
    flat[chosen, 2] = _inverse(tables.shift, shift[chosen, 0])
    flat[chosen, 3] = _inverse(2 * tables.half_width, size[chosen, 1])
    flat[chosen, 4] = _inverse(2 * tables.half_height, size[chosen, 0])
    return values


def worst_map(shape: tuple[int, int, int], tables: DecodeTables) -> Int8:
    """Every cell a candidate and no box suppressed: each is compared with all better ones."""
    rows, columns, _ = shape
    values = _background(shape, tables)
    rng = np.random.default_rng(0)
    values[..., 0] = _likely(tables, rng, rows * columns).reshape(rows, columns)
    values[..., 1:3] = _inverse(tables.shift, np.zeros(1))
    values[..., 3] = _below(2 * tables.half_width, _WIDEST_KEPT / columns)
    values[..., 4] = _below(2 * tables.half_height, _WIDEST_KEPT / rows)
    return values


def _background(shape: tuple[int, int, int], tables: DecodeTables) -> Int8:
    """A map of nothing, sure of its class; a sigmoid's output is never below 0."""
    values = np.zeros(shape, np.int8)
    values[..., 0] = np.count_nonzero(tables.objectness == 0) - 129
    if tables.class_score is not None:
        values[..., 5:] = _inverse(tables.class_score, np.ones(1))
    return values


def _likely(tables: DecodeTables, rng: np.random.Generator, count: int) -> Int8:
    """Objectness above the threshold, up to 1; the largest there is where none is."""
    likely = (tables.objectness > 1.2 * LEAST_SCORE) & (tables.objectness <= 1)
    entries = np.nonzero(likely)[0] if likely.any() else np.array([255])
    return np.asarray(rng.choice(entries, count) - 128, np.int8)


def _inverse(table: npt.NDArray[np.floating], wanted: npt.NDArray[np.floating]) -> Int8:
    """The entry nearest to each value, as the int8 that stands for it."""
    nearest = np.abs(np.asarray(table)[None, :] - np.asarray(wanted)[:, None]).argmin(axis=1)
    return np.asarray(nearest - 128, np.int8)


def _below(table: npt.NDArray[np.floating], limit: float) -> int:
    """The int8 of the largest entry that is not above a limit, or of the smallest there is."""
    return int(np.count_nonzero(table[1:] <= limit)) - 128
