"""A search's result as tables, for ``hwprof search`` and ``hwprof quickstart``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hwprof.cli._output import print_table

if TYPE_CHECKING:
    from hwprof.search.results import Found, SearchResult

_DETAILS = {"ap50_float": "AP50 float %, val-A", "ap50_int8": "AP50 int8 %, val-A"}
_REPORTED = (
    "val-A: the pictures that the search chose by; the report has AP50 on val-B, pictures that "
    "nobody chose by"
)


def print_search(result: SearchResult) -> None:
    """The seed network and the front, predicted and run, and what it took to find them."""
    named = f"{result.seed_network.task_name}{' (a proxy)' * result.task_is_proxy}"
    details = [name for name in _DETAILS if name in result.seed_network.details]
    if details:
        click.echo(f"score: {named}")
    rows = [("seed", result.seed_network), *(("front", found) for found in result.pareto)]
    print_table(
        (
            *(
                "",
                "architecture",
                "predicted ms",
                f"{result.board_kind or 'board'} ms",
                "error %",
                "% of seed",
            ),
            *([_DETAILS[name] for name in details] or [named]),
            *result.seed_network.amounts,
        ),
        [(*_row(label, found, result), *_further(found, details)) for label, found in rows],
    )
    click.echo(
        f"\n{result.trials} trials ({result.distinct} distinct) by {result.sampler} in a space of "
        f"{result.space_size:,}, kept as study {result.study}; latency by {result.latency}"
    )
    for answers in result.answers:
        click.echo(
            f"{answers.count} latencies {answers.kind}, {answers.median_s:.3g} s each (median)"
        )
    if result.hypervolume_share is not None:
        click.echo(
            f"hypervolume: {result.hypervolume_share:.1%} of the exhaustive front's, which has "
            f"{result.exhaustive_front_size:,} architectures"
        )
    if result.report:
        click.echo(_REPORTED)
        click.echo(f"report: {result.report}")


def _row(label: str, found: Found, result: SearchResult) -> tuple[object, ...]:
    return (
        label,
        found.arch,
        *("-" if us is None else us / 1000 for us in (found.predicted_us, found.board_us)),
        "-" if found.error_percent is None else found.error_percent,
        100 * found.latency_us / result.seed_network.latency_us,
    )


def _further(found: Found, details: list[str]) -> tuple[object, ...]:
    precisions = (found.details.get(name, "-") for name in details)
    shares = [100 * value if isinstance(value, float) else value for value in precisions]
    return (*(shares or [found.task]), *found.amounts.values())
