"""Where labels of points go, so that they hide neither each other nor a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwprof.search.estimators import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLEAR = 10.0
"""Points (1/72 inch) that a label and whatever is nearest to it lie apart."""
_RINGS = (9.0, 14.0, 20.0, 27.0)
_ADJACENT = 15.0
_DIRECTIONS = 16
_POINTS_PER_INCH = 72


def label_offsets(points: FloatArray) -> FloatArray:
    """Offsets of labels from their points, chosen one after the other.

    A label takes the nearest place that is clear of all points and of the labels before it, or
    else the clearest there is.

    Args:
        points: (n, 2) in points of 1/72 inch.

    Returns:
        (n, 2) in the same unit.
    """
    angles = np.linspace(0, 2 * np.pi, _DIRECTIONS, endpoint=False)
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    offsets = np.concatenate([ring * around for ring in _RINGS])
    taken = points
    chosen = np.empty_like(points)
    for number, point in enumerate(points):
        apart = np.abs((point + offsets)[:, None] - taken).max(axis=2).min(axis=1)
        # The first of the clearest, which is the nearest where several are clear.
        chosen[number] = offsets[np.minimum(apart, CLEAR - 1e-6).argmax()]
        taken = np.vstack([taken, point + chosen[number]])
    return chosen


@dataclass(frozen=True, slots=True)
class Label:
    """A short text in a colour."""

    text: str
    colour: str


def label_points(place: Axes, at: FloatArray, labels: Sequence[Label]) -> None:
    """Write short labels beside points, with a line where one is far from its own.

    Args:
        place: its figure's layout is final: offsets are chosen in what is seen.
        at: (n, 2) in data coordinates.
    """
    dots_per_inch = place.get_figure(root=True).dpi  # type: ignore[union-attr]
    points = place.transData.transform(at) * _POINTS_PER_INCH / dots_per_inch
    offsets = label_offsets(points)
    for label, point, offset in zip(labels, at, offsets, strict=True):
        lead = {"arrowstyle": "-", "color": label.colour, "lw": 0.5, "shrinkA": 0, "shrinkB": 3}
        place.annotate(
            label.text, point, offset, textcoords="offset points", ha="center", va="center",
            fontsize=8, color=label.colour, annotation_clip=False,
            arrowprops=lead if np.hypot(*offset) > _ADJACENT else None,
        )  # fmt: skip
