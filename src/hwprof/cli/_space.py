"""``hwprof space``: the shape of a search space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup
    from hwprof.surrogates.predict import Method
    from hwprof.workflows.space_shape import Effect, InputSize, Quantiles, Share, SpaceShape

_KIB = 1024
_MOST_SIZES = 12  # lines of a table; --json has all


@click.command()
@click.argument("space", default="person-detection")
@click.option("--budget-ms", type=float, default=None, help="Limit of the predicted latency.")
@click.option(
    "--max-ram-kb", type=float, default=None, help="Limit of RAM, in units of 1024 bytes."
)
@click.option(
    "--max-flash-kb", type=float, default=None, help="Limit of flash for weights, likewise."
)
@click.option(
    "--task",
    type=click.Choice(["flops-proxy", "parameters-proxy"]),
    default="flops-proxy",
    show_default=True,
    help="Count that stands for a network's quality.",
)
@click.option(
    "--latency",
    type=click.Choice(["surrogate", "lut", "macs"]),
    default="surrogate",
    show_default=True,
    help="How a network's latency is predicted.",
)
@click.option(
    "--by", default=None, help="Parameter that divides input sizes too, as MCUNet does by width."
)
@click.option(
    "--samples",
    type=click.IntRange(2, 1_000_000),
    default=None,
    show_default="all of person-detection, 10000 of other spaces",
    help="Networks to draw where the space has more.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Folder for the plots and the JSON.",
)
@_options.bench_setup
@_options.seed
@_options.workspace
@_options.as_json
def space(
    space: str,
    *,
    budget_ms: float | None,
    max_ram_kb: float | None,
    max_flash_kb: float | None,
    task: str,
    latency: Method,
    by: str | None,
    samples: int | None,
    output: Path | None,
    setup: Setup,
    seed: int,
    workspace: Workspace,
    as_json: bool,
) -> None:
    """Show what the networks of SPACE cost, and which of its parameters matter.

    SPACE is person-detection, a TOML file (docs/SPACES.md), or a file that hwprof advise
    --emit-space wrote. Networks are counted and their latency predicted; nothing is run or
    trained. A space too large for that is sampled, and shares get a standard error.
    """
    from tqdm import tqdm

    from hwprof.search.spaces import get_space
    from hwprof.workflows.space_shape import Limits, ShapeRequest, look_at

    request = ShapeRequest(
        limits=Limits(
            budget_us=None if budget_ms is None else 1000 * budget_ms,
            ram_bytes=_bytes(max_ram_kb),
            flash_bytes=_bytes(max_flash_kb),
        ),
        task=task,
        latency=latency,
        samples=samples,
        seed=seed,
        by=by,
        setup=setup,
    )
    with tqdm(desc="space", unit=" networks", disable=None) as bar:
        shape, candidates = look_at(get_space(space), request, workspace, bar.update)
    if output is not None:
        from hwprof.workflows.space_shape.drawings import write_shape

        files = write_shape(shape, candidates, output)
    if as_json:
        print_json(shape.to_json())
        return
    print_shape(shape)
    if output is not None:
        click.echo("\n" + "\n".join(map(str, files)))


def _bytes(kib: float | None) -> float | None:
    return None if kib is None else _KIB * kib


def print_shape(shape: SpaceShape) -> None:
    """Shares, input sizes, effects and the suggestion."""
    _print_shares(shape)
    _print_sizes(shape)
    _print_effects(shape)
    check = shape.ram_check
    click.echo(
        f"\nflash is exact; RAM is counted from below, so fewer may be within its limit: of "
        f"{check.lowered} networks that were planned, {check.larger} need more than counted, at "
        f"most {check.largest_excess_percent:.1f} %\n"
        f"{shape.seconds:.1f} s, {shape.cpu_seconds:.1f} s of them computing"
    )


def _print_shares(shape: SpaceShape) -> None:
    looked = (
        f"all its networks, {shape.architectures:,}"
        if shape.is_whole
        else f"{shape.architectures:,} of {shape.space_size:,} networks, drawn at random"
    )
    click.echo(f"{shape.space}: {looked}; latency predicted by {shape.latency}\n")
    shares, limits = shape.shares, shape.limits
    latency, ram, flash = shape.latency_ms, shape.ram_bytes, shape.flash_bytes
    together = [("all limits", "", "", "", "", "", *_percent(shares.all))] if limits.within else []
    print_table(
        ("", "least", "median", "mean", "most", "limit", "% within", "standard error"),
        [
            ("latency ms", *_spread(latency, 1), *_limit(limits.budget_us, 1000, shares.latency)),
            ("RAM KiB", *_spread(ram, _KIB), *_limit(limits.ram_bytes, _KIB, shares.ram)),
            ("flash KiB", *_spread(flash, _KIB), *_limit(limits.flash_bytes, _KIB, shares.flash)),
            ("M MACs", *_spread(shape.mmacs, 1), "", "", ""),
            *together,
        ],
    )
    if shares.latency_surely and shares.latency_possibly:
        click.echo(
            f"{100 * shares.latency_surely.share:.1f} % are within the budget with all of their "
            f"latency's interval, {100 * shares.latency_possibly.share:.1f} % with some of it"
        )


def _spread(values: Quantiles, unit: float) -> tuple[float, ...]:
    least, median, most = values.deciles[0], values.deciles[5], values.deciles[-1]
    return tuple(value / unit for value in (least, median, values.mean, most))


def _limit(limit: float | None, unit: float, share: Share | None) -> tuple[object, ...]:
    return ("-", "-", "-") if limit is None or share is None else (limit / unit, *_percent(share))


def _percent(share: Share) -> tuple[object, ...]:
    return 100 * share.share, 100 * share.standard_error


def _print_sizes(shape: SpaceShape) -> None:
    cells = shape.cells.cells if shape.cells else shape.by_input_size
    densest, farthest = _marked(shape)
    ranked = sorted(cells, key=lambda size: (size.share_large, size.mmacs_80 or 0), reverse=True)
    listed = [
        size
        for place, size in enumerate(ranked)
        if place < _MOST_SIZES or size in (densest, farthest)
    ]
    by = f" and {shape.cells.parameter}" if shape.cells else ""
    click.echo(
        f"\ninput sizes{by} by their share of large networks{shape.limits.within}; large: from "
        f"{shape.large_mmacs:.1f} million MACs on, a fifth of "
        f"{'those within' if shape.limits.within else 'all'}\n"
    )
    print_table(
        (
            "input",
            "",
            "networks",
            "within",
            "% large",
            "mean M MACs",
            "80 % below",
            "top",
            "mean ms",
        ),
        [
            (
                _size_text(shape, size),
                "*" * (size == densest) + "+" * (size == farthest),
                size.architectures,
                size.meeting,
                100 * size.share_large,
                "-" if size.mmacs is None else size.mmacs.mean,
                "-" if size.mmacs_80 is None else size.mmacs_80,
                "-" if size.mmacs is None else size.mmacs.deciles[-1],
                size.latency_ms.mean,
            )
            for size in listed
        ],
    )
    if len(listed) < len(ranked):
        click.echo(f"and {len(ranked) - len(listed)} more (--json)")
    click.echo(f"\n{_densest(shape, densest)}\n{_farthest(shape, farthest)}")


def _densest(shape: SpaceShape, size: InputSize) -> str:
    """What the star means, in a sentence."""
    doubt = "" if shape.is_whole else _doubt(size)
    return (
        f"* {_size_text(shape, size)} holds the densest set of large networks: "
        f"{100 * size.share_large:.1f} % of its {size.architectures:,} have "
        f"{shape.large_mmacs:.1f} million MACs or more{shape.limits.within}{doubt}"
    )


def _doubt(size: InputSize) -> str:
    """What a sample leaves open."""
    from hwprof.workflows.space_shape import FEWEST

    if size.architectures < FEWEST:
        return f"; none has the {FEWEST} networks that it takes to tell, draw more by --samples"
    return f"; standard error {100 * size.share_large_error:.1f}, others may be as dense"


def _farthest(shape: SpaceShape, size: InputSize) -> str:
    """What the cross means, in a sentence."""
    return (
        f"+ {_size_text(shape, size)} has the farthest distribution of MACs, as MCUNet compares "
        f"spaces: 80 % of its {size.meeting:,} networks{shape.limits.within} have fewer than "
        f"{size.mmacs_80 or 0:.1f} million"
    )


def _marked(shape: SpaceShape) -> tuple[InputSize, InputSize]:
    """The densest and the farthest of what is listed."""
    if shape.cells:
        return shape.cells.densest, shape.cells.mcunet
    of = {(size.height, size.width): size for size in shape.by_input_size}
    return of[shape.choice.densest], of[shape.choice.mcunet]


def _size_text(shape: SpaceShape, size: InputSize) -> str:
    value = f" {shape.cells.parameter}={size.value}" if shape.cells else ""
    return f"{size.height}x{size.width}{value}"


def _print_effects(shape: SpaceShape) -> None:
    click.echo(f"\nwhat a parameter explains of the variance of latency and of {shape.score}\n")
    print_table(
        ("parameter", "values", "% of latency", "% of score", "least mean ms", "at", "most", "at"),
        [_effect_row(effect) for effect in (*shape.effects, *shape.dimensions)],
    )
    for found in shape.interactions:
        latency, score = found.latency_variance_share, found.score_variance_share
        click.echo(
            f"{' and '.join(found.between)} together: {100 * latency:.1f} % of latency, "
            f"{100 * score:.1f} % of score beyond their own"
        )


def _effect_row(effect: Effect) -> tuple[object, ...]:
    ordered = sorted(effect.choices, key=lambda choice: choice.latency_ms)
    return (
        effect.parameter,
        len(effect.choices),
        100 * effect.latency_variance_share,
        100 * effect.score_variance_share,
        ordered[0].latency_ms,
        str(ordered[0].value),
        ordered[-1].latency_ms,
        str(ordered[-1].value),
    )
