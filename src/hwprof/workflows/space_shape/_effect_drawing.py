"""One parameter's effect as a curve: means and standard deviations at its values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwprof.workflows.pages import COLOURS, INK
from hwprof.workflows.space_shape._candidates import FloatArray
from hwprof.workflows.space_shape._values import ChoiceEffect, Effect

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_VALUES = 40
"""Values of a parameter that are drawn one by one; more are drawn as groups of neighbours."""
GROUPS = 20
_MOST_TICKS = 8
_LABEL_CHARACTERS = 14
_BLUE, _GREEN = COLOURS[0], COLOURS[2]


def draw_effect(place: Axes, effect: Effect, *, is_latency: bool) -> None:
    """Draw means and deviations of latency in ms, or of the score."""
    at, means, deviations = curve_of(effect, is_latency=is_latency)
    share = effect.latency_variance_share if is_latency else effect.score_variance_share
    colour = _BLUE if is_latency else _GREEN
    if len(at) > 1:
        ends = means - deviations, means + deviations
        place.fill_between(at, *ends, color=colour, alpha=0.25, lw=0)
    place.plot(at, means, "o-" if is_latency else "s-", ms=3, color=colour)
    place.set_title(f"explains {100 * share:.1f} %", fontsize=9)
    place.grid(color=INK, alpha=0.12, linewidth=0.6)
    _ticks(place, effect)


def curve_of(effect: Effect, *, is_latency: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Where a parameter's values are drawn, and means and standard deviations there, (n,) each.

    Numbers are drawn where they are, words one after the other. Of more than ``MOST_VALUES``
    numbers neighbours are pooled, because one value's mean then rests on few networks.
    """
    rows = [_row(choice, is_latency=is_latency) for choice in effect.choices]
    counts, means, deviations = np.array(rows, np.float64).T
    if not _is_numbers(effect):
        return np.arange(len(rows), dtype=np.float64), means, deviations
    at = np.array([float(choice.value) for choice in effect.choices])
    if len(rows) <= MOST_VALUES:
        return at, means, deviations
    edges = np.linspace(at.min(), at.max(), GROUPS + 1)[1:-1]
    _, group = np.unique(np.searchsorted(edges, at, side="right"), return_inverse=True)
    pooled = np.bincount(group, counts)

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(group, counts * values) / pooled)

    centres = mean(means)
    spread = mean(deviations**2 + (means - centres[group]) ** 2)
    return mean(at), centres, np.sqrt(spread)


def _row(choice: ChoiceEffect, *, is_latency: bool) -> tuple[float, float, float]:
    if is_latency:
        return choice.architectures, choice.latency_ms, choice.latency_deviation_ms
    return choice.architectures, choice.score, choice.score_deviation


def _is_numbers(effect: Effect) -> bool:
    return all(isinstance(choice.value, int | float) for choice in effect.choices)


def _ticks(place: Axes, effect: Effect) -> None:
    """Few enough to be read."""
    labels = [str(choice.value) for choice in effect.choices]
    if _is_numbers(effect):
        place.locator_params(axis="x", nbins=5)
        if len(labels) <= _MOST_TICKS // 2:
            place.set_xticks([float(label) for label in labels], labels)
        return
    step = -(-len(labels) // _MOST_TICKS)
    short = [
        label if len(label) <= _LABEL_CHARACTERS else label[: _LABEL_CHARACTERS - 1] + "\u2026"
        for label in labels
    ]
    place.set_xticks(range(0, len(labels), step), short[::step], rotation=45, ha="right")
