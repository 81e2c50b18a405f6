"""``hwprof board``: a virtual board for other programs."""

from __future__ import annotations

from contextlib import suppress

import click

from hwprof.cli import _options
from hwprof.measurement import DEFAULT_TIMING


@click.group()
def board() -> None:
    """Run a virtual board for other programs."""


@board.command()
@click.argument("name", default="rt1170")
@_options.timing
def serve(name: str, *, timing: str) -> None:
    """Serve the virtual board NAME behind a pseudo-terminal until interrupted.

    Prints the device to use as --target serial:DEVICE.
    """
    from hwprof.firmware_stub.virtual.board import VirtualBoard
    from hwprof.firmware_stub.virtual.serve import serve as serve_board

    virtual = VirtualBoard.open(name, timing=timing or DEFAULT_TIMING)
    with suppress(KeyboardInterrupt):  # how it ends, and no failure
        serve_board(virtual, announce=lambda device: click.echo(f"serial:{device}"))
