"""What ``hwprof estimators`` prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from math import isnan
from typing import TYPE_CHECKING

import click

from hwprof.cli._output import print_json, print_table

if TYPE_CHECKING:
    from hwprof.search.selection import CostRow, Interval, Ranking
    from hwprof.workflows.estimator_selection import FullSearch, SecondStage, Selection


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
        _print_second(found.second)
    _print_economics(found.economics)
    click.echo("\n" + " ".join(found.advice.sentences))
    if found.saved is not None:
        click.echo(
            f"{found.saved_name} is kept in {found.saved}: hwprof search --estimator {found.saved}"
        )


def _print_ranking(ranking: Ranking) -> None:
    print_table(
        ("strategy", "kind", "tau", "95 %", "same FLOPs", "95 %", "behind first", "s a query", ""),
        [
            (
                row.strategy.title,
                row.strategy.kind,
                *_interval(row.tau),
                *_interval(row.within),
                _interval(row.behind)[1],
                f"{row.query_s:.2g}",
                "top" if row.is_top else "",
            )
            for row in ranking.scored
        ],
    )
    for one in ranking.unscored:
        click.echo(f"{one.strategy.title}: not scored: {one.reason}")
    click.echo(f"\n{_verdict(ranking)}")


def _interval(interval: Interval) -> tuple[object, str]:
    """Value and interval as cells; NaN is that nothing can be compared."""
    if isnan(interval.value):
        return "-", "-"
    return interval.value, f"{interval.low:.2f} to {interval.high:.2f}"


def _verdict(ranking: Ranking) -> str:
    """Who is chosen, and what the samples do not say."""
    chosen, tied = ranking.chosen, ranking.top
    title, samples = chosen.strategy.title, ranking.n_samples
    said = f"{title} ranks {samples} samples better than all others"
    if len(ranking.scored) == 1:
        said = f"{title} is the only one that was asked"
    elif len(tied) > 1:
        sure = "" if all(row.beats_chance for row in tied) else " that is sure to beat chance"
        said = (
            f"{samples} samples cannot tell {len(tied)} strategies apart (top): a tie, of which "
            f"{title} is taken: none{sure} has a search and short list of fewer trainings "
            f"({ranking.price(chosen)}), and of those with as many it ranked best"
        )
    if chosen.beats_chance:
        return said
    return f"{said}; its interval holds 0, so it is not sure to rank better than chance"


def _print_second(second: SecondStage) -> None:
    best = second.best
    click.echo(f"\nstage two: {second.queries:,} designs by {second.estimator} ({second.walk})")
    print_table(
        ("architecture", "predicted ms", "score", "int8 AP50", "training s"),
        [
            (
                one.arch,
                one.latency_us / 1000,
                "-" if one.score is None else f"{one.score:.4g}",
                f"{one.trained.ap50_int8:.3f}",
                one.trained.seconds,
            )
            for one in second.listed
        ],
    )
    click.echo(
        f"best: {best.arch} ({'a sample' if second.is_of_samples else 'of the short list'}), int8 "
        f"AP50 {best.trained.ap50_int8:.3f} on the pictures it was chosen by, "
        f"{second.reported:.3f} on those that nothing was chosen by"
    )
    click.echo(
        f"search {second.search_s:,.0f} s and short list {second.after_s:,.0f} s are "
        f"{second.total_s:,.0f} s; with the samples {second.whole_s:,.0f} s"
    )
    for sentence in _comparison(second):
        click.echo(sentence)


def _comparison(second: SecondStage) -> Iterator[str]:
    """What a search by full training takes and finds."""
    full, best = second.full_search, second.best.trained.ap50_int8
    yield (
        f"full-training search ({full.origin}, {full.source}): {len(full.seconds)} trainings, "
        f"{full.seconds[-1]:,.0f} s, {full.beyond_s:,.0f} s of them on designs beyond the budget; "
        f"best {_precision(full.best[-1])}"
    )
    if second.full_reported is not None:
        yield f"its best has {second.full_reported:.3f} on pictures that nothing was chosen by"
    yield _equal(full, best)
    total_s, whole_s = second.total_s, second.whole_s
    yield (
        f"it had {_precision(full.best_within(total_s))} after {total_s:,.0f} s and "
        f"{_precision(full.best_within(whole_s))} after {whole_s:,.0f} s"
    )


def _equal(full: FullSearch, best: float) -> str:
    """When it was as good as stage two."""
    count, seconds, good = full.trainings_to(best), full.seconds_to(best), full.as_good(best)
    if count is None or seconds is None:
        if full.drawn_from:
            return (
                f"when it would be as good as {best:.3f} cannot be said: no sample within the "
                "budget was"
            )
        return f"it was never as good as {best:.3f}"
    if full.drawn_from:
        return (
            f"it would be as good as {best:.3f} after {count:,.0f} trainings on average, "
            f"{seconds:,.0f} s, as {good} of {full.drawn_from} samples were"
        )
    return (
        f"it was as good as {best:.3f} after {count:,.0f} trainings, {seconds:,.0f} s, as {good} "
        f"of its {len(full.seconds)} designs were"
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
        "-" if row.queries is None else row.queries,
        f"{row.search_s:,.3g}" if row.search_s < 1 else row.search_s,
        full.search_s / row.search_s,
        row.after_s,
        row.total_s,
        full.total_s / row.total_s,
        "-" if whole_s is None else whole_s,
        "-" if whole_s is None else full.total_s / whole_s,
    )
