"""``hwprof search``: architectures that meet a latency budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup
    from hwprof.search.results import Found, SearchResult
    from hwprof.surrogates.predict import Method


@click.command()
@click.argument("space", default="person-detection")
@click.option("--budget-ms", type=float, default=None, help="Slower candidates are no solutions.")
@click.option("--trials", type=click.IntRange(1, 100_000), default=120, show_default=True)
@click.option(
    "--sampler", default="motpe", show_default=True, help="Search strategy: motpe or random."
)
@click.option("--task", default="flops-proxy", show_default=True, help="What is maximised.")
@click.option(
    "--latency",
    type=click.Choice(["surrogate", "lut", "macs"]),
    default="surrogate",
    show_default=True,
    help="How a candidate's latency is predicted.",
)
@click.option("--exhaustive/--no-exhaustive", default=True, help="Predict the whole space too.")
@click.option("--verify/--no-verify", default=True, help="Run the winners on the target.")
@click.option("--study", default="", help="Name of the study to go on with or to start.")
@_options.bench_setup
@_options.seed
@_options.workspace
@_options.as_json
def search(
    space: str,
    *,
    budget_ms: float | None,
    trials: int,
    sampler: str,
    task: str,
    latency: Method,
    exhaustive: bool,
    verify: bool,
    study: str,
    setup: Setup,
    seed: int,
    workspace: Workspace,
    as_json: bool,
) -> None:
    """Search SPACE for architectures with low predicted latency and a high task score.

    SPACE is person-detection, or a file that hwprof advise --emit-space wrote.

    The same command goes on where it stopped. The task score is a training-free proxy, and named
    so; winners are run on the target, beside the network that the space was made around.
    """
    from hwprof.search.loop import SearchOptions
    from hwprof.workflows.detector_search import SearchRequest, search_by_name

    request = SearchRequest(
        space=space,
        strategy=sampler,
        task=task,
        latency=latency,
        budget_us=None if budget_ms is None else 1000 * budget_ms,
        options=SearchOptions(trials=trials, seed=seed, study=study),
        setup=setup,
        exhaustive=exhaustive,
        verify=verify,
    )
    result = search_by_name(request, workspace)
    if as_json:
        print_json(result.to_json())
    else:
        print_search(result)


def print_search(result: SearchResult) -> None:
    """The seed network and the front, predicted beside modelled."""
    named = f"{result.seed_network.task_name}{' (a proxy)' * result.task_is_proxy}"
    rows = [("seed", result.seed_network), *(("front", found) for found in result.pareto)]
    print_table(
        ("", "architecture", "predicted ms", "modelled ms", "error %", named, "% of seed"),
        [_row(label, found, result) for label, found in rows],
    )
    click.echo(
        f"\n{result.trials} trials ({result.distinct} distinct) by {result.sampler} in a space of "
        f"{result.space_size:,}; latency predicted by {result.latency}"
    )
    if result.hypervolume_share is not None:
        click.echo(
            f"hypervolume: {result.hypervolume_share:.1%} of the exhaustive front's, which has "
            f"{result.exhaustive_front_size:,} architectures"
        )


def _row(label: str, found: Found, result: SearchResult) -> tuple[object, ...]:
    modelled, error = found.modelled_us, found.error_percent
    return (
        label,
        found.arch,
        found.predicted_us / 1000,
        "-" if modelled is None else modelled / 1000,
        "-" if error is None else error,
        found.task,
        100 * found.predicted_us / result.seed_network.predicted_us,
    )
