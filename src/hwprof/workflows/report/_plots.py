"""The report's plots, as SVG that takes its colour of text and lines from the page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from hwprof.workflows.pages import COLOURS, INK, Plot, figure, plain_ticks, plot
from hwprof.workflows.report._evaluation import LEVELS, Evaluation, coverages

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hwprof.workflows.learning_curves import LearningPoint

_COLUMNS = 4


def parity(evaluation: Evaluation) -> Plot:
    """Held-out predictions against the board, block type by block type."""
    types = evaluation.fit.types
    columns = min(_COLUMNS, len(types))
    lines = -(-len(types) // columns)
    with figure(2.7 * columns, 2.6 * lines) as drawn:
        axes = drawn.subplots(lines, columns, squeeze=False).ravel()
        for place, report in zip(axes, types, strict=False):
            held_out = report.held_out
            _parity(place, held_out.measured, held_out.predicted)
            place.set_title(f"{report.block_type}, {report.scores.mape_percent:.2f} %", fontsize=9)
        for place in axes[len(types) :]:
            place.remove()
        drawn.supxlabel(f"{evaluation.kind} cycles", fontsize=9)
        drawn.supylabel("predicted cycles, held out", fontsize=9)
        worst = max(types, key=lambda report: report.scores.mape_percent)
        count = f"{len(types)} block type{'s' if len(types) != 1 else ''}"
        says = (
            f"Predicted against {evaluation.kind} cycles of {count}, one panel "
            f"each, on logarithmic axes; points on the diagonal are exact. The largest mean error "
            f"is {worst.scores.mape_percent:.2f} percent, of {worst.block_type}."
        )
        return plot(drawn, "parity", says)


def errors(evaluation: Evaluation) -> Plot:
    """Distribution of the held-out errors of each block type."""
    types = evaluation.fit.types[::-1]
    values = [100 * (r.held_out.predicted / r.held_out.measured - 1) for r in types]
    with figure(9, 1.1 + 0.36 * len(types)) as drawn:
        place = drawn.subplots()
        boxes = place.boxplot(
            values,
            orientation="horizontal",
            whis=(5, 95),
            widths=0.6,
            patch_artist=True,
            flierprops={"marker": ".", "markersize": 3, "markeredgecolor": COLOURS[1]},
            medianprops={"color": INK},
            whiskerprops={"color": INK},
            capprops={"color": INK},
            tick_labels=[report.block_type for report in types],
        )
        for box in boxes["boxes"]:
            box.set(facecolor=COLOURS[0], alpha=0.6, edgecolor=INK)
        place.axvline(0, color=INK, linewidth=0.6)
        place.set_xlabel("prediction above the board, % (box: quartiles, whiskers: 5 to 95 %)")
        within = fmean(report.scores.within_5_percent for report in types)
        says = (
            f"Box plots of the relative error of held-out predictions for {len(types)} block "
            f"types; on average {within:.1f} percent of the rows are within 5 percent."
        )
        return plot(drawn, "errors", says)


def calibration(evaluation: Evaluation) -> Plot:
    """Coverage of intervals against the level that they promise."""
    types = evaluation.fit.types
    curves = [coverages(report.held_out) for report in types]
    mean = np.average(curves, axis=0, weights=[report.n for report in types])
    levels = 100 * np.array(LEVELS)
    with figure(5.2, 4.4) as drawn:
        place = drawn.subplots()
        place.plot([0, 100], [0, 100], color=INK, linewidth=0.8, linestyle="--", label="promised")
        for position, curve in enumerate(curves):
            label = "one block type" if position == 0 else None
            place.plot(levels, 100 * np.array(curve), color=INK, alpha=0.25, label=label)
        place.plot(levels, 100 * mean, color=COLOURS[0], marker="o", markersize=4, label="all rows")
        place.set(xlabel="level of the interval, %", ylabel="held-out rows inside, %")
        place.legend(frameon=False, labelcolor=INK, fontsize=8)
        at_90 = 100 * float(mean[LEVELS.index(0.9)])
        says = (
            f"Share of held-out rows inside intervals against the level promised; at 90 percent "
            f"{at_90:.1f} percent of all rows are inside."
        )
        return plot(drawn, "calibration", says)


def networks(evaluation: Evaluation) -> Plot:
    """Whole networks: prediction and interval against the board."""
    rows = evaluation.networks
    measured = np.array([row.latency_us for row in rows]) / 1000
    predicted = np.array([row.predicted_us for row in rows]) / 1000
    ends = np.array([(row.low_us, row.high_us) for row in rows]).T / 1000
    with figure(5.2, 4.4) as drawn:
        place = drawn.subplots()
        place.errorbar(
            measured,
            predicted,
            yerr=np.abs(ends - predicted),
            fmt="none",
            ecolor=COLOURS[0],
            alpha=0.4,
        )
        _parity(place, measured, predicted)
        place.set(xlabel=f"{evaluation.kind} ms", ylabel="predicted ms")
        error = fmean(abs(row.error_percent) for row in rows)
        says = (
            f"Predicted against {evaluation.kind} latency of {len(rows)} networks on logarithmic "
            f"axes, with intervals; the mean error is {error:.2f} percent."
        )
        return plot(drawn, "networks", says)


def learning(points: Sequence[LearningPoint]) -> Plot:
    """Error against samples and against board minutes, a line for each strategy."""
    types = sorted({point.block_type for point in points})
    strategies = sorted({point.strategy for point in points})
    with figure(9.5, 2.9 * len(types)) as drawn:
        axes = drawn.subplots(len(types), 2, squeeze=False)
        for block_type, (left, right) in zip(types, axes, strict=True):
            for colour, strategy in zip(COLOURS * len(strategies), strategies, strict=False):
                line = _mean_line(points, block_type, strategy)
                style: dict[str, Any] = {"color": colour, "marker": "o", "markersize": 3}
                left.plot(line[:, 0], line[:, 2], label=strategy, **style)
                right.plot(line[:, 1], line[:, 2], label=strategy, **style)
            left.set(title=block_type, xlabel="samples", ylabel="MAPE, % (mean of seeds)")
            right.set(title=block_type, xlabel="board minutes")
            for place in (left, right):
                place.set_ylim(bottom=0)
                place.legend(frameon=False, labelcolor=INK, fontsize=8)
        says = (
            f"Mean error against the number of samples and against board minutes for "
            f"{', '.join(strategies)} sampling of {', '.join(types)}."
        )
        return plot(drawn, "learning", says)


def _mean_line(
    points: Sequence[LearningPoint], block_type: str, strategy: str
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Samples, minutes and error, each the mean over seeds; (n, 3) by samples."""
    chosen = [p for p in points if (p.block_type, p.strategy) == (block_type, strategy)]
    chosen.sort(key=lambda point: point.n_samples)
    return np.array(
        [
            (n, *np.mean([(p.board_minutes, p.mape_percent) for p in group], axis=0))
            for n, group in groupby(chosen, key=lambda point: point.n_samples)
        ],
        dtype=np.float64,
    ).reshape(-1, 3)


def _parity(place: Axes, measured: Any, predicted: Any) -> None:
    ends = [min(measured.min(), predicted.min()), max(measured.max(), predicted.max())]
    place.plot(ends, ends, color=INK, linewidth=0.7)
    place.plot(measured, predicted, ".", markersize=4, alpha=0.7, color=COLOURS[0])
    place.set(xscale="log", yscale="log")
    plain_ticks(place.xaxis, place.yaxis)
