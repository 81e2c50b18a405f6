"""``hwprof search``: architectures that meet a latency budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._lessons import MOST_DEFAULT_WORKERS, default_trainers, lessons_of_search
from hwprof.cli._output import print_json
from hwprof.cli._search_output import print_search
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup
    from hwprof.workflows.search_request import Lessons

TRIALS, QUICK_TRIALS = 120, 24
SEEDS, QUICK_SEEDS = 5, 2
_KIB = 1024


@click.command()
@click.argument("space", default="person-detection")
@click.option("--budget-ms", type=float, default=None, help="Slower candidates are no solutions.")
@click.option("--max-ram-kb", type=float, help="Likewise of RAM, in units of 1024 bytes.")
@click.option("--max-flash-kb", type=float, help="Likewise of flash beside code.")
@click.option(
    "--trials",
    type=click.IntRange(1, 100_000),
    show_default=f"{TRIALS}, --quick {QUICK_TRIALS}",
)
@click.option(
    "--sampler",
    default="motpe",
    show_default=True,
    help="Search strategy: motpe, nsga2, random or exhaustive.",
)
@click.option(
    "--task",
    show_default="full-training with --data, else flops-proxy",
    help="What is maximised: full-training, early-stopping or weight-inheritance (int8 AP50, with "
    "--data), flops-proxy or parameters-proxy.",
)
@click.option(
    "--estimator",
    type=click.Path(path_type=Path),
    help="File of a fitted estimator that hwprof estimators wrote, to maximise instead of --task.",
)
@click.option("--hpo", is_flag=True, help="Search learning rate, schedule, optimiser, epochs too.")
@click.option(
    "--latency",
    default="surrogate",
    show_default=True,
    help="How a candidate's latency is known: macs, lut, surrogate, board, or surrogate+board, "
    "which runs those that a prediction leaves open.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    show_default=f"with --data the processor's cores, at most {MOST_DEFAULT_WORKERS}, else 1",
    help="Processes that run trials; one that trains takes 1 to 4 GB.",
)
@click.option(
    "--time-budget-minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="How long it may take: if more, a cheaper task is suggested before it begins.",
)
@click.option("--exhaustive/--no-exhaustive", default=True, help="Predict the whole space too.")
@click.option("--verify/--no-verify", default=True, help="Run the winners on the target.")
@click.option(
    "--report-seeds",
    type=click.IntRange(0, 100),
    show_default=f"{SEEDS}, --quick {QUICK_SEEDS}",
    help="With --data: trainings of the seed, the winners and the baselines for the report; 0 for "
    "no report.",
)
@click.option("--study", default="", help="Name of the study to go on with or to start.")
@click.option("--storage", default="", help="URL of a database for the study, postgresql://...")
@lessons_of_search
@click.option("--quick", is_flag=True, help="Few trials and short trainings, for a first look.")
@_options.bench_setup
@_options.seed
@_options.workspace
@_options.as_json
def search(
    space: str,
    *,
    budget_ms: float | None,
    max_ram_kb: float | None,
    max_flash_kb: float | None,
    trials: int | None,
    sampler: str,
    task: str | None,
    estimator: Path | None,
    hpo: bool,
    latency: str,
    workers: int | None,
    time_budget_minutes: float | None,
    exhaustive: bool,
    verify: bool,
    report_seeds: int | None,
    study: str,
    storage: str,
    lessons: Lessons | None,
    quick: bool,
    setup: Setup,
    seed: int,
    workspace: Workspace,
    as_json: bool,
) -> None:
    """Search SPACE for architectures with low latency and a high task score.

    SPACE is person-detection, a TOML file (docs/SPACES.md), or a file that hwprof advise
    --emit-space wrote.

    The same command goes on where it stopped. With --data candidates are trained, and the score
    is the average precision of the int8 network; without, it is a training-free proxy, and named
    so. Winners are run on the target, beside the network that the space was made around. With
    --data they are then trained anew and reported on pictures that nobody chose by, in a page of
    the workspace, their ONNX and int8 files beside it.
    """
    if estimator is not None and task is not None:
        raise click.UsageError(
            f"a search maximises one thing; got --estimator {estimator} and --task {task}; leave "
            "out one of them."
        )
    from hwprof.search.loop import SearchOptions
    from hwprof.workflows.detector_search import SearchRequest, search_by_name

    request = SearchRequest(
        space=space,
        strategy=sampler,
        task=task or ("flops-proxy" if lessons is None else "full-training"),
        latency=latency,
        budget_us=None if budget_ms is None else 1000 * budget_ms,
        max_ram_bytes=None if max_ram_kb is None else round(_KIB * max_ram_kb),
        max_flash_bytes=None if max_flash_kb is None else round(_KIB * max_flash_kb),
        lessons=lessons,
        estimator=estimator,
        hpo=hpo,
        options=SearchOptions(
            trials=trials or (QUICK_TRIALS if quick else TRIALS), seed=seed, study=study
        ),
        setup=setup,
        storage=storage,
        workers=workers or (1 if lessons is None else _default_workers(latency)),
        time_budget_s=None if time_budget_minutes is None else 60 * time_budget_minutes,
        exhaustive=exhaustive,
        verify=verify,
        report_seeds=(QUICK_SEEDS if quick else SEEDS) if report_seeds is None else report_seeds,
    )
    result = search_by_name(request, workspace, say=lambda text: click.echo(text, err=True))
    if as_json:
        print_json(result.to_json())
    else:
        print_search(result)


def _default_workers(latency: str) -> int:
    """One board answers one worker; else each has a core."""
    return 1 if "board" in latency else default_trainers()
