"""A space's shape as pictures: input sizes, distributions of MACs, effects of parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.workflows.pages import COLOURS, INK, figure, plain_ticks
from hwprof.workflows.space_shape._candidates import Candidates
from hwprof.workflows.space_shape._values import Effect, InputSize, SpaceShape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DOTS_PER_INCH = 150
_MOST_CURVES = 5
_MOST_DOTS = 20_000  # of a cloud; more are one blot
_KILO = 1000
_GREY = "#8a94a0"
_BLUE, _ORANGE, _GREEN = COLOURS[:3]


def write_shape(shape: SpaceShape, candidates: Candidates, folder: Path) -> list[Path]:
    """Write ``inputs.png``, ``macs.png``, ``effects.png`` and ``space.json``.

    Raises:
        ConfigurationError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for name, draw in (("inputs", _inputs), ("macs", _macs), ("effects", _effects)):
            files.append(folder / f"{name}.png")
            draw(shape, candidates, files[-1])
        files.append(folder / "space.json")
        text = json.dumps(shape.to_json(), indent=2, allow_nan=False)
        files[-1].write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"cannot write into {folder}: {error.strerror}; choose another --output or make room."
        ) from error
    return files


def _inputs(shape: SpaceShape, candidates: Candidates, path: Path) -> None:
    """Latency and MACs within the limits of each input size."""
    del candidates
    sizes = shape.by_input_size
    pixels = np.array([size.height * size.width for size in sizes]) / _KILO
    with figure(11, 4.6) as drawn:
        of_latency, of_macs = drawn.subplots(1, 2)
        spread = np.array([size.latency_ms.deciles for size in sizes])
        of_latency.vlines(pixels, spread[:, 0], spread[:, -1], color=_GREY, lw=1, alpha=0.6,
                          label="all networks of an input size")  # fmt: skip
        of_latency.vlines(pixels, spread[:, 1], spread[:, -2], color=_BLUE, lw=2.5, alpha=0.7,
                          label="8 of 10")  # fmt: skip
        of_latency.plot(pixels, spread[:, 5], "o", ms=3, color=INK, label="median")
        if shape.limits.budget_us is not None:
            budget_ms = shape.limits.budget_us / 1000
            of_latency.axhline(budget_ms, color=_ORANGE, lw=1.2, ls="--",
                               label=f"budget, {budget_ms:g} ms")  # fmt: skip
        of_latency.set(xlabel="pixels of the input, thousands", ylabel="predicted latency, ms")
        _densities(of_macs, shape, pixels)
        of_latency.set_ylim(bottom=0)
        of_latency.legend(frameon=False, fontsize=8, loc="upper left")
        of_macs.legend(frameon=False, fontsize=8, loc="lower right")
        for place in (of_latency, of_macs):
            place.grid(color=INK, alpha=0.12, linewidth=0.6)
            place.margins(y=0.2)
        _title(drawn, shape, "networks by input size")
        _save(drawn, path)


def _densities(place: Axes, shape: SpaceShape, pixels: np.ndarray) -> None:
    """Top, mean and 80 % of the MACs within the limits; sizes of marks are shares."""
    rows = [(x, size) for x, size in zip(pixels.tolist(), shape.by_input_size, strict=True)]
    held = [(x, size) for x, size in rows if size.mmacs is not None and size.mmacs_80 is not None]
    xs = [x for x, _ in held]
    place.plot(xs, [size.mmacs.deciles[-1] for _, size in held if size.mmacs], "v", ms=3,
               color=_GREY, label="largest within the limits")  # fmt: skip
    marks = place.scatter(
        xs,
        [size.mmacs_80 or 0.0 for _, size in held],
        c=[100 * size.share_large for _, size in held],
        s=[6 + 60 * size.share_meeting for _, size in held],
        cmap="viridis",
        label="80 % have fewer MACs; area: share within",
    )
    figure_of = place.figure
    figure_of.colorbar(marks, ax=place, label="within and large, % of the size's networks")
    for (height, width), colour, label, offset in (
        (shape.choice.densest, _ORANGE, "densest", (0, -26)),
        (shape.choice.mcunet, _GREEN, "MCUNet's reading", (0, 22)),
    ):
        x, size = next((x, s) for x, s in held if (s.height, s.width) == (height, width))
        place.annotate(
            f"{label}: {height}x{width}", (x, size.mmacs_80 or 0.0), xytext=offset,
            textcoords="offset points", ha="center", fontsize=8, color=colour,
            arrowprops={"arrowstyle": "->", "color": colour},
        )  # fmt: skip
    place.set(xlabel="pixels of the input, thousands", ylabel="million MACs within the limits")


