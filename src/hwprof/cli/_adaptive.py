"""``hwprof profile --adaptive``: its options as one budget, and what it prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING

import click

from hwprof.cli._output import print_table

if TYPE_CHECKING:
    from hwprof.workflows.adaptive_sampling import Sampled

_OPTIONS = (
    click.option(
        "--adaptive",
        type=click.IntRange(20, 2000),
        metavar="N",
        help="Choose and measure blocks where the surrogate is least sure, until each type has N.",
    ),
    click.option(
        "--until-error",
        type=click.FloatRange(0, min_open=True),
        metavar="PERCENT",
        help="With --adaptive: stop a type sooner, once its held-out MAPE is this low.",
    ),
    click.option(
        "--board-minutes",
        type=click.FloatRange(0, min_open=True),
        metavar="M",
        help="With --adaptive: stop a type sooner, once the board has computed this long for it.",
    ),
)


def adaptive_budget(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of adaptive sampling, as ``budget``; None where not asked for."""

    @wraps(command)
    def run(
        *arguments: object,
        adaptive: int | None,
        until_error: float | None,
        board_minutes: float | None,
        **options: object,
    ) -> None:
        from hwprof.workflows.adaptive_sampling import Budget

        if adaptive is None and (until_error or board_minutes):
            raise click.UsageError(
                "--until-error and --board-minutes say when to stop choosing; add --adaptive N."
            )
        budget = None
        if adaptive is not None:
            budget = Budget(adaptive, board_minutes or 0.0, until_error or 0.0)
        command(*arguments, budget=budget, **options)

    decorated: Callable[..., None] = run
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def print_sampled(sampled: Sequence[Sampled]) -> None:
    """A line for each block type, and what to do next."""
    print_table(
        ("block type", "samples", "rows", "board minutes", "held-out MAPE %", "stopped by"),
        [
            (
                kind.block_type,
                kind.samples,
                kind.rows,
                f"{kind.board_minutes:.2g}",
                "-" if kind.error_percent is None else kind.error_percent,
                kind.stopped_by,
            )
            for kind in sampled
        ],
    )
    click.echo("\n'hwprof fit' makes surrogates of the rows")
