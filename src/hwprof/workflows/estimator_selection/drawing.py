"""A ranking of strategies as a picture: how well each ranks, beside what it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.files import try_writing
from hwprof.search.performance import Kind
from hwprof.search.selection import CostRow, Ranking, Scored, full_training
from hwprof.workflows.estimator_selection._point_labels import Label, label_points
from hwprof.workflows.pages import COLOURS, INK, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE_IN = (12, 7)
_DOTS_PER_INCH = 150
_STEPS = (1, 2, 5)
_GREY = "#5d6670"
# Neither has a date or a version, so that equal rankings give equal files.
_METADATA = {".png": {"Software": None}, ".svg": {"Date": None, "Creator": None}}


@dataclass(frozen=True, slots=True)
class _Style:
    """How strategies of a kind are drawn: shapes tell them apart where colours do not."""

    colour: str
    marker: str


_STYLES: dict[Kind, _Style] = {
    "count": _Style(COLOURS[1], "s"),
    "zero-cost": _Style(COLOURS[0], "o"),
    "learning-curve": _Style(COLOURS[3], "^"),
    "model-based": _Style(COLOURS[2], "D"),
}


def require_drawable(path: Path) -> None:
    """Refuse a file that could not be drawn, before what is drawn is computed.

    Raises:
        ConfigurationError: neither PNG nor SVG, or a place that cannot be written.
    """
    if path.suffix.lower() not in _METADATA:
        raise ConfigurationError(
            f"a plot is a .png or .svg file; got {path}; give it one of these endings."
        )
    try:
        try_writing(path)
    except OSError as error:
        raise _unwritable(path, error) from error


def draw_strategies(ranking: Ranking, path: Path) -> None:
    """Draw tau of every strategy, and the same against the seconds of a query and of a search.

    A strategy that was not scored is named below the title.

    Args:
        path: a ``.png`` or ``.svg``; one that is there is replaced.

    Raises:
        ConfigurationError: it cannot be written, or is neither.
    """
    import matplotlib as mpl

    require_drawable(path)
    with figure(*_SIZE_IN) as drawn, mpl.rc_context({"svg.hashsalt": "strategies"}):
        _draw(drawn, ranking)
        try:
            suffix = path.suffix.lower()
            drawn.savefig(path, dpi=_DOTS_PER_INCH, metadata=_METADATA[suffix])
        except OSError as error:
            raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"cannot write {path}: {error.strerror}; choose another place or make room."
    )


def _draw(drawn: Figure, ranking: Ranking) -> None:
    """Three panels, and what is not in them."""
    rows = ranking.scored
    names, queries, searches = drawn.subplots(1, 3, width_ratios=(0.8, 1, 1))
    query_s = [row.query_s for row in rows]
    search_s = [ranking.search_s(row) + ranking.after_s(row) for row in rows]
    _names(names, rows, ranking)
    _queries(queries, rows, query_s)
    _searches(searches, rows, search_s, full_training(ranking.prices))
    _legend(drawn, rows)
    drawn.suptitle(
        f"performance strategies: rank correlation with {ranking.n_samples} fully trained "
        f"designs, and cost{_absent(ranking)}",
        fontsize=10,
    )
    drawn.draw_without_rendering()  # numbers are placed in the layout as it will be
    _number(queries, rows, query_s)
    _number(searches, rows, search_s)


def _names(place: Axes, rows: Sequence[Scored], ranking: Ranking) -> None:
    """Every strategy by its name, with its interval; the first on top."""
    for height, row in enumerate(rows):
        style = _style(row)
        place.hlines(height, row.tau.low, row.tau.high, color=style.colour, lw=1.6)
        _mark(place, row, row.tau.value, height)
    place.axvline(0, color=_GREY, lw=0.8)
    place.set_yticks(
        range(len(rows)),
        [f"{row.strategy.title}  {number}" for number, row in enumerate(rows, start=1)],
    )
    for label, row in zip(place.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row == ranking.chosen else "normal")
        label.set_color(_style(row).colour)
    place.set(
        ylim=(len(rows) - 0.4, -0.6),
        xlabel="Kendall's tau-b, 95 % bootstrap interval",
    )
    place.set_title("measured on the samples; bold: chosen", fontsize=9)
    place.grid(axis="x", color=INK, alpha=0.12, linewidth=0.6)


def _queries(place: Axes, rows: Sequence[Scored], seconds: Sequence[float]) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    _against(place, rows, seconds)
    place.set_title("against one query: seconds measured", fontsize=9)
    place.set_xlabel("one query of one design")
    place.set_xlim(*_rounded_out(seconds, (1,), room=0.5))
    place.xaxis.set_major_locator(LogLocator(numticks=6))
    place.xaxis.set_major_formatter(EngFormatter(unit="s"))
    place.xaxis.set_minor_formatter(NullFormatter())


def _searches(place: Axes, rows: Sequence[Scored], seconds: Sequence[float], full: CostRow) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    _against(place, rows, seconds)
    place.axvline(full.total_s, color=INK, lw=1, ls="--")
    place.annotate(
        f"full training, {full.queries} trials: {full.total_s:,.0f} s ({full.origin})",
        (full.total_s, 0.01), (-3, 0), xycoords=("data", "axes fraction"),
        textcoords="offset points", rotation=90, ha="right", va="bottom", fontsize=8,
    )  # fmt: skip
    place.set_title("against stage two: seconds extrapolated", fontsize=9)
    place.set_xlabel("seconds of search and short list")
    place.set_xlim(*_rounded_out([*seconds, full.total_s], _STEPS, room=0.9))
    place.xaxis.set_major_locator(LogLocator(subs=_STEPS))
    place.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    place.xaxis.set_minor_formatter(NullFormatter())


def _against(place: Axes, rows: Sequence[Scored], seconds: Sequence[float]) -> None:
    """Tau with its interval against seconds, on a logarithmic axis."""
    for row, at_s in zip(rows, seconds, strict=True):
        place.vlines(at_s, row.tau.low, row.tau.high, color=_style(row).colour, lw=0.7, alpha=0.35)
        _mark(place, row, at_s, row.tau.value)
    place.axhline(0, color=_GREY, lw=0.8)
    place.set(xscale="log", ylabel="Kendall's tau-b")
    place.grid(color=INK, alpha=0.12, linewidth=0.6)


def _rounded_out(
    values: Sequence[float], steps: tuple[int, ...], *, room: float
) -> tuple[float, float]:
    """Ends of a logarithmic axis around positive values, both of them ticks.

    Args:
        room: factor below 1 that the outermost values stay away from the ends.
    """
    low, high = room * min(values), max(values) / room
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    below = max(tick for tick in ticks if tick <= low)
    return below, min(tick for tick in ticks if tick >= high)


def _number(place: Axes, rows: Sequence[Scored], seconds: Sequence[float]) -> None:
    """The numbers that the names have, beside the points."""
    at = np.array([(at_s, row.tau.value) for at_s, row in zip(seconds, rows, strict=True)])
    labels = [Label(str(n), _style(row).colour) for n, row in enumerate(rows, start=1)]
    label_points(place, at.reshape(-1, 2), labels)


def _mark(place: Axes, row: Scored, x: float, y: float) -> None:
    style = _style(row)
    face = style.colour if row.is_top else "white"
    place.plot(x, y, style.marker, ms=6, mfc=face, mec=style.colour, mew=1.2, zorder=3)


def _legend(drawn: Figure, rows: Sequence[Scored]) -> None:
    from matplotlib.lines import Line2D

    kinds = {row.strategy.kind for row in rows}
    marks = [
        Line2D([], [], ls="", marker=style.marker, color=style.colour, label=kind)
        for kind, style in _STYLES.items()
        if kind in kinds
    ]
    for label, face in (("top group: may be the best", _GREY), ("behind the best", "white")):
        marks.append(Line2D([], [], ls="", marker="o", mfc=face, mec=_GREY, label=label))
    drawn.legend(handles=marks, loc="outside lower center", ncols=len(marks), frameon=False)


def _absent(ranking: Ranking) -> str:
    """Who is in no panel, on a line of its own."""
    unscored = ", ".join(one.strategy.title for one in ranking.unscored)
    return f"\nnot scored: {unscored}" if unscored else ""


def _style(row: Scored) -> _Style:
    return _STYLES[row.strategy.kind]