def _macs(shape: SpaceShape, candidates: Candidates, path: Path) -> None:
    """Cumulative MACs within the limits, and MACs beside latency."""
    with figure(11, 4.6) as drawn:
        curves, cloud = drawn.subplots(1, 2)
        chosen = _chosen(shape)
        for size in shape.by_input_size:
            if size.mmacs is not None and size not in chosen:
                _curve(curves, size, color=_GREY, lw=0.5, alpha=0.35)
        for size, colour in zip(chosen, COLOURS, strict=False):
            label = f"{size.height}x{size.width}, {100 * size.share_meeting:.0f} % within"
            _curve(curves, size, color=colour, lw=1.8, label=label)
        curves.axhline(80, color=INK, lw=0.7, ls=":")
        curves.set(xlabel=f"million MACs of networks within {shape.limits}",
                   ylabel="% of those networks with fewer")  # fmt: skip
        curves.legend(frameon=False, fontsize=8, loc="upper left")
        step = -(-len(candidates) // _MOST_DOTS)
        latency_ms, mmacs = candidates.latency_us[::step] / 1000, candidates.macs[::step] / 1e6
        pixels = candidates.sizes[::step].prod(axis=1) / _KILO
        dots = cloud.scatter(mmacs, latency_ms, c=pixels, s=2, cmap="viridis", rasterized=True)
        drawn.colorbar(dots, ax=cloud, label="pixels of the input, thousands")
        if shape.limits.budget_us is not None:
            cloud.axhline(shape.limits.budget_us / 1000, color=_ORANGE, lw=1.2, ls="--")
        cloud.set(xlabel="million MACs", ylabel="predicted latency, ms")
        for place in (curves, cloud):
            place.grid(color=INK, alpha=0.12, linewidth=0.6)
        _title(drawn, shape, "distribution of MACs")
        _save(drawn, path)


def _chosen(shape: SpaceShape) -> list[InputSize]:
    """The suggested sizes, and others spread over the pixels."""
    held = [size for size in shape.by_input_size if size.mmacs is not None]
    suggested = {shape.choice.densest, shape.choice.mcunet}
    spread = np.unique(np.linspace(0, len(held) - 1, _MOST_CURVES - len(suggested)).astype(int))
    others = [held[number] for number in spread]
    return [s for s in held if (s.height, s.width) in suggested or s in others]


def _curve(place: Axes, size: InputSize, **style: object) -> None:
    if size.mmacs is not None:
        place.plot(size.mmacs.deciles, range(0, 101, 10), **style)  # type: ignore[arg-type]


def _effects(shape: SpaceShape, candidates: Candidates, path: Path) -> None:
    """Mean and deviation of latency and score at each value of each parameter."""
    del candidates
    effects = shape.effects
    with figure(max(2.6 * len(effects), 4), 5) as drawn:
        places = drawn.subplots(2, len(effects), squeeze=False, sharey="row")
        for column, effect in enumerate(effects):
            _effect(places[0, column], effect, is_latency=True)
            _effect(places[1, column], effect, is_latency=False)
            places[1, column].set_xlabel(effect.parameter)
        places[0, 0].set_ylabel("predicted latency, ms")
        places[1, 0].set_ylabel(shape.score)
        plain_ticks(places[1, 0].yaxis)
        _title(drawn, shape, "mean and standard deviation over all other parameters")
        _save(drawn, path)


def _effect(place: Axes, effect: Effect, *, is_latency: bool) -> None:
    choices = effect.choices
    means, deviations = np.array(
        [
            (c.latency_ms, c.latency_deviation_ms) if is_latency else (c.score, c.score_deviation)
            for c in choices
        ]
    ).T
    share = effect.latency_variance_share if is_latency else effect.score_variance_share
    is_number = all(isinstance(choice.value, int | float) for choice in choices)
    at = [float(choice.value) for choice in choices] if is_number else range(len(choices))
    colour = _BLUE if is_latency else _GREEN
    place.fill_between(at, means - deviations, means + deviations, color=colour, alpha=0.2, lw=0)
    place.plot(at, means, "o-", ms=3, color=colour)
    place.set_title(f"explains {100 * share:.1f} %", fontsize=9)
    place.grid(color=INK, alpha=0.12, linewidth=0.6)
    if not is_number and len(choices) <= 8:
        place.set_xticks(list(at), [str(choice.value) for choice in choices], rotation=45)


def _title(drawn: Figure, shape: SpaceShape, what: str) -> None:
    looked = f"{shape.architectures:,}{'' if shape.is_whole else ' sampled'} networks"
    drawn.suptitle(f"{shape.space}: {what}; {looked}, limits: {shape.limits}", fontsize=10)


def _save(drawn: Figure, path: Path) -> None:
    drawn.savefig(path, dpi=_DOTS_PER_INCH, metadata={"Software": None})
