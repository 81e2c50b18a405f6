"""``hwprof sample``: block configurations as ONNX files."""

from __future__ import annotations

import click

from hwprof.cli import _options
from hwprof.workspace import Workspace


@click.command()
@click.option(
    "--block", "blocks", multiple=True, help="Block type; may be repeated [default: all]."
)
@click.option(
    "--count",
    type=click.IntRange(1, 100_000),
    default=200,
    show_default=True,
    help="For each type.",
)
@click.option(
    "--method",
    type=click.Choice(["low-discrepancy", "random"]),
    default="low-discrepancy",
    show_default=True,
)
@_options.seed
@_options.workspace
def sample(
    *, blocks: tuple[str, ...], count: int, method: str, seed: int, workspace: Workspace
) -> None:
    """Write block configurations as ONNX files and a manifest for each block type."""
    from hwprof.workflows.sample_blocks import sample_blocks

    for written in sample_blocks(workspace, blocks, count=count, method=method, seed=seed):
        click.echo(f"{written.block_type}: {written.count} configurations in {written.folder}")
