"""Options that say what candidates are trained on, and how, for all commands that train."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import click
from click.core import ParameterSource

EPOCHS, QUICK_EPOCHS = 30, 10
MOST_DEFAULT_WORKERS = 4

_ONLY_WITH_DATA = frozenset(
    ("weights", "class_name", "epochs", "train_backbone", "device", "report_seeds")
)


def lessons(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options, as ``lessons``; None without ``--data``."""
    return _taught(command, f"{EPOCHS}")


def lessons_of_search(command: Callable[..., None]) -> Callable[..., None]:
    """Likewise, of a command that has ``--quick``."""
    return _taught(command, f"{EPOCHS}, --quick {QUICK_EPOCHS}")


def default_trainers() -> int:
    """Processes that train if nobody says how many: each wants a core, and 1 to 4 GB."""
    return min(os.cpu_count() or 1, MOST_DEFAULT_WORKERS)


def _taught(command: Callable[..., None], epochs_shown: str) -> Callable[..., None]:
    @wraps(command)
    def run(
        *arguments: object,
        data: Path | None,
        weights: Path | None,
        class_name: str,
        epochs: int | None,
        train_backbone: bool,
        device: str,
        **options: object,
    ) -> None:
        given = None
        if data is None:
            _refuse_lessons()
        else:
            from hwprof.search.training.recipe import Recipe
            from hwprof.workflows.search_request import Lessons

            recipe = Recipe(epochs=epochs or (QUICK_EPOCHS if options.get("quick") else EPOCHS))
            given = Lessons(
                data, weights, class_name, recipe, frozen=not train_backbone, device=device
            )
        command(*arguments, lessons=given, **options)

    decorated: Callable[..., None] = run
    for option in reversed(_options(epochs_shown)):
        decorated = option(decorated)
    return decorated


def _refuse_lessons() -> None:
    """Refuse options that say how to train, where there is nothing to train on."""
    context = click.get_current_context()
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if given and option.name in _ONLY_WITH_DATA:
            raise click.UsageError(
                f"hwprof trains nothing without --data DIR; got {option.opts[0]}; give --data, or "
                "leave it out."
            )


def _options(epochs_shown: str) -> tuple[Callable[[Callable[..., None]], Callable[..., None]], ...]:
    return (
        click.option(
            "--data",
            type=click.Path(path_type=Path),
            help="COCO or PASCAL VOC folder: candidates are trained on it (hwprof[train]).",
        ),
        click.option(
            "--weights",
            type=click.Path(path_type=Path),
            help="Weights of the seed network, FastestDet's or hwprof's; trained from nothing "
            "without.",
        ),
        click.option("--class", "class_name", default="person", show_default=True),
        click.option(
            "--epochs",
            type=click.IntRange(1, 10_000),
            show_default=epochs_shown,
            help="Of a full training.",
        ),
        click.option(
            "--train-backbone", is_flag=True, help="Train all weights; without it the head's alone."
        ),
        click.option(
            "--device", default="cpu", show_default=True, help="cpu, or cuda, to train on."
        ),
    )
