"""``hwprof doctor``: why a board does not answer, or does not answer rightly."""

from __future__ import annotations

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json


@click.command()
@_options.target
@click.option(
    "--board",
    default="",
    metavar="NAME|FILE.toml",
    show_default="the one that the board names",
    help="Virtual board to compare with.",
)
@_options.as_json
@click.pass_context
def doctor(context: click.Context, *, target: str, board: str, as_json: bool) -> None:
    """Examine a board from its port to the cycles of known blocks.

    Each step is one line; the first that fails says what to do, and ends with exit code 2.
    """
    from hwprof.profiler.doctor import Visit, examine

    checkup = examine(Visit(target, board), tell=(lambda _: None) if as_json else click.echo)
    if as_json:
        print_json(checkup.to_json())
    if not checkup.ok:
        context.exit(2)
