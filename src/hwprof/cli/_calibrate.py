"""``hwprof calibrate``: the first handshake with a board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.workflows.calibration import Calibration

_BUNDLE = "calibration.zip"


@click.command()
@_options.target
@click.option(
    "--board",
    default="",
    metavar="NAME|FILE.toml",
    show_default="the one that the board names",
    help="Virtual board to compare with.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(1, 600),
    default=20.0,
    show_default=True,
    help="About how long the board may be measured.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    show_default=f"{_BUNDLE} in the workspace",
    help="The bundle to share.",
)
@click.option(
    "--read",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="A bundle from elsewhere: say what it found, and put its surrogate into the workspace.",
)
@_options.kernels
@_options.scheme
@_options.seed
@_options.workspace
@_options.as_json
def calibrate(
    *,
    target: str,
    board: str,
    minutes: float,
    output: Path | None,
    read: Path | None,
    kernels: str,
    scheme: str,
    seed: int,
    workspace: Workspace,
    as_json: bool,
) -> None:
    """Measure a board beside its virtual board.

    Says which of the virtual board's constants differ, by how much and with which interval, how
    far it is off by operator and memory, and moves a surrogate to the board, which 'hwprof
    predict' then uses. Rows, report, board file and surrogate go into one bundle.
    """
    from hwprof.workflows.calibration import Request, calibrate_board, write_bundle

    if read is not None:
        _read(read, workspace, as_json=as_json)
        return
    request = Request(target, board, kernels, scheme, minutes=minutes, seed=seed)
    found = calibrate_board(workspace, request, say=lambda step: click.echo(step, err=True))
    bundle = output or workspace.root / _BUNDLE
    write_bundle(found, workspace, bundle)
    if as_json:
        print_json(found.calibration.to_json())
        return
    _print(found.calibration)
    click.echo(f"bundle: {bundle}")


def _read(path: Path, workspace: Workspace, *, as_json: bool) -> None:
    from hwprof.workflows.calibration import read_bundle

    opened = read_bundle(path, workspace)
    if as_json:
        print_json(opened.to_json())
        return
    for name, value in opened.identity.items():
        click.echo(f"{name}: {value}")
    for change in (*opened.constants, *opened.misses):
        if change.is_named:
            click.echo(f"- {change}")
    click.echo(f"board file: {opened.board}\nsurrogate: {opened.artefact or 'none'}")


def _print(calibration: Calibration) -> None:
    from hwprof.workflows.calibration import findings

    for line in findings(calibration):
        click.echo(f"- {line}")
    click.echo()
    print_table(
        ("operator", "activations", "weights", "n", "bias %", "MAPE %", "calibrated %"),
        [
            (e.op, e.activations, e.weights, e.n, e.bias_percent, e.mape_percent,
             e.calibrated_mape_percent)
            for e in calibration.errors
        ],
    )  # fmt: skip
    held, moved = calibration.held_out, calibration.transfer
    click.echo(
        f"\n{held.n} probes held out: MAPE {held.mape_percent:.2f} % as modelled, "
        f"{held.calibrated_mape_percent:.2f} % calibrated"
    )
    if moved is None:
        click.echo(f"no surrogate: {calibration.no_transfer}")
    elif moved.checks is not None:
        click.echo(
            f"surrogate by {len(moved.rows)} blocks: MAPE {moved.checks.transfer.mape_percent:.2f} "
            f"% on {moved.checks.n} others"
        )
