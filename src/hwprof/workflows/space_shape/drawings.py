"""A space's shape as pictures: input sizes, distributions of MACs, effects of parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.workflows.pages import COLOURS, INK, figure, plain_ticks
from hwprof.workflows.space_shape._candidates import Candidates
from hwprof.workflows.space_shape._effect_drawing import draw_effect
from hwprof.workflows.space_shape._sizes import FEWEST
from hwprof.workflows.space_shape._values import InputSize, SpaceShape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

_DOTS_PER_INCH = 150
_SIZE_IN = (9.6, 4.4)
_MOST_DOTS = 20_000  # of a cloud; more are one blot
_MOST_EFFECTS = 6  # beside each other
_KILO = 1000
_GREY = "#8a94a0"
_BLUE, _ORANGE = COLOURS[:2]
_PIXELS = "pixels of the input, thousands"


def write_shape(shape: SpaceShape, candidates: Candidates, folder: Path) -> list[Path]:
    """Write ``inputs.png``, ``macs.png``, ``effects.png`` and ``space.json``.

    Raises:
        ConfigurationError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / name for name in ("inputs.png", "macs.png", "effects.png", "space.json")]
        inputs, macs, effects, document = files
        _inputs(shape, inputs)
        _macs(shape, candidates, macs)
        _effects(shape, effects)
        text = json.dumps(shape.to_json(), indent=2, allow_nan=False)
        document.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"cannot write into {folder}: {error.strerror}; choose another --output or make room."
        ) from error
    return files


def _inputs(shape: SpaceShape, path: Path) -> None:
    """Latency of each input size's networks, and the MACs of those within the limits."""
    with figure(*_SIZE_IN) as drawn:
        of_latency, of_macs = drawn.subplots(1, 2)
        _latencies(of_latency, shape)
        _densities(of_macs, shape)
        for place in (of_latency, of_macs):
            place.grid(color=INK, alpha=0.12, linewidth=0.6)
        _title(drawn, shape, "networks by input size")
        _save(drawn, path)


def _latencies(place: Axes, shape: SpaceShape) -> None:
    sizes = shape.by_input_size
    pixels = [_kilopixels(size) for size in sizes]
    spread = np.array([size.latency_ms.deciles for size in sizes])
    place.vlines(pixels, spread[:, 0], spread[:, -1], color=_GREY, lw=1, alpha=0.6,
                 label="all networks of an input size")  # fmt: skip
    place.vlines(pixels, spread[:, 1], spread[:, -2], color=_BLUE, lw=2.5, alpha=0.7,
                 label="8 of 10")  # fmt: skip
    place.plot(pixels, spread[:, 5], "o", ms=3, color=INK, label="median")
    _budget(place, shape)
    place.set(xlabel=_PIXELS, ylabel="predicted latency, ms", ylim=(0, 1.35 * spread.max()))
    place.legend(frameon=False, fontsize=8, loc="upper left")


def _densities(place: Axes, shape: SpaceShape) -> None:
    """MACs that 80 % of those within stay below, coloured by the share of large ones."""
    held = [(_kilopixels(size), size, *reach) for size in shape.by_input_size
            for reach in _reach(size)]  # fmt: skip
    pixels, sizes, mmacs_80, most = zip(*held, strict=True)
    place.plot(pixels, most, "v", ms=3, color=_GREY, label="the largest within")
    marks = place.scatter(
        pixels,
        mmacs_80,
        c=[100 * size.share_large for size in sizes],
        s=[8 + 60 * size.share_meeting for size in sizes],
        cmap=_colours(),
        label="80 % of those within have fewer; area: share within",
    )
    place.figure.colorbar(marks, ax=place, label="within and large, % of the size's networks")
    for chosen in _suggested(shape):
        at = _kilopixels(chosen.size), chosen.size.mmacs_80 or 0.0
        place.plot(*at, chosen.marker, ms=9, ls="", color=_ORANGE, mec=INK, mew=0.6,
                   label=chosen.label)  # fmt: skip
    low, high = min(mmacs_80), max(most)
    room = max(high - low, 0.1 * high)
    place.set(xlabel=_PIXELS, ylabel="million MACs", ylim=(low - 0.75 * room, high + 0.1 * room))
    place.legend(frameon=False, fontsize=8, loc="lower right")


def _reach(size: InputSize) -> Iterator[tuple[float, float]]:
    """Millions of MACs of those within, 80 % and most; nothing where there is none."""
    if size.mmacs is not None and size.mmacs_80 is not None:
        yield size.mmacs_80, size.mmacs.deciles[-1]


@dataclass(frozen=True, slots=True)
class _Suggested:
    """An input size that suggests itself, and how it is drawn."""

    size: InputSize
    says: str
    marker: str
    line: str
    colour: str

    @property
    def label(self) -> str:
        return f"{self.says}: {self.size.height}x{self.size.width}"


def _suggested(shape: SpaceShape) -> list[_Suggested]:
    """The densest and MCUNet's, which may be one."""
    of = {(size.height, size.width): size for size in shape.by_input_size}
    densest, farthest = of[shape.choice.densest], of[shape.choice.mcunet]
    if densest == farthest:
        return [_Suggested(densest, "densest, and MCUNet's reading", "*", "-", INK)]
    return [
        _Suggested(densest, "densest", "*", "-", INK),
        _Suggested(farthest, "MCUNet's reading", "P", "--", _ORANGE),
    ]


