"""What ``hwprof estimators`` prints."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hwprof.cli._output import print_json, print_table

if TYPE_CHECKING:
    from hwprof.search.selection import CostRow, Ranking
    from hwprof.workflows.estimator_selection import SecondStage, Selection


def print_advice(
    space: str, training_s: float, trials: int, budget_s: float | None, *, as_json: bool
) -> None:
    """What suits a space and the price of a training, before anything is trained.

    Raises:
        UnknownNameError: no such space.
    """
    from hwprof.search.selection import Prices, advise
    from hwprof.search.spaces import get_space

    found = advise(Prices(get_space(space).size, training_s, trials), budget_s=budget_s)
    if as_json:
        print_json(asdict(found))
    else:
        click.echo(" ".join(found.sentences))


def print_selection(found: Selection, *, as_json: bool) -> None:
    """Both stages, as tables and sentences or as the documented object."""
    if as_json:
        print_json(found.to_json())
    else:
        _print(found)


def _print(found: Selection) -> None:
    _print_ranking(found.ranking)
    click.echo(
        f"\na full training takes {found.training_s:,.0f} s (measured, mean); all samples "
        f"{found.samples_s:,.0f} s, and what the strategies ask of them at most "
        f"{found.judging_s:,.0f} s more"
    )
    if found.n_diverged:
        click.echo(f"samples that diverged and rank last: {found.n_diverged}")
    if found.second is not None:
        _print_second(found.second, found.samples_s)
    _print_economics(found.economics)
    click.echo("\n" + " ".join(found.advice.sentences))
    if found.saved is not None:
        click.echo(
            f"{found.saved_name} is kept in {found.saved}: hwprof search --estimator {found.saved}"
        )


def _print_ranking(ranking: Ranking) -> None:
    print_table(
        ("strategy", "kind", "tau", "95 %", "same FLOPs", "95 %", "behind best", "s a query", ""),
        [
            (
                row.strategy.title,
                row.strategy.kind,
                row.tau.value,
                f"{row.tau.low:.2f} to {row.tau.high:.2f}",
                row.within.value,
                f"{row.within.low:.2f} to {row.within.high:.2f}",
                f"{row.behind.low:.2f} to {row.behind.high:.2f}",
                f"{row.query_s:.2g}",
                "top" if row.is_top else "",
            )
            for row in ranking.scored
        ],
    )
    for one in ranking.unscored:
        click.echo(f"{one.strategy.title}: not scored: {one.reason}")
    click.echo(f"\n{_verdict(ranking)}")


def _verdict(ranking: Ranking) -> str:
    """Who is chosen, and what the samples do not say."""
    chosen = ranking.chosen
    title, count = chosen.strategy.title, len(ranking.top)
    price = ranking.price(chosen)
    if count == 1:
        said = f"{title} ranks {ranking.n_samples} samples better than all others"
    else:
        said = (
            f"{ranking.n_samples} samples cannot tell {count} strategies apart (top): a tie, of "
            f"which {title} is taken: none has a search and short list of fewer trainings "
            f"({price}), and of those with as many it ranked best"
        )
    if chosen.beats_chance:
        return said
    return f"{said}; its interval holds 0, so it is not sure to rank better than chance"


def _print_second(second: SecondStage, samples_s: float) -> None:
    best = second.best
    click.echo(f"\nstage two: {second.queries:,} designs by {second.estimator} ({second.walk})")
    print_table(
        ("architecture", "predicted ms", "score", "int8 AP50", "training s"),
        [
            (
                one.arch,
                one.latency_us / 1000,
                f"{one.score:.4g}",
                f"{one.trained.ap50_int8:.3f}",
                one.trained.seconds,
            )
            for one in second.listed
        ],
    )
    click.echo(
        f"best: {best.arch}, int8 AP50 {best.trained.ap50_int8:.3f} on the pictures it was chosen "
        f"by, {second.reported:.3f} on those that nothing was chosen by"
    )
    click.echo(
        f"search {second.search_s:,.0f} s and short list {second.after_s:,.0f} s are "
        f"{second.total_s:,.0f} s; with the samples {second.total_s + samples_s:,.0f} s"
    )
    _print_compared(second, samples_s)


def _print_compared(second: SecondStage, samples_s: float) -> None:
    full = second.full_search
    click.echo(
        f"full-training search ({full.origin}, {full.source}): {full.trials} trials, "
        f"{full.seconds[-1]:,.0f} s, best {_precision(full.best[-1])}"
        + (
            ""
            if second.full_reported is None
            else f", {second.full_reported:.3f} on the pictures that nothing was chosen by"
        )
    )
    equal = full.trials_to(second.best.trained.ap50_int8)
    click.echo(
        "it was never as good"
        if equal is None
        else f"it was as good after {equal} trials, {full.seconds[equal - 1]:,.0f} s"
    )
    total_s = second.total_s
    click.echo(
        f"it had {_precision(full.best_within(total_s))} after {total_s:,.0f} s and "
        f"{_precision(full.best_within(total_s + samples_s))} after {total_s + samples_s:,.0f} s"
    )


def _precision(best: float | None) -> str:
    return "none within the budget" if best is None else f"{best:.3f}"


def _print_economics(rows: tuple[CostRow, ...]) -> None:
    from hwprof.search.selection import PUBLISHED, PUBLISHED_NOTE, PUBLISHED_SOURCE

    click.echo()
    print_table(
        (
            "estimator",
            "",
            "queries",
            "search s",
            "x",
            "training s",
            "total s",
            "x",
            "with samples s",
            "x",
        ),
        [
            *(_cost(row, rows[0]) for row in rows),
            *(_cost(row, PUBLISHED[0]) for row in PUBLISHED),
        ],
    )
    click.echo(f"published: {PUBLISHED_SOURCE}; {PUBLISHED_NOTE}")


def _cost(row: CostRow, full: CostRow) -> tuple[object, ...]:
    whole_s = row.whole_s
    return (
        row.estimator,
        row.origin,
        row.queries,
        f"{row.search_s:,.3g}" if row.search_s < 1 else row.search_s,
        full.search_s / row.search_s,
        row.after_s,
        row.total_s,
        full.total_s / row.total_s,
        "-" if whole_s is None else whole_s,
        "-" if whole_s is None else full.total_s / whole_s,
    )
