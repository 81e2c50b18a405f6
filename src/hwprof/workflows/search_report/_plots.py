"""The search report's plots: what was tried, what was found, and where a frame's time goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hwprof.workflows.pages import INK, Plot, figure, plot
from hwprof.workflows.search_report._agreement import Agreement
from hwprof.workflows.search_report._values import Detector, Role, SearchReport, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, told apart with any colour vision (jfly.uni-koeln.de/color); each role
# has a marker of its own as well.
_BLUE, _ORANGE, _GREEN, _PURPLE, _GREY = "#0f82c4", "#e69f00", "#009e73", "#cc79a7", "#8a94a0"
_PART_COLOURS = (_BLUE, _ORANGE, _GREEN, _PURPLE, _GREY, "#56b4e9", "#d55e00")
_PERCENT = 100.0
_MILLI = 1000.0
_WIDTH = 11  # inches; the page is as wide


@dataclass(frozen=True, slots=True)
class _Look:
    colour: str
    marker: str
    size: float
    label: str


_LOOKS: dict[Role, _Look] = {
    "seed": _Look(_ORANGE, "*", 15, "seed"),
    "winner": _Look(_GREEN, "D", 7.5, "winners"),
    "baseline": _Look(_PURPLE, "s", 6.5, "baseline: the seed's head, smaller input only"),
}


def tried(report: SearchReport) -> Plot:
    """The trials and their front, as the search saw them."""
    trials = report.trials
    with figure(_WIDTH, 5) as drawn:
        place = drawn.subplots()
        kind = " or ".join(sorted({trial.kind for trial in trials}))
        beaten = [trial for trial in trials if not trial.on_front]
        front = sorted((t for t in trials if t.on_front), key=lambda t: t.latency_us)
        _dots(place, beaten, color=_GREY, marker="o", ms=4.5, alpha=0.65, ls="", label="trials")
        _dots(
            place, front, color=_BLUE, marker="o", ms=6, lw=1.4, drawstyle="steps-post",
            label="front of the trials",
        )  # fmt: skip
        _exhaustive(place, report)
        if report.seed_trial is not None:
            look = _LOOKS["seed"]
            _dots(
                place, [report.seed_trial], color=look.colour, marker=look.marker, ms=look.size,
                ls="", label=look.label, markeredgecolor=INK, markeredgewidth=0.5,
            )  # fmt: skip
        _budget(place, report)
        place.set(xlabel=f"{kind} latency, ms", ylabel="AP50 of the int8 network, %")
        place.grid(color=INK, alpha=0.12, linewidth=0.6)
        _legend(drawn)
        says = (
            f"Int8 AP50 against {kind} latency of {len(trials)} different detectors of "
            f"{report.n_trials} trials, each trained once and judged on the "
            f"{report.protocol.select_pictures} pictures that the search selects on; "
            f"{len(front)} are on the front."
        )
        return plot(drawn, "tried", says)


def found(report: SearchReport) -> Plot:
    """Seed, winners and baselines as they are reported, with intervals."""
    with figure(_WIDTH, 4.8) as drawn:
        place = drawn.subplots()
        for role, look in _LOOKS.items():
            rows = sorted(
                (row for row in report.detectors if row.role == role),
                key=lambda row: row.board.latency_us,
            )
            if rows:
                _with_intervals(place, rows, look)
        _baseline_line(place, report)
        _budget(place, report)
        _names(place, report)
        place.set(
            xlabel=f"{report.board_kind} latency, ms",
            ylabel=f"AP50 of the int8 network, %\n(bars: {report.protocol.level_percent:.0f} %)",
        )
        place.margins(x=0.12)
        place.grid(color=INK, alpha=0.12, linewidth=0.6)
        _legend(drawn)
        seeds = len(report.protocol.seeds)
        says = (
            f"Int8 AP50 against {report.board_kind} latency of the seed, {len(report.winners)} "
            f"winners and {len(report.baselines)} baselines, each the mean of {seeds} trainings on "
            f"the {report.protocol.report_pictures} pictures kept for this report; bars are "
            f"{report.protocol.level_percent:.0f} % bootstrap intervals "
            "over pictures and trainings."
        )
        return plot(drawn, "found", says)


def ranks(report: SearchReport, compared: Agreement) -> Plot:
    """Float against int8 precision of the trials."""
    pairs = [(t.ap50_float, t.ap50_int8) for t in report.trials if t.ap50_float is not None]
    values = _PERCENT * np.array(pairs, dtype=np.float64)
    with figure(4.9, 4.4) as drawn:
        place = drawn.subplots()
        ends = [float(values.min()) - 1, float(values.max()) + 1]
        place.plot(ends, ends, color=INK, linewidth=0.8, linestyle="--", label="equal")
        place.plot(values[:, 0], values[:, 1], "o", ms=4.5, alpha=0.7, color=_BLUE, label="trials")
        place.set(xlabel="AP50 of the float network, %", ylabel="AP50 of the int8 network, %")
        place.set_aspect("equal")
        place.grid(color=INK, alpha=0.12, linewidth=0.6)
        place.legend(frameon=False, labelcolor=INK, fontsize=8, loc="upper left")
        says = (
            f"Int8 against float AP50 of {compared.n} trials; Kendall's tau is "
            f"{compared.kendall_tau.value:.2f}."
        )
        return plot(drawn, "ranks", says)


def frames(rows: Sequence[Detector]) -> Plot:
    """Where the time of a whole frame goes, a bar for each detector."""
    names = list(dict.fromkeys(part.name for row in rows for part in row.frame))
    with figure(_WIDTH, 1.4 + 0.45 * len(rows)) as drawn:
        place = drawn.subplots()
        labels = [row.label for row in rows]
        left = np.zeros(len(rows))
        for position, name in enumerate(names):
            widths = [
                sum(part.latency_us for part in row.frame if part.name == name) / _MILLI
                for row in rows
            ]
            place.barh(
                labels, widths, left=left, height=0.6, label=name, linewidth=0,
                color=_PART_COLOURS[position % len(_PART_COLOURS)],
            )  # fmt: skip
            left += widths
        for label, row, end in zip(labels, rows, left, strict=True):
            place.annotate(
                f"{end:.1f} ms, {1e6 / row.frame_us:.1f} frames/s",
                (end, label), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8,
            )  # fmt: skip
        place.invert_yaxis()
        place.margins(x=0.22)
        place.set_xlim(left=0)
        place.set_xlabel("ms for a frame")
        _legend(drawn)
        says = "Time of a whole frame by part: " + "; ".join(
            f"{row.label} {row.frame_us / _MILLI:.1f} ms" for row in rows
        )
        return plot(drawn, "frames", f"{says}.")


def _dots(place: Axes, trials: Sequence[Trial], **style: Any) -> None:
    if trials:
        place.plot(
            [trial.latency_us / _MILLI for trial in trials],
            [_PERCENT * trial.ap50_int8 for trial in trials],
            **style,
        )


def _exhaustive(place: Axes, report: SearchReport) -> None:
    if report.exhaustive:
        place.plot(
            [point.latency_us / _MILLI for point in report.exhaustive],
            [_PERCENT * point.score for point in report.exhaustive],
            color=_PURPLE, lw=1.2, ls=(0, (5, 2)), drawstyle="steps-post",
            label=f"front of the whole space, {report.exhaustive_score}",
        )  # fmt: skip


def _budget(place: Axes, report: SearchReport) -> None:
    if report.budget_us is not None:
        milliseconds = report.budget_us / _MILLI
        label = f"budget, {milliseconds:g} ms"
        place.axvline(milliseconds, color=INK, linewidth=1, linestyle=":", label=label)


def _with_intervals(place: Axes, rows: Sequence[Detector], look: _Look) -> None:
    values = np.array([(r.ap50_int8.low, r.ap50_int8.value, r.ap50_int8.high) for r in rows]).T
    low, value, high = _PERCENT * values
    place.errorbar(
        [row.board.latency_us / _MILLI for row in rows],
        value,
        yerr=[np.maximum(value - low, 0), np.maximum(high - value, 0)],
        fmt=look.marker, color=look.colour, ms=look.size, capsize=3, lw=1.1, label=look.label,
        markeredgecolor=INK, markeredgewidth=0.5,
    )  # fmt: skip


def _baseline_line(place: Axes, report: SearchReport) -> None:
    """What shrinking the input alone would give: from the seed through its smaller inputs."""
    rows = sorted((report.seed, *report.baselines), key=lambda row: row.board.latency_us)
    place.plot(
        [row.board.latency_us / _MILLI for row in rows],
        [_PERCENT * row.ap50_int8.value for row in rows],
        color=_PURPLE, lw=1, ls="--", zorder=0,
    )  # fmt: skip


def _names(place: Axes, report: SearchReport) -> None:
    """Labels beside the points, on the side where no bar is."""
    for row in report.detectors:
        place.annotate(
            row.label,
            (row.board.latency_us / _MILLI, _PERCENT * row.ap50_int8.value),
            xytext=(8, 6), textcoords="offset points", fontsize=8,
        )  # fmt: skip


def _legend(drawn: Figure) -> None:
    """Below the axes, where it covers no point."""
    drawn.legend(loc="outside lower center", ncols=7, frameon=False, labelcolor=INK, fontsize=8)
