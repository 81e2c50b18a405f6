"""What ``hwprof space`` prints."""

from __future__ import annotations

from collections.abc import Sequence

import click

from hwprof.cli._output import print_table
from hwprof.workflows.space_shape import (
    DECIMALS,
    FEWEST,
    Effect,
    InputSize,
    Quantiles,
    Share,
    SpaceShape,
)

_KIB = 1024
_MOST_SIZES = 12  # lines of a table; --json has all
_MOST_NAMED = 3  # in a sentence, likewise


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
    dense, far = _marked(shape)
    ranked = sorted(cells, key=lambda size: (size.share_large, size.mmacs_80 or 0), reverse=True)
    listed = [
        size
        for place, size in enumerate(ranked)
        if place < _MOST_SIZES or size in (dense[0], far[0])
    ]
    by = f" and {shape.cells.parameter}" if shape.cells else ""
    click.echo(
        f"\ninput sizes{by} by their share of large networks{shape.limits.within}; large: from "
        f"{shape.large_mmacs:.{DECIMALS}f} million MACs on, a fifth of "
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
                "*" * (size in dense) + "+" * (size in far),
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
    click.echo(f"\n{_densest(shape, dense)}\n{_farthest(shape, far)}")


def _densest(shape: SpaceShape, sizes: Sequence[InputSize]) -> str:
    """What the star means, in a sentence."""
    size, *others = sizes
    doubt = "" if shape.is_whole else _doubt(size)
    return (
        f"* {_size_text(shape, size)} holds the densest set of large networks: "
        f"{100 * size.share_large:.{DECIMALS}f} % of its {size.architectures:,} have "
        f"{shape.large_mmacs:.{DECIMALS}f} million MACs or more{shape.limits.within}"
        f"{_likewise(shape, 'as dense', others)}{doubt}"
    )


def _doubt(size: InputSize) -> str:
    """What a sample leaves open."""
    if size.architectures < FEWEST:
        return f"; none has the {FEWEST} networks that it takes to tell, draw more by --samples"
    return f"; standard error {100 * size.share_large_error:.1f}, others may be as dense"


def _farthest(shape: SpaceShape, sizes: Sequence[InputSize]) -> str:
    """What the cross means, in a sentence."""
    size, *others = sizes
    return (
        f"+ {_size_text(shape, size)} has the farthest distribution of MACs, as MCUNet compares "
        f"spaces: 80 % of its {size.meeting:,} networks{shape.limits.within} have fewer than "
        f"{size.mmacs_80 or 0:.{DECIMALS}f} million{_likewise(shape, 'as far', others)}"
    )


def _likewise(shape: SpaceShape, what: str, sizes: Sequence[InputSize]) -> str:
    """The sizes of which a sentence is as true, some of them by name."""
    if not sizes:
        return ""
    names = [_size_text(shape, size) for size in sizes[:_MOST_NAMED]]
    more = len(sizes) - len(names)
    return f"; {what}: {', '.join(names)}" + (f" and {more:,} more" if more else "")


def _marked(shape: SpaceShape) -> tuple[list[InputSize], list[InputSize]]:
    """The densest and the farthest of what is listed, each with those that equal it."""
    if shape.cells:
        cells = shape.cells
        return [cells.densest, *cells.as_dense], [cells.mcunet, *cells.as_far]
    of = {(size.height, size.width): size for size in shape.by_input_size}
    choice = shape.choice
    dense, far = (choice.densest, *choice.as_dense), (choice.mcunet, *choice.as_far)
    return [of[one] for one in dense], [of[one] for one in far]


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
