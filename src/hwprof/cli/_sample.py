"""``hwprof sample``: block configurations as ONNX files."""

from __future__ import annotations

from typing import Any

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json
from hwprof.errors import ConfigurationError
from hwprof.workspace import Workspace


@click.command()
@click.argument("more", nargs=-1, metavar="")
@click.option(
    "--block", "blocks", multiple=True, help="Block type; may be repeated [default: all]."
)
@click.option("--from", "model", help="Make a block type out of this model instead.")
@click.option(
    "--nodes", default="", help="Its operators, first..last, as 'hwprof inspect' names them."
)
@click.option(
    "--vary",
    multiple=True,
    metavar="NAME=VALUES...",
    help="What varies, as kernel=3,5 channels=16..96:8; kernel, stride, groups, channels (of one "
    "node: kernel@NODE=3,5), c_in, height, width.",
)
@click.option("--name", default="", help="What the new block type is called [default: the model].")
@click.option(
    "--count",
    type=click.IntRange(1, 100_000),
    default=200,
    show_default=True,
    help="For each type.",
)
@click.option(
    "--method",
    type=click.Choice(["low-discrepancy", "random", "covering", "stratified"]),
    default="low-discrepancy",
    show_default=True,
    help="Evenly over the parameters or at random; or evenly over MACs, bytes and alignment, by "
    "nearness (covering) or cell by cell (stratified).",
)
@_options.seed
@_options.workspace
@_options.as_json
def sample(
    *,
    more: tuple[str, ...],
    blocks: tuple[str, ...],
    model: str | None,
    nodes: str,
    vary: tuple[str, ...],
    name: str,
    count: int,
    method: str,
    seed: int,
    workspace: Workspace,
    as_json: bool,
) -> None:
    """Write block configurations as ONNX files and a manifest for each block type.

    With --from, --nodes and --vary a stretch of a model becomes a block type of your own:

        hwprof sample --from model.onnx --nodes conv1..add1 --vary kernel=3,5 channels=16..96

    It is kept in the workspace; 'hwprof fit' fits it like the others, and 'hwprof predict' finds
    it in models.
    """
    from hwprof.workflows.own_blocks import Subject
    from hwprof.workflows.sample_blocks import sample_blocks, sample_subgraph

    if model is None and (more or nodes or vary or name):
        raise ConfigurationError(
            "--nodes, --vary and --name describe a block type of your own; say of which model: "
            "--from model.onnx."
        )
    if model is not None and blocks:
        raise ConfigurationError(
            "--block samples a type that exists, --from makes a new one; use --name to name it."
        )
    plan: dict[str, Any] = {"count": count, "method": method, "seed": seed}
    if model is None:
        written = sample_blocks(workspace, blocks, **plan)
    else:
        subject = Subject(model, nodes, (*vary, *more), name)
        written = iter([sample_subgraph(workspace, subject, **plan)])
    if as_json:
        print_json({"samples": [one.to_json() for one in written], **plan})
        return
    for one in written:
        click.echo(f"{one.block_type}: {one.count} configurations in {one.folder}")
