"""``hwprof estimators``: which guess at a network's accuracy to trust, for one task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from hwprof.cli import _options
from hwprof.cli._estimators_output import print_advice, print_selection
from hwprof.cli._lessons import MOST_DEFAULT_WORKERS, default_trainers
from hwprof.cli._lessons import lessons as training_lessons
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup
    from hwprof.surrogates.predict import Method
    from hwprof.workflows.search_request import Lessons


@click.command()
@click.argument("space", default="person-detection")
@training_lessons
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
    help="Time that the advice may spend [default: as little as can be].",
)
@click.option(
    "--training-s",
    type=click.FloatRange(min=0, min_open=True),
    default=None,
    help="Without --data: seconds of one full training, for the advice alone.",
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
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Picture of tau beside cost, .png or .svg.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=None,
    show_default=f"the processor's cores, at most {MOST_DEFAULT_WORKERS}",
    help="Processes that train; each takes a core and 1 to 4 GB.",
)
@_options.bench_setup
@_options.seed
@_options.workspace
@_options.as_json
def estimators(
    space: str,
    *,
    lessons: Lessons | None,
    samples: int,
    names: tuple[str, ...],
    budget_ms: float,
    stage_two: bool,
    short_list: int | None,
    trials: int,
    budget_hours: float | None,
    training_s: float | None,
    latency: Method,
    output: Path | None,
    plot: Path | None,
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

    Without --data nothing is trained: --training-s alone gives advice on what to do.
    """
    budget_s = None if budget_hours is None else 3600 * budget_hours
    if lessons is None or training_s is not None:
        if lessons is not None or training_s is None:
            raise click.UsageError(
                "one of --data DIR, to train samples, and --training-s SECONDS, for advice alone."
            )
        _refuse_samples()
        print_advice(space, training_s, trials, budget_s, as_json=as_json)
        return
    from hwprof.search.training.requirement import require_training

    require_training()
    from hwprof.workflows.estimator_selection import SelectionRequest, select_estimator
    from hwprof.workflows.estimator_selection.drawing import draw_strategies, require_drawable
    from hwprof.workflows.pausing import pausable
    from hwprof.workflows.search_problem import training_request

    if plot is not None:
        require_drawable(plot)
        if plot == output:
            raise click.UsageError(f"--plot and --output are two files; both are {plot}.")
    request = SelectionRequest(
        training=training_request(lessons),
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
        budget_s=budget_s,
        workers=workers or default_trainers(),
        seed=seed,
        output=output,
    )
    workspace.make()
    with _stages() as stage, pausable(_say) as is_paused:
        found = select_estimator(request, workspace, stage=stage, is_paused=is_paused)
    print_selection(found, as_json=as_json)
    if plot is not None:
        draw_strategies(found.ranking, plot)
        click.echo(f"tau beside cost is drawn in {plot}", err=as_json)


_OF_ADVICE = frozenset(("space", "trials", "budget_hours", "training_s", "workspace", "as_json"))


def _refuse_samples() -> None:
    """Refuse options that say how to train or judge samples, where there are none."""
    context = click.get_current_context()
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if given and option.name not in _OF_ADVICE:
            raise click.UsageError(
                f"--training-s asks for advice alone; got {option.opts[0]}; leave it out, or give "
                "--data instead."
            )


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