def _macs(shape: SpaceShape, candidates: Candidates, path: Path) -> None:
    """Cumulative MACs within the limits, and MACs beside latency."""
    with figure(*_SIZE_IN) as drawn:
        curves, cloud = drawn.subplots(1, 2)
        _curves(curves, shape)
        _cloud(cloud, shape, candidates)
        for place in (curves, cloud):
            place.grid(color=INK, alpha=0.12, linewidth=0.6)
        _title(drawn, shape, "distribution of MACs")
        _save(drawn, path)


def _curves(place: Axes, shape: SpaceShape) -> None:
    """A curve for each input size of which enough is within; suggested ones stand out."""
    from matplotlib.cm import ScalarMappable

    suggested = _suggested(shape)
    own = [chosen.size for chosen in suggested]
    sizes = [s for s in shape.by_input_size if s.meeting >= FEWEST or s in own]
    colours = ScalarMappable(cmap=_colours())
    pixels = np.array([_kilopixels(size) for size in sizes])
    colours.set_array(pixels)
    colours.autoscale()
    for size, colour in zip(sizes, colours.to_rgba(pixels), strict=True):
        _curve(place, size, color=colour, lw=0.8)
    for chosen in suggested:
        _curve(place, chosen.size, color=chosen.colour, lw=2, ls=chosen.line, ms=9,
               marker=chosen.marker, markevery=[8], mfc=_ORANGE, mec=INK, mew=0.6,
               label=chosen.label)  # fmt: skip
    place.axhline(80, color=INK, lw=0.7, ls=":")
    place.set(
        xlabel=f"million MACs of networks{shape.limits.within}",
        ylabel="% of an input size's networks within that have fewer",
        ylim=(0, 113 + 7 * len(suggested)),
        yticks=range(0, 101, 20),
    )
    place.legend(frameon=False, fontsize=8, loc="upper left", title_fontsize=8, alignment="left",
                 title="at 80 %: the farther right, the more large ones")  # fmt: skip
    if len(sizes) > 1:
        place.figure.colorbar(colours, ax=place, label=_PIXELS)


def _curve(place: Axes, size: InputSize, **style: Any) -> None:
    if size.mmacs is not None:
        place.plot(size.mmacs.deciles, range(0, 101, 10), **style)


def _cloud(place: Axes, shape: SpaceShape, candidates: Candidates) -> None:
    step = -(-len(candidates) // _MOST_DOTS)
    latency_ms, mmacs = candidates.latency_us[::step] / _KILO, candidates.macs[::step] / 1e6
    pixels = candidates.sizes[::step].prod(axis=1) / _KILO
    area = 2 if len(mmacs) > _KILO else 14
    dots = place.scatter(mmacs, latency_ms, c=pixels, s=area, cmap=_colours(), rasterized=True)
    _budget(place, shape)
    place.set(xlabel="million MACs", ylabel="predicted latency, ms")
    if shape.limits.budget_us is not None:
        place.legend(frameon=False, fontsize=8, loc="upper left")
    if len(shape.by_input_size) > 1:
        place.figure.colorbar(dots, ax=place, label=_PIXELS)


def _effects(shape: SpaceShape, path: Path) -> None:
    """Mean and deviation of latency and score at each value of each parameter."""
    effects = sorted(shape.effects, key=lambda effect: -effect.latency_variance_share)
    drawn_effects = [one for one in shape.effects if one in effects[:_MOST_EFFECTS]]
    left_out = len(effects) - len(drawn_effects)
    with figure(max(2.1 * len(drawn_effects), 5), 4.6) as drawn:
        places = drawn.subplots(2, len(drawn_effects), squeeze=False, sharey="row")
        for column, effect in enumerate(drawn_effects):
            draw_effect(places[0, column], effect, is_latency=True)
            draw_effect(places[1, column], effect, is_latency=False)
            places[1, column].set_xlabel(effect.parameter)
        places[0, 0].set_ylabel("predicted latency, ms")
        places[1, 0].set_ylabel(f"counted {shape.score}")
        plain_ticks(places[1, 0].yaxis)
        others = f"; {left_out} more explain less" if left_out else ""
        _title(drawn, shape, f"mean and deviation, share of the variance explained{others}")
        _save(drawn, path)


def _kilopixels(size: InputSize) -> float:
    return size.height * size.width / _KILO


def _budget(place: Axes, shape: SpaceShape) -> None:
    if shape.limits.budget_us is not None:
        budget_ms = shape.limits.budget_us / _KILO
        place.axhline(budget_ms, color=_ORANGE, lw=1.2, ls="--", label=f"budget, {budget_ms:g} ms")


def _colours() -> Colormap:
    """Viridis, alike for all eyes and in grey, without the yellow that paper swallows."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["viridis"](np.linspace(0, 0.9, 256)))


def _title(drawn: Figure, shape: SpaceShape, what: str) -> None:
    looked = f"{shape.architectures:,} networks"
    if not shape.is_whole:
        looked += f" drawn of {shape.space_size:,}"
    drawn.suptitle(
        f"{shape.space}: {what}\n{looked}; limits: {shape.limits}; latency predicted, MACs counted",
        fontsize=9,
    )


def _save(drawn: Figure, path: Path) -> None:
    drawn.savefig(path, dpi=_DOTS_PER_INCH, metadata={"Software": None})
