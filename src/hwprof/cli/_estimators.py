"""``hwprof estimators``: which guess at a network's accuracy to trust, for one task."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup
    from hwprof.search.selection import CostRow, Ranking
    from hwprof.surrogates.predict import Method
    from hwprof.workflows.estimator_selection import SecondStage, Selection


@click.command()
@click.argument("space", default="person-detection")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of labelled pictures, COCO or PASCAL VOC.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    help="Of the seed network, FastestDet's or ours; without them it is trained here.",
)
@click.option("--class-name", default="person", show_default=True, help="What is detected.")
@click.option(
    "--samples",
    type=click.IntRange(3, 10_000),
    default=40,
    show_default=True,
    help="Random architectures that are trained fully.",
)
@click.option(
    "--strategy",
    "names",
    multiple=True,
    help="To judge; may be repeated [default: all 24].",
)
@click.option("--epochs", type=click.IntRange(1, 10_000), default=None, help="Of a full training.")
@click.option(
    "--budget-ms",
    type=click.FloatRange(min=0, min_open=True),
    default=100,
    show_default=True,
    help="Latency that stage two searches below.",
)
@click.option(
    "--stage-two/--no-stage-two", default=True, help="Search by the estimator, train its choice."
)
@click.option(
    "--short-list",
    type=click.IntRange(1, 1000),
    default=None,
    help="Candidates that stage two trains [default: 8, 12 or 18, by how sure the ranking is].",
)
@click.option(
    "--trials",
    type=click.IntRange(1, 100_000),
    default=120,
    show_default=True,
    help="Of the full-training search that all is compared with.",
)
@click.option(
    "--budget-hours",
    type=click.FloatRange(min=0, min_open=True),
    default=None,
    help="Time that the advice may spend [default: what that search takes].",
)
@click.option(
    "--latency",
    type=click.Choice(["surrogate", "lut", "macs"]),
    default="surrogate",
    show_default=True,
    help="How a candidate's latency is predicted.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="File of the fitted estimator [default: estimators/estimator.json of the workspace].",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=None,
    help="Processes that train, each on one core [default: one a core].",
)
@_options.bench_setup
@_options.seed
@_options.workspace
@_options.as_json
def estimators(
    space: str,
    *,
    data: Path,
    weights: Path | None,
    class_name: str,
    samples: int,
    names: tuple[str, ...],
    epochs: int | None,
    budget_ms: float,
    stage_two: bool,
    short_list: int | None,
    trials: int,
    budget_hours: float | None,
    latency: Method,
    output: Path | None,
    workers: int | None,
    setup: Setup,
    seed: int,
    workspace: Workspace,
    as_json: bool,
) -> None:
    """Find out which estimator of accuracy to trust in SPACE, and search by it.

    Stage one trains random architectures fully and compares 24 ways to guess their accuracy with
    what came out. Stage two searches by the one that ranks best for its price, and trains only a
    short list. All trainings are kept: the same command goes on where it stopped.
    """
    from hwprof.search.training.requirement import require_training

    require_training()

    from hwprof.search.training.recipe import Recipe
    from hwprof.workflows.estimator_selection import SelectionRequest, select_estimator
    from hwprof.workflows.pausing import pausable
    from hwprof.workflows.trained_detectors import TrainingRequest

    recipe = Recipe() if epochs is None else Recipe(epochs=epochs)
    request = SelectionRequest(
        training=TrainingRequest(data=data, weights=weights, class_name=class_name, recipe=recipe),
        space=space,
        samples=samples,
        strategies=names,
        scheme=setup.scheme,
        latency=latency,
        setup=setup,
        budget_us=1000 * budget_ms,
        stage_two=stage_two,
        short_list=short_list,
        n_trials=trials,
        budget_s=None if budget_hours is None else 3600 * budget_hours,
        workers=workers or os.cpu_count() or 1,
        seed=seed,
        output=output,
    )
    workspace.make()
    with _stages() as stage, pausable(_say) as is_paused:
        found = select_estimator(request, workspace, stage=stage, is_paused=is_paused)
    if as_json:
        print_json(found.to_json())
    else:
        _print(found)


def _say(text: str) -> None:
    click.echo(f"estimators: {text}", err=True)


@contextmanager
def _stages() -> Iterator[Callable[[str, int], Callable[[int], None]]]:
    from tqdm import tqdm

    bars: list[tqdm[None]] = []

    def begin(name: str, total: int) -> Callable[[int], None]:
        bar: tqdm[None] = tqdm(total=total, desc=name, disable=None)
        bars.append(bar)

        def advance(count: int) -> None:
            bar.update(count)

        return advance

    try:
        yield begin
    finally:
        for bar in bars:
            bar.close()


def _print(found: Selection) -> None:
    _print_ranking(found.ranking)
    others = found.ranking.n_samples - found.n_whole
    click.echo(
        f"\na full training takes {found.training_s:,.0f} s (measured, mean"
        + (
            f"; of {others} samples found trained only the training itself is known)"
            if others
            else ")"
        )
    )
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
    top, chosen = ranking.top, ranking.chosen.strategy.title
    tied = (
        f"{ranking.n_samples} samples cannot tell {len(top)} strategies apart: a tie, which "
        f"{chosen} wins by its cost"
        if len(top) > 1
        else f"{chosen} ranks {ranking.n_samples} samples better than all others"
    )
    click.echo(f"\n{tied}")


def _print_second(second: SecondStage, samples_s: float) -> None:
    best, full = second.best, second.full_search
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
    found = "none within the budget" if full.best is None else f"{full.best:.3f} at best"
    equal = (
        f"as good after {full.trials_to_equal:,.0f} trials, {full.seconds_to_equal:,.0f} s"
        if full.trials_to_equal is not None and full.seconds_to_equal is not None
        else "never as good"
    )
    click.echo(
        f"full-training search ({full.origin}, {full.source}): {full.trials} trials, "
        f"{full.seconds:,.0f} s, {found}; {equal}"
    )


def _print_economics(rows: tuple[CostRow, ...]) -> None:
    from hwprof.search.selection import PUBLISHED, PUBLISHED_NOTE, PUBLISHED_SOURCE

    click.echo()
    print_table(
        ("estimator", "", "search s", "x", "training s", "total s", "x", "with samples s", "x"),
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
        f"{row.search_s:,.3g}" if row.search_s < 1 else row.search_s,
        full.search_s / row.search_s,
        row.after_s,
        row.total_s,
        full.total_s / row.total_s,
        "-" if whole_s is None else whole_s,
        "-" if whole_s is None else full.total_s / whole_s,
    )
