"""``hwprof transfer``: a surrogate moved to another board by a handful of measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.measurement import (
    BOARD_DEFAULT,
    DEFAULT_CACHE_STATE,
    DEFAULT_KERNELS,
    DEFAULT_SCHEME,
    DEFAULT_TARGET,
    Placement,
)
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.workflows.transfer import TransferReport


@click.command()
@click.option(
    "--from",
    "source",
    default=DEFAULT_TARGET,
    show_default=True,
    help="Target whose surrogate is moved, fitted in the workspace or shipped.",
)
@click.option("--to", "target", required=True, help="Target to measure on and to predict.")
@click.option(
    "--samples",
    type=click.IntRange(3, 1000),
    default=10,
    show_default=True,
    help="Blocks to measure; hwprof chooses them.",
)
@click.option(
    "--checks",
    type=click.IntRange(0, 1000),
    default=24,
    show_default=True,
    help="Random blocks to measure beside them, for the report alone.",
)
@click.option(
    "--like",
    default="",
    help="Virtual board whose file says what the memories of --to take, virtual:NAME or "
    "virtual:FILE.toml  [default: --to itself, if virtual]",
)
@_options.placement
@_options.kernels
@_options.scheme
@_options.timing
@_options.cache_state
@_options.seed
@_options.workspace
@_options.as_json
def transfer(
    *,
    source: str,
    target: str,
    samples: int,
    checks: int,
    like: str,
    placement: Placement = BOARD_DEFAULT,
    kernels: str = DEFAULT_KERNELS,
    scheme: str = DEFAULT_SCHEME,
    timing: str = "",
    cache_state: str = DEFAULT_CACHE_STATE,
    seed: int,
    workspace: Workspace,
    as_json: bool,
) -> None:
    """Move a surrogate to another board by a few measurements.

    hwprof chooses the blocks, measures them on --to, and saves a surrogate of that board;
    'hwprof predict MODEL --target' with the same target then answers. The report compares it with
    scaling by one factor, on blocks that neither has seen.
    """
    from hwprof.profiler.bench import Setup
    from hwprof.workflows.transfer import Plan, transfer_surrogate

    setup = Setup(target, placement, kernels, scheme, timing=timing, cache_state=cache_state)
    plan = Plan(source, setup, samples=samples, checks=checks, seed=seed, like=like)
    report, folder = transfer_surrogate(workspace, plan)
    if as_json:
        print_json(report.to_json())
        return
    _print(report)
    click.echo(f"saved to {folder}")


def _print(report: TransferReport) -> None:
    print_table(("measured block", "cycles"), [(row.block_key, row.cycles) for row in report.rows])
    click.echo(f"\n{report.source} moved to {report.context}; {report.refused} blocks did not run")
    if not report.knows_memories:
        click.echo("no board file describes both boards' memories; --like names one")
    checks = report.checks
    if checks is None:
        return
    print_table(
        (f"on {checks.n} blocks not learned from", "MAPE %", "within 5 %", "Spearman"),
        [
            (name, scores.mape_percent, scores.within_5_percent, f"{scores.spearman:.4f}")
            for name, scores in (
                ("transfer", checks.transfer),
                (f"one scalar, {report.scalar:.3f}", checks.one_scalar),
            )
        ],
    )
    better = checks.one_scalar.mape_percent / checks.transfer.mape_percent
    click.echo(
        f"{better:.1f} times nearer than one scalar; intervals cover "
        f"{checks.coverage_percent:.0f} % of them, the median is {report.interval_percent:.0f} % "
        "wide upwards"
    )
