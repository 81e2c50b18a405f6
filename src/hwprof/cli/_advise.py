"""``hwprof advise``: what to change about a model that is too slow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup
    from hwprof.workflows.advise import Advice, Alternative
    from hwprof.workflows.advised_space import AdvisedSpace


@click.command()
@click.argument("model")
@click.option(
    "--budget-ms",
    type=click.FloatRange(min=0, min_open=True),
    default=None,
    help="Latency to get below; edits that are enough are marked.",
)
@click.option(
    "--top",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="Edits to print, the largest savings; --json has all.",
)
@click.option(
    "--emit-space",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Write the edits as a search space for hwprof search.",
)
@_options.bench_setup
@_options.workspace
@_options.as_json
def advise(
    model: str,
    *,
    budget_ms: float | None,
    top: int,
    emit_space: Path | None,
    setup: Setup,
    workspace: Workspace,
    as_json: bool,
) -> None:
    """Say what could be changed about MODEL, and the time and memory that would save.

    Smaller kernels, other widths, more groups, earlier strides, a smaller input. Latencies are
    predicted, memory is planned, nothing runs; what an edit does to accuracy is unknown. MODEL is
    an ONNX or int8 TFLite file, or a named architecture.
    """
    from hwprof.models import resolve_model
    from hwprof.workflows.advise import advise as advise_on

    advice = advise_on(
        resolve_model(model).architecture,
        setup,
        budget_us=None if budget_ms is None else 1000 * budget_ms,
        workspace=workspace,
    )
    written = _write_space(advice, emit_space) if emit_space else None
    if as_json:
        print_json({"model": model, **advice.to_json()})
        return
    _print_advice(model, advice, top)
    if written:
        click.echo(
            f"\nspace of {written.space.size:,} architectures from {written.used} of "
            f"{written.offered} edits: hwprof search {emit_space}"
        )


def _write_space(advice: Advice, path: Path) -> AdvisedSpace:
    from hwprof.workflows.advised_space import advised_space

    found = advised_space(advice)
    found.space.save(path)
    return found


def _print_advice(model: str, advice: Advice, top: int) -> None:
    from hwprof.workflows.advise import ACCURACY_NOTE

    level = f"{advice.prediction.interval_level:.0%}"
    shown = advice.alternatives[:top]
    print_table(
        ("", "where", "change", "saves ms", f"{level} from", "to", "leaves ms", "saves RAM bytes"),
        [_row("*" * advice.meets_alone(one), one) for one in shown],
    )
    if len(shown) < len(advice.alternatives):
        click.echo(f"and {len(advice.alternatives) - len(shown)} that save less (--top, --json)")
    prediction = advice.prediction
    click.echo(
        f"\n{model}: {prediction.latency_us / 1000:.2f} ms predicted, between "
        f"{prediction.low_us / 1000:.2f} and {prediction.high_us / 1000:.2f} ms at {level}; peak "
        f"RAM {advice.peak_ram_bytes:,} bytes planned; {prediction.target}, timing "
        f"{prediction.context.timing_model}"
    )
    if advice.budget_us is not None:
        _print_budget(advice, advice.budget_us)
    click.echo(ACCURACY_NOTE)


def _row(mark: str, one: Alternative) -> tuple[object, ...]:
    saving = one.saving
    return (
        mark,
        one.where,
        one.edit.change,
        saving.saved_us / 1000,
        saving.low_us / 1000,
        saving.high_us / 1000,
        saving.latency_us / 1000,
        saving.saved_ram_bytes,
    )


def _print_budget(advice: Advice, budget_us: float) -> None:
    budget = f"the budget of {budget_us / 1000:g} ms"
    alone = sum(map(advice.meets_alone, advice.alternatives))
    if advice.meets_budget:
        click.echo(f"{budget} is met without an edit")
    elif alone:
        click.echo(f"* meets {budget} alone: {alone} of {len(advice.alternatives)} edits")
    elif advice.combination:
        together = advice.combination
        met = together.saving.latency_us <= budget_us
        click.echo(
            f"no edit meets {budget} alone; these {len(together.members)} together "
            f"{'meet it' if met else 'are the most that fits together, and do not either'}: "
            f"{together.saving.latency_us / 1000:.2f} ms, {together.saving.peak_ram_bytes:,} bytes"
        )
        for one in together.members:
            click.echo(f"  {one.where}: {one.edit.change}")
    else:
        click.echo(f"no edit saves anything, and {budget} is not met")
