"""``hwprof space``: the shape of a search space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup
    from hwprof.surrogates.predict import Method

_KIB = 1024


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

    from hwprof.cli._space_output import print_shape
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
